"""A process that dies at any boundary of a checkout, a refund or a recovery, as by kill -9, costs nobody anything.

The boundaries are found, not listed: a first run that lives tells which there are, then one run dies at each. Whoever
comes first after that, the client again or recovery, the books are right and the same key gets one final answer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import TestResponse

from app.config import Settings
from app.database import Database
from app.domain.aggregate import Aggregate
from app.domain.order import Order, order_id
from app.domain.point_account import PointAccount
from app.payments.sandbox import SandboxGateway
from app.usecases.check_out import CheckOut, Purchase
from app.usecases.loyalty import Loyalty
from app.usecases.payment_gateway import Bill
from app.wiring import House
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.crashing import Errand, Plant, Send, Task, live, recover
from tests.support.http import Api, answered, basket
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Write:
    """What a member buys, and which part of it is refunded, if that is the write under test.

    `ends` is the status that its key comes to, and `at_least` so many boundaries it has.
    """

    ends: int
    at_least: int
    method: str | None = VISA
    points: int = 30
    price: int = 50_000
    given: int = 100
    refunded: int | None = None


ALL_POINTS: dict[str, Any] = {"method": None, "points": 100, "price": 10_000}
CHECKOUTS = {
    "points and a card": Write(201, 8),
    "a first purchase": Write(201, 8, points=0, given=0),
    "points alone": Write(201, 2, **ALL_POINTS),
    "a decline": Write(402, 8, method=DECLINED),
    "no answer to a charge": Write(201, 8, method=TIMEOUT),
    "a charge that was lost": Write(402, 6, method=LOST),
}
REFUNDS = {
    "a part of cash and points": Write(201, 14, refunded=20_000),
    "all of it": Write(201, 14, refunded=50_000),
    "points alone, given back": Write(201, 6, **ALL_POINTS, refunded=4_000),
    "no answer to a refund": Write(201, 12, method="pm_sandbox_refund_timeout", refunded=20_000),
    "a refused refund": Write(409, 12, method="pm_sandbox_refund_refused", refunded=20_000),
}
WRITES = CHECKOUTS | REFUNDS
# What recovery finds waiting after each, and how many boundaries it has in settling it.
RECOVERIES = {"no answer to a charge": 6, "a charge that was lost": 10, "no answer to a refund": 8}


class Crashes:
    """A shop whose processes die, and one house that lives on."""

    def __init__(self, api: Api, settings: Settings, clock: Clock, owner: Database) -> None:
        self.api = api
        self.house = api.house
        self._settings = settings
        self._clock = clock
        self._owner = owner
        self._products: dict[int, int] = {}
        self._members = 0

    def prepare(self, write: Write) -> Send:
        """A new member who has what the write needs; gives the request."""
        self._members += 1
        user = f"member-{self._members}"
        if write.price not in self._products:
            self._products[write.price] = self.api.on_sale(write.price)
        if write.given:
            self.api.grant(user, write.given)
        how = {"payment_method": write.method} if write.method else {}
        buy = Send(user, "customer", "/checkout/", basket(self._products[write.price], 1, write.points, **how), "key")
        if write.refunded is None:
            return buy
        order = answered(self.send(buy), 201)["order_id"]
        return Send("root", "admin", f"/admin/orders/{order}/refunds", {"amount": write.refunded, "reason": "r"}, user)

    def send(self, send: Send) -> TestResponse:
        """The request again, to a process that lives."""
        return self.api.as_roles(send.user, send.role).post(send.path, send.body, key=send.key)

    def boundaries(self, task: Task) -> list[str]:
        """Every boundary that a process comes to in doing `task`."""
        life = live(Errand(self._settings, self._clock.at, task))
        assert life.exitcode == 0
        return life.boundaries

    def die(self, task: Task, at: int, plant: Plant | None = None) -> list[str]:
        """Do `task` in a process that dies at this boundary; gives those that it came to."""
        life = live(Errand(self._settings, self._clock.at, task, at, plant))
        assert life.was_killed
        return life.boundaries

    def recover(self) -> list[str]:
        """As `miles recover` does, twice: the gateway may leave one question unanswered. Gives the failures."""
        return [why for _ in range(2) for _, why in recover(self.house)]

    def is_claimed(self) -> bool:
        """Whether a request under way, or one that died, has left a claim without an answer."""
        return bool(self._owner.rows("SELECT 1 FROM idempotency WHERE status IS NULL"))

    def let_leases_run_out(self) -> None:
        self._owner.execute("UPDATE idempotency SET leased_until = now() - interval '1 second' WHERE status IS NULL")


@pytest.fixture
def crashes(house: House, settings: Settings, clock: Clock, owner: Database) -> Crashes:
    return Crashes(Api(house), settings, clock, owner)


@pytest.mark.parametrize("comes_first", ["recovery", "client"])
@pytest.mark.parametrize("name", WRITES)
def test_killed_at_any_boundary_its_key_comes_to_one_answer(name: str, comes_first: str, crashes: Crashes) -> None:
    write = WRITES[name]
    boundaries = crashes.boundaries(crashes.prepare(write))
    assert len(boundaries) >= write.at_least
    for number, boundary in enumerate(boundaries):
        send = crashes.prepare(write)
        assert crashes.die(send, number) == boundaries[: number + 1]
        if comes_first == "recovery":
            assert (crashes.recover(), wrongs(crashes.house)) == ([], []), boundary
        first = come_back(crashes, send)
        assert crashes.recover() == []
        final = crashes.send(send)
        assert without_id(crashes.send(send)) == without_id(final), boundary
        assert first in (202, final.status_code), boundary
        gave_up = comes_first == "recovery" and was_placed_in_vain(boundaries[: number + 1])
        assert final.status_code == (402 if gave_up else write.ends), boundary
        assert wrongs(crashes.house) == [], boundary


def come_back(crashes: Crashes, send: Send) -> int:
    """The client sends its request again: in vain while the dead one's claim is good, then for an answer."""
    if crashes.is_claimed():
        assert crashes.send(send).get_json()["code"] == "in_flight"
        crashes.let_leases_run_out()
    return crashes.send(send).status_code


def without_id(answer: TestResponse) -> tuple[int, dict[str, Any]]:
    """An answer but for the id of its request: refusals are not kept, so each has its own."""
    return answer.status_code, answer.get_json() | {"request_id": ""}


def was_placed_in_vain(passed: list[str]) -> bool:
    """Whether the order waits for a charge that has not reached the gateway: recovery voids it, then."""
    is_pending = any(re.match("after append .*OrderPlaced$", boundary) for boundary in passed)
    return is_pending and "after INSERT INTO sandbox_charges" not in passed


@pytest.mark.parametrize("name", RECOVERIES)
def test_recovery_killed_at_any_boundary_is_taken_up_by_the_next(name: str, crashes: Crashes) -> None:
    write = WRITES[name]
    assert crashes.send(crashes.prepare(write)).status_code == 202
    boundaries = crashes.boundaries(recover)
    assert len(boundaries) >= RECOVERIES[name]
    for number, boundary in enumerate(boundaries):
        send = crashes.prepare(write)
        assert crashes.send(send).status_code == 202
        assert crashes.die(recover, number) == boundaries[: number + 1]
        assert (crashes.recover(), wrongs(crashes.house)) == ([], []), boundary
        assert [crashes.send(send).status_code for _ in range(2)] == [write.ends] * 2, boundary


def charge_first() -> None:
    """The card is charged, and only then is it written down that it will be."""
    check_out = CheckOut.__call__

    def charge_and_check_out(self: CheckOut, purchase: Purchase, *rest: Any) -> Any:
        account_id = self._directory.account_of(purchase.user_id)
        assert account_id is not None and purchase.payment_method is not None
        bill = Bill(order_id(account_id, purchase.key), 47_000, "INR", self._clock())
        self._gateway.charge(bill, purchase.payment_method)
        return check_out(self, purchase, *rest)

    CheckOut.__call__ = charge_and_check_out  # type: ignore[assignment, method-assign]


def settle_in_two_appends() -> None:
    """The order is written first and then the account, each in a transaction of its own."""
    record = Loyalty.record

    def record_each(self: Loyalty, *aggregates: Aggregate, beside: Any = ()) -> int:
        (order,) = (aggregate for aggregate in aggregates if isinstance(aggregate, Order))
        (account,) = (aggregate for aggregate in aggregates if isinstance(aggregate, PointAccount))
        if order.status == "pending" or not account.has_news:
            return record(self, account, order, beside=beside)
        record(self, order, beside=beside)
        return record(self, account)

    Loyalty.record = record_each  # type: ignore[method-assign]


def refund_under_new_ids() -> None:
    """The gateway is asked for a refund under another id each time."""
    refund = SandboxGateway.refund

    def refund_anew(self: SandboxGateway, bill: Bill, charge_id: str, _: object, amount_minor: int) -> Any:
        return refund(self, bill, charge_id, uuid4(), amount_minor)

    SandboxGateway.refund = refund_anew  # type: ignore[assignment, method-assign]


@pytest.mark.parametrize(
    ("plant", "name", "symptom"),
    [
        (charge_first, "points and a card", "None by our books"),
        (settle_in_two_appends, "points and a card", "Earned 0 points, not 50"),
        (settle_in_two_appends, "a decline", "Restored 0 points, not 30"),
        (settle_in_two_appends, "a part of cash and points", "Restored 0 points, not 12"),
        (refund_under_new_ids, "a part of cash and points", "None by our books"),
    ],
)
def test_a_checkout_that_is_not_safe_is_found_out(plant: Plant, name: str, symptom: str, crashes: Crashes) -> None:
    """The control: the same deaths, the same recovery, the same look at the books."""
    assert any(symptom in wrong for wrong in deaths_with(plant, WRITES[name], crashes))


def deaths_with(plant: Plant, write: Write, crashes: Crashes) -> Iterator[str]:
    """What is wrong after recovery, where the process that died had a bug."""
    for number in range(write.at_least):
        crashes.die(crashes.prepare(write), number, plant)
        yield from [*crashes.recover(), *wrongs(crashes.house)]
