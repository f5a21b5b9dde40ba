"""An order's life in plain sentences, from its own events and from what it did to its member's points. Pure.

What people and gateways wrote is quoted as in a member's statement; days are the programme's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.audit.money import amount
from app.audit.statement import Days, as_name, count, points, quoted
from app.domain import lots
from app.domain.account_events import Restored, Revoked
from app.domain.aggregate import Recorded
from app.domain.order import Order
from app.domain.order_events import (
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentFailed,
    RefundFailed,
    RefundRequested,
)


class Told(NamedTuple):
    """What happened, and when."""

    at: datetime
    text: str


class Named(NamedTuple):
    """The texts and people that events only name by their ids."""

    reasons: Mapping[UUID, str]
    people: Mapping[UUID, str | None]


def ids_named(log: Iterable[Recorded]) -> tuple[list[UUID], list[UUID]]:
    """The ids of reasons and of people that a story of these events needs, the member's first."""
    events = [recorded.event for recorded in log]
    reasons = [event.reason_id for event in events if isinstance(event, RefundRequested)]
    reasons += [recorded.originator_id for recorded in log if isinstance(recorded.event, OrderPlaced)]
    people = [event.account_id for event in events if isinstance(event, OrderPlaced)]
    people += [event.actor_id for event in events if isinstance(event, RefundRequested)]
    return reasons, people


def order_story(log: Sequence[Recorded], named: Named, days: Days) -> list[Told]:
    """A sentence or a few for each of the order's own events, oldest first."""
    story = _Story(log, named, days)
    return [Told(event.at, " ".join(story.told(event))) for event in story.own]


def waiting(order: Order) -> Told | None:
    """What an order waits for, and since when; None where it waits for nothing."""
    refund = order.pending_refund
    if refund:
        cash = amount(refund.cash_minor, order.placed.currency)
        return Told(
            refund.requested_at,
            f"Nobody knows yet whether the payment gateway gave the {cash} back. It is asked again and again until it"
            " says so; no points move before.",
        )
    if order.status != "pending":
        return None
    held = f"; the {points(order.placed.points_used)} stay taken" if order.placed.points_used else ""
    return Told(
        order.placed.at,
        "Nobody knows yet whether the card was charged. The payment gateway is asked again and again until it says"
        f" so{held}.",
    )


class _Story:
    """The events of one order, each able to look at what the account made of it."""

    def __init__(self, log: Sequence[Recorded], named: Named, days: Days) -> None:
        events = [recorded.event for recorded in log]
        own = [recorded for recorded in log if Order.folds(recorded.event)]
        self.own = [recorded.event for recorded in own]
        self._order_id, self._currency = own[0].originator_id, self.own[0].currency
        self._restored = {event.refund_id: event for event in events if isinstance(event, Restored)}
        self._revoked = {event.refund_id: event for event in events if isinstance(event, Revoked)}
        self._named = named
        self._days = days

    def told(self, event: Any) -> list[str]:
        """What one of the order's own events says."""
        match event:
            case OrderPlaced():
                return self._was_placed(event)
            case OrderPaid():
                return [self._was_paid(event), *self._earned(event)]
            case PaymentFailed():
                back = f" {_back(event.points_restored)}." if event.points_restored else ""
                return [f"The card was not charged; the gateway says {as_name(event.reason)}.{back}", *self._anew(None)]
            case RefundRequested():
                return [self._was_asked(event)]
            case OrderRefunded():
                return self._was_refunded(event)
            case RefundFailed():
                said = f"The payment gateway gives nothing back; it says {as_name(event.reason)}."
                return [f"{said} No points were moved."]
        raise LookupError(f"an order has no {type(event).__name__}")

    def _was_placed(self, event: OrderPlaced) -> list[str]:
        parts = [points(event.points_used)] if event.points_used else []
        if event.cash_due_minor or not parts:
            parts.append(f"{self._money(event.cash_due_minor)}{' by card' if event.gateway else ''}")
        reference = self._named.reasons.get(self._order_id)
        imported = [f"{quoted(reference)}."] if reference else []
        promised = f"{points(event.points_promised)} {'are' if event.points_promised != 1 else 'is'} promised"
        rule = f"under rule version {event.rule_version}"
        return [f"Placed for {' and '.join(parts)}.", *imported, f"{promised} once it is paid, {rule}."]

    def _was_paid(self, event: OrderPaid) -> str:
        if event.charge_id:
            return f"The card was charged {self._money(event.cash_minor)}, as {as_name(event.charge_id)}."
        return (
            f"{self._money(event.cash_minor)} was paid elsewhere." if event.cash_minor else "Nothing was left to pay."
        )

    def _earned(self, event: OrderPaid) -> list[str]:
        if not event.points_earned:
            return ["It earned no points."]
        said = [f"{count(event.points_earned, 'point was', 'points were')} earned"]
        lot = event.lot
        if lot and lot.available_at > event.at:
            said.append(f"to be spent from {self._days.moment(lot.available_at)} on")
        if lot:
            said.append(f"spendable until {self._days.last(lot.expires_at)}")
        told = [f"{', '.join(said)}."]
        repaid = event.points_earned - (lot.points if lot else 0)
        return [*told, f"{repaid} of them repaid debt."] if repaid else told

    def _was_asked(self, event: RefundRequested) -> str:
        actor = self._named.people.get(event.actor_id)
        who = as_name(actor) if actor else "somebody who was forgotten"
        reason = self._named.reasons.get(event.reason_id)
        why = f", because {quoted(reason)}" if reason else ""
        return f"A refund of {self._money(event.amount_minor)} was asked for by {who}{why}."

    def _was_refunded(self, event: OrderRefunded) -> list[str]:
        moved = [f"{self._money(event.cash_minor)} went back to the card"] if event.cash_minor else []
        if event.points_restored:
            moved.append(f"{count(event.points_restored, 'point was', 'points were')} restored")
        if event.points_revoked:
            moved.append(f"{count(event.points_revoked, 'point was', 'points were')} revoked")
        said = [f"{_listed(moved) or 'Neither cash nor points moved'}."]
        revoked = self._revoked.get(event.refund_id)
        if revoked and revoked.debt_added:
            said.append(f"{revoked.debt_added} of those revoked had been spent, and became debt.")
        said += self._anew(event.refund_id)
        left = f"{self._money(event.left_minor)} of the order is left" if event.left_minor else "Nothing is left of it"
        return [*said, f"{left} to be refunded."]

    def _anew(self, refund_id: UUID | None) -> list[str]:
        """What became of points that came back, where they are not just in their lots again."""
        event = self._restored.get(refund_id)
        if event is None:
            return []
        said = [f"{event.debt_repaid} of those that came back repaid debt."] if event.debt_repaid else []
        if event.made:
            anew = lots.total(lots.Part(lot, lot.points) for lot in event.made)
            until = self._days.last(event.made[0].expires_at)
            said.append(f"{anew} of those that came back had lapsed, and can be spent until {until}.")
        return said

    def _money(self, minor: int) -> str:
        return amount(minor, self._currency)


def _back(number: int) -> str:
    return count(number, "point came back", "points came back")


def _listed(parts: Sequence[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
