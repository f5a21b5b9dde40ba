"""What happens to a purchase: the order's events.

Events are for ever: none is renamed or reshaped; a new shape is a new class with an upcast (app/eventstore/upcasts).
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.domain.aggregate import Event
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
    request, so that another request under the same key is told apart. `gateway` is whom the cash is asked of from now
    on: whoever else is asked later knows nothing of it. None where no cash is due, or where it was paid elsewhere.
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
    gateway: str | None


class OrderPaid(Event, frozen=True, kw_only=True):
    """Nothing is owed any more. `charge_id` is the gateway's, `lot` what it earned.

    There is no charge where points paid for all, and where the order was imported: it was paid elsewhere.
    """

    charge_id: str | None
    cash_minor: int
    points_earned: int
    lot: Lot | None


class PaymentFailed(Event, frozen=True, kw_only=True):
    """The card was declined; the points went back."""

    reason: str
    points_restored: int


class RefundRequested(Event, frozen=True, kw_only=True):
    """An admin gives `amount_minor` of the total back; `cash_minor` of it is asked of the gateway from now on."""

    refund_id: UUID
    amount_minor: int
    cash_minor: int
    reason_id: UUID
    actor_id: UUID


class OrderRefunded(Event, frozen=True, kw_only=True):
    """The refund was made; `left_minor` of the total can still be.

    `expired` is what was gone of the earned points' own lot by then, and so was not asked for. `gateway_refund_id` is
    None where no cash was given back.
    """

    refund_id: UUID
    amount_minor: int
    left_minor: int
    cash_minor: int
    points_restored: int
    points_revoked: int
    expired: int
    gateway_refund_id: str | None


class RefundFailed(Event, frozen=True, kw_only=True):
    """The gateway gives nothing back, for its `reason`; nothing was restored or revoked."""

    refund_id: UUID
    reason: str
