"""One purchase: what was bought at which price, what was paid with points and what by card, and how it ended.

The order remembers which lots its points came from and which lot it earned, so that both can be undone, whole or in
parts (DOMAIN rules 6 to 8).

Invariants (each has a test of this name):
- cash due is the total less the points at their value, and never below nothing
- an order is paid or failed once
- an order earns what was promised when it was placed
- refunds in any number of parts sum exactly to the whole
- one refund at a time
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID, uuid5

import msgspec

from app.domain import lots
from app.domain.aggregate import Aggregate
from app.domain.errors import DomainError, invalid
from app.domain.lots import Lot, Part
from app.domain.order_events import (
    Line,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentFailed,
    RefundFailed,
    RefundRequested,
)

REFUNDABLE = ("paid", "partially_refunded", "refunded")
"""Statuses in which a refund may be asked for; of a refunded order nothing is left, which is the answer it gets."""


class Refund(msgspec.Struct):
    """A refund of the order: pending, done or failed. `left_minor` is what it left to be refunded."""

    refund_id: UUID
    requested_at: datetime
    amount_minor: int
    cash_minor: int
    status: str = "pending"
    points_restored: int = 0
    points_revoked: int = 0
    left_minor: int = 0
    reason: str = ""


def order_id(account_id: UUID, idempotency_key: str) -> UUID:
    """The id of the order that `account_id` places under this key: a second try meets the first by its id."""
    return uuid5(account_id, idempotency_key)


class Order(Aggregate, events=(OrderPlaced, OrderPaid, PaymentFailed, RefundRequested, OrderRefunded, RefundFailed)):
    """pending, then paid or failed; what was paid may be refunded, by and by."""

    placed: OrderPlaced
    """What was ordered; there from version 1."""

    def __init__(self, order_id: UUID) -> None:
        super().__init__(order_id)
        self.status = "absent"
        self.failure: str | None = None
        self.charge_id: str | None = None
        self.points_earned = 0
        self.points_restored = 0
        self.points_revoked = 0
        self.refunded_minor = 0
        self.refunds: dict[UUID, Refund] = {}
        self.lot: Lot | None = None

    @property
    def pending_refund(self) -> Refund | None:
        """The refund that the gateway has not answered yet."""
        return next((refund for refund in self.refunds.values() if refund.status == "pending"), None)

    @property
    def left_minor(self) -> int:
        """What of the total was not refunded yet."""
        return self.placed.total_minor - self.refunded_minor

    @property
    def is_paid_here(self) -> bool:
        """Whether there is something to give back: what was paid elsewhere, as an imported order's cash was, is not."""
        return self.charge_id is not None or self.placed.cash_due_minor == 0

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

    def request_refund(
        self, at: datetime, refund_id: UUID, amount_minor: int | None, reason_id: UUID, actor_id: UUID
    ) -> Refund:
        """Begin to give back `amount_minor` of the total, or all that is left.

        Raises `order_not_refundable`, `refund_exceeds_order`, `invalid_request`.
        """
        left = self.left_minor
        if self.pending_refund:
            raise DomainError("order_not_refundable", retryable=True, order_status=self.status, refund_pending=True)
        is_empty = (left, amount_minor) == (0, None)
        if self.status not in REFUNDABLE or is_empty or not self.is_paid_here:
            raise DomainError("order_not_refundable", order_status=self.status)
        amount = left if amount_minor is None else amount_minor
        if amount < 1:
            raise invalid(amount="Must be 1 or more.")
        if amount > left:
            raise DomainError("refund_exceeds_order", amount=amount, left=left, currency=self.placed.currency)
        cash = self._share(self.placed.cash_due_minor, amount)
        self._trigger(
            RefundRequested(
                at=at, refund_id=refund_id, amount_minor=amount, cash_minor=cash, reason_id=reason_id, actor_id=actor_id
            )
        )
        return self.refunds[refund_id]

    def parts_to_restore(self, refund: Refund) -> tuple[Part, ...]:
        """What `refund` puts back of the points that the order took: what was taken last goes back first.

        So what stays taken is just what an order with fewer points would have taken.
        """
        taken = lots.take(self.placed.taken, self.placed.points_used - self.points_restored)
        restored = self._share(self.placed.points_used, refund.amount_minor)
        return tuple(lots.without(taken, lots.take(taken, lots.total(taken) - restored)))

    def points_to_revoke(self, refund: Refund, expired: int) -> int:
        """What `refund` takes back of the points that the order earned; `expired` of their own lot are gone already."""
        share = self._share(self.points_earned, refund.amount_minor)
        return max(0, min(share, self.points_earned - self.points_revoked - expired))

    def refund(self, at: datetime, refund: Refund, expired: int, gateway_refund_id: str | None) -> None:
        """The pending refund was made: its points go the ways that the account has been told."""
        assert refund.status == "pending"
        self._trigger(
            OrderRefunded(
                at=at,
                refund_id=refund.refund_id,
                amount_minor=refund.amount_minor,
                left_minor=self.left_minor - refund.amount_minor,
                cash_minor=refund.cash_minor,
                points_restored=lots.total(self.parts_to_restore(refund)),
                points_revoked=self.points_to_revoke(refund, expired),
                expired=expired,
                gateway_refund_id=gateway_refund_id,
            )
        )

    def fail_refund(self, at: datetime, refund: Refund, reason: str) -> None:
        """The gateway refused the pending refund for good."""
        assert refund.status == "pending"
        self._trigger(RefundFailed(at=at, refund_id=refund.refund_id, reason=reason))

    def _share(self, whole: int, amount_minor: int) -> int:
        """The part of `whole` that belongs to the next `amount_minor` of the total (rule 8)."""
        total, before = self.placed.total_minor, self.refunded_minor
        return whole * (before + amount_minor) // total - whole * before // total

    def _refuse_unless_pending(self) -> None:
        if self.status != "pending":
            raise DomainError("order_not_pending", order_status=self.status)

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
        self.failure = event.reason
        self.points_restored = event.points_restored

    def _apply_refund_requested(self, event: RefundRequested) -> None:
        self.refunds[event.refund_id] = Refund(event.refund_id, event.at, event.amount_minor, event.cash_minor)

    def _apply_order_refunded(self, event: OrderRefunded) -> None:
        refund = self.refunds[event.refund_id]
        refund.status, refund.left_minor = "done", event.left_minor
        refund.points_restored, refund.points_revoked = event.points_restored, event.points_revoked
        self.refunded_minor += event.amount_minor
        self.points_restored += event.points_restored
        self.points_revoked += event.points_revoked
        self.status = refunded_status(event)

    def _apply_refund_failed(self, event: RefundFailed) -> None:
        refund = self.refunds[event.refund_id]
        refund.status, refund.reason = "failed", event.reason


def refunded_status(event: OrderRefunded) -> str:
    """An order's status after a refund."""
    return "partially_refunded" if event.left_minor else "refunded"


def total_of(lines: Sequence[Line]) -> int:
    """What the lines cost together, in minor units."""
    return sum(line.quantity * line.unit_price_minor for line in lines)
