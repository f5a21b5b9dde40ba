"""Where points come from and where they go: each lot with what made it and what moved it since, and debt alike.

A pure reading of one account's events. What it says adds up: a lot's points and its movements give what is left of it,
and lots and debts together give every total of the account's lifetime.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from app.audit.explanation import Earning, Making, Movement, TracedLot
from app.audit.log_view import Happened
from app.domain.account_events import AccountEvent, Adjusted, Earned, Expired, Redeemed, Restored, Revoked
from app.domain.lots import Lot

TYPES: dict[type, str] = {
    Earned: "earn",
    Redeemed: "use",
    Restored: "restore",
    Revoked: "revoke",
    Expired: "expire",
    Adjusted: "manual",
}
"""What the feed calls each event that moves points."""


class Facts(Protocol):
    """What an account's events refer to."""

    def reason(self, reason_id: UUID | None) -> str | None:
        """The text of a reason, None where there is none."""

    def person(self, person_id: UUID | None) -> str | None:
        """The user behind an id, None for nobody and for one who was forgotten."""

    def earning(self, earned: Earned) -> Earning:
        """The arithmetic behind an order's points."""


def lots_made(event: Any) -> Sequence[Lot]:
    """The lots that an event made."""
    match event:
        case Earned(lot=Lot() as lot) | Adjusted(lot=Lot() as lot):
            return (lot,)
        case Restored():
            return event.made
    return ()


def reference_of(event: Any) -> UUID:
    """What stands behind a lot that `event` made: the order, or the adjustment by its reason's id."""
    found: UUID = event.reason_id if isinstance(event, Adjusted) else event.order_id
    return found


def subjects(happened: Happened) -> set[UUID | int]:
    """What an event is about, in which its order among others matters: an order, and the lots it made or moved."""
    event = happened.event
    if not isinstance(event, AccountEvent):
        return {happened.stream}
    lots = {lot_id for lot_id, _ in _moves(event)} | {lot.id for lot in lots_made(event)}
    order_id: UUID | None = getattr(event, "order_id", None)
    return {*lots, order_id} if order_id else {*lots}


def traced_lots(events: Sequence[Happened], as_of: datetime, facts: Facts) -> list[TracedLot]:
    """Every lot that the account ever had, oldest first, as it stands at `as_of`."""
    made = {lot.id: (lot, _making(lot, h, facts)) for h in events for lot in lots_made(h.event)}
    moved: dict[int, list[Movement]] = {lot_id: [] for lot_id in made}
    for happened in events:
        for lot_id, points in _moves(happened.event):
            moved.setdefault(lot_id, []).append(Movement(points=points, **_cause(happened, facts)))
    return [_traced(lot_id, made, moved[lot_id], as_of) for lot_id in sorted(made)]


def debts(events: Sequence[Happened], facts: Facts) -> list[Movement]:
    """What became debt, and what repaid it: their sum is what is owed."""
    changes = ((h, getattr(h.event, "debt_added", 0) - getattr(h.event, "debt_repaid", 0)) for h in events)
    return [Movement(points=points, **_cause(happened, facts)) for happened, points in changes if points]


def _moves(event: Any) -> Iterable[tuple[int, int]]:
    """Lot and signed points."""
    match event:
        case Redeemed() | Revoked() | Expired() | Adjusted():
            return [(part.lot.id, -part.points) for part in event.taken]
        case Restored():
            return [(part.lot.id, part.points) for part in event.returned]
    return ()


def _cause(happened: Happened, facts: Facts) -> dict[str, Any]:
    event = happened.event
    order_id, refund_id = getattr(event, "order_id", None), getattr(event, "refund_id", None)
    return {
        "position": happened.position,
        "at": event.at,
        "type": TYPES[type(event)],
        "order_id": order_id,
        "refund_id": refund_id,
        # A refund's reason stands under the refund's id, the reference of an imported order under the order's.
        "reason": facts.reason(getattr(event, "reason_id", None) or refund_id or order_id),
        "actor": facts.person(getattr(event, "actor_id", None)),
    }


def _making(lot: Lot, happened: Happened, facts: Facts) -> Making:
    event = happened.event
    return Making(
        lot=lot.id,
        points=event.points,
        debt_repaid=event.debt_repaid,
        parent=lot.parent,
        earning=facts.earning(event) if isinstance(event, Earned) else None,
        **_cause(happened, facts),
    )


def _traced(lot_id: int, made: dict[int, tuple[Lot, Making]], movements: list[Movement], as_of: datetime) -> TracedLot:
    lot, _ = made[lot_id]
    remaining = lot.points + sum(movement.points for movement in movements)
    trace, link = [], made.get(lot_id)
    while link:
        ancestor, making = link
        trace.append(making)
        link = made.get(ancestor.parent) if ancestor.parent else None
    return TracedLot(
        lot=lot.id,
        points=lot.points,
        remaining=remaining,
        state=_state(lot, remaining, as_of),
        earned_at=lot.earned_at,
        available_at=lot.available_at,
        expires_at=lot.expires_at,
        trace=trace,
        movements=movements,
    )


def _state(lot: Lot, remaining: int, as_of: datetime) -> str:
    if not remaining:
        return "empty"
    if lot.is_lapsed(as_of):
        return "lapsed"
    return "pending" if lot.is_pending(as_of) else "available"
