"""One purchase: what was bought at which price, what was paid with points and what by card, and how it ended.

The order remembers which lots its points came from and which lot it earned, so that both can be undone.

Invariants (each has a test of this name):
- cash due is the total less the points at their value, and never below nothing
- an order is paid or failed once
- an order earns what was promised when it was placed
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

import msgspec

from app.domain import lots
from app.domain.aggregate import Aggregate, Event
from app.domain.errors import DomainError
from app.domain.lots import Lot, Part


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """So many of a product at the catalogue's own price when the order was placed."""

    product_id: int
    name: str
    quantity: int
    unit_price_minor: int


class OrderPlaced(Event, frozen=True, kw_only=True):
    """The order exists and its points are taken; the rest, `cash_due_minor`, is still owed.

    `points_promised` is what it earns once paid, under version `rule_version`. `fingerprint` is a digest of the
    request, so that another request under the same key is told apart.
    """

    account_id: UUID
    lines: tuple[Line, ...]
    currency: str
    total_minor: int
    points_used: int
    taken: tuple[Part, ...]
    cash_due_minor: int
    points_promised: int
    rule_version: int
    fingerprint: str


class OrderPaid(Event, frozen=True, kw_only=True):
    """Nothing is owed any more. `charge_id` is the gateway's (None where points paid for all), `lot` what it earned."""

    charge_id: str | None
    cash_minor: int
    points_earned: int
    lot: Lot | None


class PaymentFailed(Event, frozen=True, kw_only=True):
    """The card was declined; the points went back."""

    reason: str
    points_restored: int


def order_id(account_id: UUID, idempotency_key: str) -> UUID:
    """The id of the order that `account_id` places under this key: a second try meets the first by its id."""
    return uuid5(account_id, idempotency_key)


class Order(Aggregate, events=(OrderPlaced, OrderPaid, PaymentFailed)):
    """pending, then paid or failed."""

    placed: OrderPlaced
    """What was ordered; there from version 1."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(order_id)
        self.status = "absent"
        self.charge_id: str | None = None
        self.points_earned = 0
        self.points_restored = 0
        self.lot: Lot | None = None

    @classmethod
    def place(cls, order_id: UUID, placed: OrderPlaced) -> Self:
        """A new order, pending. The points of `placed` have been taken from the account beside it."""
        assert placed.cash_due_minor >= 0
        assert placed.points_used == lots.total(placed.taken)
        order = cls(order_id)
        order._trigger(placed)
        return order

    def pay(self, at: datetime, charge_id: str | None, lot: Lot | None) -> None:
        """The cash came in (or none was due). `lot` is what the account made of the promised points."""
        self._refuse_unless_pending()
        self._trigger(
            OrderPaid(
                at=at,
                charge_id=charge_id,
                cash_minor=self.placed.cash_due_minor,
                points_earned=self.placed.points_promised,
                lot=lot,
            )
        )

    def fail(self, at: datetime, reason: str) -> None:
        """The card was declined, for the gateway's `reason`."""
        self._refuse_unless_pending()
        self._trigger(PaymentFailed(at=at, reason=reason, points_restored=self.placed.points_used))

    def _refuse_unless_pending(self) -> None:
        if self.status != "pending":
            raise DomainError("order_not_pending", status=self.status)

    def _apply_order_placed(self, event: OrderPlaced) -> None:
        self.placed = event
        self.status = "pending"

    def _apply_order_paid(self, event: OrderPaid) -> None:
        self.status = "paid"
        self.charge_id = event.charge_id
        self.points_earned = event.points_earned
        self.lot = event.lot

    def _apply_payment_failed(self, event: PaymentFailed) -> None:
        self.status = "failed"
        self.points_restored = event.points_restored


def total_of(lines: Sequence[Line]) -> int:
    """What the lines cost together, in minor units."""
    return sum(line.quantity * line.unit_price_minor for line in lines)
