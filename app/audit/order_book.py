"""An order's book: the invariants of DOMAIN that a purchase must keep, whoever wrote the events.

It follows an order event by event and stops at the first that does not fit: paid or failed once, refunded in parts that
never come to more than the whole. It looks at no account; `agreement` does.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec

from app.audit.findings import MAX_NUMBER, require
from app.domain import lots
from app.domain.aggregate import Recorded
from app.domain.order import REFUNDABLE, refunded_status, total_of
from app.domain.order_events import (
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentFailed,
    RefundFailed,
    RefundRequested,
)


class OrderBook(msgspec.Struct, tag="order"):
    """What an order's events come to. The names are those of `Order` and `OrderPlaced`."""

    account_id: UUID | None = None
    status: str = "absent"
    total_minor: int = 0
    cash_due_minor: int = 0
    points_used: int = 0
    points_promised: int = 0
    points_earned: int = 0
    points_revoked: int = 0
    refunded_minor: int = 0
    pending: tuple[UUID, int, int] | None = None
    """The refund that waits for the gateway: its id, amount and cash."""

    def follow(self, recorded: Recorded) -> None:
        """Go on by the order's next event. Raises Broken."""
        match recorded.event:
            case OrderPlaced() as event:
                self._place(event)
            case OrderPaid() as event:
                self._settle()
                require(event.cash_minor == self.cash_due_minor, "it is not paid what was due")
                require(event.points_earned == self.points_promised, "it does not earn what was promised")
                self.status, self.points_earned = "paid", event.points_earned
            case PaymentFailed() as event:
                self._settle()
                require(event.points_restored == self.points_used, "it does not restore what was used")
                self.status = "failed"
            case RefundRequested() as event:
                self._request(event)
            case OrderRefunded() as event:
                self._refund(event)
            case RefundFailed() as event:
                require(self.pending is not None and self.pending[0] == event.refund_id, "no such refund is pending")
                self.pending = None
            case _:
                require(False, "it is not an event of an order")

    def _place(self, event: OrderPlaced) -> None:
        require(self.status == "absent", "an order is placed once")
        # An imported purchase says what was paid, not for what.
        require(event.total_minor == total_of(event.lines) or not event.lines, "its lines do not sum to its total")
        require(event.points_used == lots.total(event.taken), "it does not use the points that were taken")
        amounts = (event.total_minor, event.points_used, event.cash_due_minor, event.points_promised)
        require(min(amounts) >= 0, "it is placed with less than nothing")
        require(max(amounts) <= MAX_NUMBER, "it is placed with more than there can be")
        self.status, self.account_id = "pending", event.account_id
        self.total_minor, self.points_used, self.cash_due_minor, self.points_promised = amounts

    def _settle(self) -> None:
        require(self.status == "pending", f"an order that is {self.status} cannot be settled")

    def _request(self, event: RefundRequested) -> None:
        require(self.status in REFUNDABLE, f"an order that is {self.status} cannot be refunded")
        require(self.pending is None, "one refund at a time")
        left = self.total_minor - self.refunded_minor
        require(1 <= event.amount_minor <= left, f"of {left} that are left it refunds {event.amount_minor}")
        cash = self._share(self.cash_due_minor, event.amount_minor)
        require(event.cash_minor == cash, "its cash is not in proportion")
        self.pending = (event.refund_id, event.amount_minor, event.cash_minor)

    def _refund(self, event: OrderRefunded) -> None:
        asked = (event.refund_id, event.amount_minor, event.cash_minor)
        require(self.pending == asked, "it is not the refund that was requested")
        left = self.total_minor - self.refunded_minor - event.amount_minor
        require(event.left_minor == left, f"it says that {event.left_minor} are left, and {left} are")
        restored = self._share(self.points_used, event.amount_minor)
        require(event.points_restored == restored, "what it restores is not in proportion")
        share = self._share(self.points_earned, event.amount_minor)
        revoked = max(0, min(share, self.points_earned - self.points_revoked - event.expired))
        require(event.points_revoked == revoked, "what it revokes is not in proportion")
        self.pending, self.status = None, refunded_status(event)
        self.refunded_minor += event.amount_minor
        self.points_revoked += event.points_revoked

    def _share(self, whole: int, amount_minor: int) -> int:
        """The part of `whole` that belongs to the next `amount_minor` of the total (rule 8)."""
        before = self.refunded_minor
        return whole * (before + amount_minor) // self.total_minor - whole * before // self.total_minor


def points_of(event: Any) -> tuple[tuple[str, int], ...]:
    """What an order's event says that became of its account's points: kind of account event, and how many."""
    match event:
        case OrderPlaced():
            return (("Redeemed", event.points_used),)
        case OrderPaid():
            return (("Earned", event.points_earned),)
        case PaymentFailed():
            return (("Restored", event.points_restored),)
        case OrderRefunded():
            return (("Restored", event.points_restored), ("Revoked", event.points_revoked))
    return ()
