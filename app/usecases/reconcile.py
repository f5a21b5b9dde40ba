"""Reconcile: our orders against the gateway's own list of charges. It finds, and repairs nothing."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from app.usecases.payment_gateway import PaymentGateway, StatementLine
from app.usecases.ports import OrderBooks, OrderEntry

BATCH = 500
"""Charges compared at a time."""

_EVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Difference:
    """Where the books disagree: about an order of ours, or about a charge that names none."""

    order_id: UUID | None
    charge_id: str | None
    what: str


@dataclass
class Reconciliation:
    """What was compared, and where it differs."""

    charges: int = 0
    orders: int = 0
    differences: list[Difference] = field(default_factory=list)


class Reconcile:
    """Our paid orders are noted first and looked up again after the gateway's list, so that what was paid meanwhile is
    no difference. What is charged or refunded in the very moment of the comparison may be one: run it again.
    """

    def __init__(self, gateway: PaymentGateway, books: OrderBooks) -> None:
        self._gateway = gateway
        self._books = books

    def __call__(self, since: datetime) -> Reconciliation:
        """Compare the charges and orders since then. Raises GatewayUnreachable."""
        result = Reconciliation()
        unlisted = {entry.order_id: entry for entry in self._books.charged(self._gateway.name, since)}
        result.orders = len(unlisted)
        for lines in _batches(self._gateway.statement(since, _EVER)):
            ours = self._books.entries([line.order_id for line in lines if line.order_id])
            for line in lines:
                result.charges += 1
                entry = ours.get(line.order_id) if line.order_id else None
                result.differences += [Difference(line.order_id, line.charge_id, w) for w in _apart(line, entry)]
                if line.order_id:
                    unlisted.pop(line.order_id, None)
        for entry in unlisted.values():
            what = f"paid {entry.cash_due_minor} {entry.currency}, but the gateway lists no charge"
            result.differences.append(Difference(entry.order_id, entry.charge_id, what))
        return result


def _batches(lines: Iterator[StatementLine]) -> Iterator[list[StatementLine]]:
    while batch := list(itertools.islice(lines, BATCH)):
        yield batch


def _apart(line: StatementLine, entry: OrderEntry | None) -> Iterator[str]:
    """How a charge and its order disagree, in words."""
    charged = f"charged {line.amount_minor} {line.currency} as {line.charge_id}"
    if entry is None:
        yield f"{charged}, but there is no such order"
        return
    if entry.charge_id is None:
        yield f"{charged}, but the order is {entry.status}"
    elif entry.charge_id != line.charge_id:
        yield f"{charged}, but the order was paid by {entry.charge_id}"
    if (line.amount_minor, line.currency) != (entry.cash_due_minor, entry.currency):
        yield f"{charged}, but the order owes {entry.cash_due_minor} {entry.currency}"
    if line.refunded_minor != entry.cash_refunded_minor:
        under_way = ", one refund is under way" if entry.is_waiting else ""
        yield f"the gateway gave back {line.refunded_minor}, the order says {entry.cash_refunded_minor}{under_way}"
