"""A gateway behind a bad line: the sandbox itself, with requests and answers that get lost on the way.

It stands for the network alone. It never answers for the sandbox, but for a refund that it was told to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from app.payments.sandbox import SandboxGateway
from app.usecases.payment_gateway import (
    Absent,
    Bill,
    Charged,
    Declined,
    Refunded,
    RefundRefused,
    StatementLine,
    Unknown,
)
from tests.machine.money import Way

T = TypeVar("T")

SILENCE = Unknown("no answer came")


class BadLine:
    """Each of the port's requests goes the way that stands in `ways`, and well where none does.

    `meanwhile`, if there is one, happens while the next charge or refund is under way, `afterwards` when it is done but
    not yet answered; both on a good line.
    """

    def __init__(self, sandbox: SandboxGateway) -> None:
        self._sandbox = sandbox
        self.name = sandbox.name
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self.ways: dict[str, Way] = {}
        self.meanwhile: Callable[[], object] | None = None
        self.afterwards: Callable[[], object] | None = None
        self.asked: list[UUID] = []
        self._late: list[Callable[[], object]] = []
        self._refused: set[UUID] = set()
        self._made: set[UUID] = set()

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        return self._under_way("charge", lambda: self._sandbox.charge(bill, payment_method))

    def outcome(self, bill: Bill) -> Charged | Declined | Absent | Unknown:
        self.asked.append(bill.order_id)
        return self._sent("outcome", lambda: self._sandbox.outcome(bill))

    def void(self, bill: Bill) -> Charged | Declined | Unknown:
        return self._sent("void", lambda: self._sandbox.void(bill))

    def refund(
        self, bill: Bill, charge_id: str, refund_id: UUID, amount_minor: int
    ) -> Refunded | RefundRefused | Unknown:
        self.asked.append(bill.order_id)
        is_refused = self.ways.get("refund") is Way.REFUSED

        def arrive() -> Refunded | RefundRefused | Unknown:
            if is_refused and refund_id not in self._made:
                self._refused.add(refund_id)
            if refund_id in self._refused:
                return RefundRefused("refund_not_allowed")
            self._made.add(refund_id)
            return self._sandbox.refund(bill, charge_id, refund_id, amount_minor)

        return self._under_way("refund", arrive)

    def statement(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        return self._sandbox.statement(since, until)

    def deliver(self) -> None:
        """Let arrive what was late."""
        late, self._late = self._late, []
        for request in late:
            request()

    def close(self) -> None:
        self._sandbox.close()

    def _under_way(self, verb: str, request: Callable[[], T]) -> T | Unknown:
        self._happen("meanwhile")
        answer = self._sent(verb, request)
        self._happen("afterwards")
        return answer

    def _happen(self, what: str) -> None:
        action = getattr(self, what)
        if action:
            setattr(self, what, None)
            ways, self.ways = self.ways, {}
            action()
            self.ways = ways

    def _sent(self, verb: str, request: Callable[[], T]) -> T | Unknown:
        way = self.ways.get(verb, Way.ANSWERED)
        if way is Way.LATE:
            self._late.append(request)
        if way in (Way.LATE, Way.LOST):
            return SILENCE
        answer = request()
        return SILENCE if way is Way.NO_ANSWER else answer
