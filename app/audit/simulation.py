"""One member's history once more, as if their orders had gone by another rule. Events in, an account out: pure.

Everybody does what they did, when they did it: buys the same, pays with as many points as the rule and the balance then
allow, is charged or declined, gets the same part of an order refunded. Accounts and orders decide by the domain's own
rules. Points lapse at their instant, whenever the sweep came by: sweeps come by as they did.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.domain import calendar, lots
from app.domain.account_events import Adjusted, Expired, Opened, Restored
from app.domain.aggregate import Event
from app.domain.lots import Lot, Part
from app.domain.order import Order
from app.domain.order_events import (
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentFailed,
    RefundFailed,
    RefundRequested,
)
from app.domain.point_account import PointAccount
from app.domain.programme import Programme, RuleVersion
from app.domain.rules import Rule
from app.usecases.settle_payment import pay

NEVER = datetime.max.replace(tzinfo=UTC)
"""From when on the proposal is in effect for what is not simulated: it is not."""

SIMULATED = "simulated"
"""The charge of an order that points alone had paid for: under the proposal it may owe cash, and has paid it."""


class Terms(NamedTuple):
    """The rules that were, with the proposal as the last version; orders placed before `since` go by their own."""

    programme: Programme
    since: datetime | None
    zone: ZoneInfo

    @property
    def proposal(self) -> RuleVersion:
        """The version that nobody has made."""
        return self.programme.versions[-1]

    def reach(self, placed: OrderPlaced) -> bool:
        """Whether an order goes by the proposal."""
        return self.since is None or placed.at >= self.since


def terms(programme: Programme, rule: Rule, since: datetime | None, zone: ZoneInfo) -> Terms:
    """What to simulate. Raises `invalid_request` for a rule that cannot work; `programme` itself stays as it is."""
    rule.refuse_if_unworkable()
    proposed = Programme()
    proposed.versions = [*programme.versions, RuleVersion(len(programme.versions) + 1, rule, NEVER, None, None)]
    return Terms(proposed, since, zone)


class Simulation:
    """An account under the proposal, and what it did differently; play its events and its orders' in their order."""

    account: PointAccount
    """There once `Opened` was played, which comes before all else."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._orders: dict[UUID, Order] = {}
        self._expired: Counter[int] = Counter()
        self._came_back: dict[tuple[UUID, UUID | None], Restored] = {}
        self.orders_reached = 0
        self.affected: set[UUID] = set()

    def play(self, stream: UUID, event: Event) -> None:
        """Go on by one event. Those that say what an order did to the account are decided anew, and so passed over.

        What really came back is kept until the order says so, which it does next, to be compared.
        """
        match event:
            case Opened():
                self.account = PointAccount.open(stream, event.at)
            case Expired():
                self.lapse(event.at)
            case Restored():
                self._came_back[event.order_id, event.refund_id] = event
            case Adjusted():
                self._adjust(event)
            case OrderPlaced():
                self._place(stream, event)
            case OrderPaid():
                self._pay(self._orders[stream], event)
            case PaymentFailed():
                self._fail(self._orders[stream], event)
            case RefundRequested():
                self._orders[stream].request_refund(
                    event.at, event.refund_id, event.amount_minor, event.reason_id, event.actor_id
                )
            case RefundFailed():
                order = self._orders[stream]
                order.fail_refund(event.at, order.refunds[event.refund_id], event.reason)
            case OrderRefunded():
                self._refund(self._orders[stream], event)
        self._collect()

    def lapse(self, at: datetime) -> None:
        """Take what has lapsed by `at`."""
        self.account.expire(at)

    def _collect(self) -> Restored | None:
        """Count what expired since the last time, and give what came back."""
        events = [recorded.event for recorded in self.account.collect_events()]
        for event in events:
            if isinstance(event, Expired):
                self._expired.update({part.lot.id: part.points for part in event.taken})
        return next((event for event in events if isinstance(event, Restored)), None)

    def _adjust(self, event: Adjusted) -> None:
        at, account = event.at, self.account
        points = max(event.points, -lots.total(lots.unlapsed(account.parts, at)))
        if points == 0:
            return
        if event.lot:
            expires_at = event.lot.expires_at
        else:  # it all went to debt, which there may be less of here
            rule = self._terms.programme.in_effect(at).rule
            expires_at = calendar.expiry(at, rule.expiry_months, self._terms.zone)
        account.adjust(at, points, event.reason_id, event.actor_id, expires_at)

    def _place(self, order_id: UUID, placed: OrderPlaced) -> None:
        at, available = placed.at, self.account.available(placed.at)
        version = self._terms.programme.numbered(placed.rule_version)
        used, promised = min(placed.points_used, available), placed.points_promised
        cash_due = version.rule.cash_due(placed.total_minor, used)
        if self._terms.reach(placed):
            self.orders_reached += 1
            version = self._terms.proposal
            used = _usable(version.rule, placed, available)
            cash_due = version.rule.cash_due(placed.total_minor, used)
            promised = version.rule.points_to_earn(placed.total_minor, cash_due)
        ours = msgspec.structs.replace(
            placed,
            points_used=used,
            taken=self.account.redeem(at, order_id, used),
            cash_due_minor=cash_due,
            points_promised=promised,
            rule_version=version.version,
        )
        self._orders[order_id] = Order.place(order_id, ours)
        self._compare(order_id, used, placed.points_used)

    def _pay(self, order: Order, event: OrderPaid) -> None:
        terms = self._terms
        pay(order, self.account, terms.programme, event.at, event.charge_id or SIMULATED, terms.zone)
        self._compare(order.id, order.points_earned, event.points_earned)
        if order.lot and event.lot:
            self._compare(order.id, _life(order.lot), _life(event.lot))

    def _fail(self, order: Order, event: PaymentFailed) -> None:
        order.fail(event.at, event.reason)
        self._restore(order, event.at, order.placed.taken)

    def _refund(self, order: Order, event: OrderRefunded) -> None:
        at, account, refund = event.at, self.account, order.refunds[event.refund_id]
        lot_id = order.lot.id if order.lot else None
        expired = self._expired[lot_id] + account.lapsed_of(lot_id, at) if lot_id is not None else 0
        restored, revoked = order.parts_to_restore(refund), order.points_to_revoke(refund, expired)
        self._restore(order, at, restored, refund.refund_id)
        account.revoke(at, order.id, revoked, lot_id, refund.refund_id)
        order.refund(at, refund, expired, event.gateway_refund_id)
        self._compare(order.id, revoked, event.points_revoked)

    def _restore(self, order: Order, at: datetime, taken: tuple[Part, ...], refund_id: UUID | None = None) -> None:
        rule = self._terms.programme.numbered(order.placed.rule_version).rule
        grace_until = calendar.grace(at, rule.restore_grace_days, self._terms.zone)
        self.account.restore(at, order.id, taken, grace_until, refund_id)
        real = self._came_back.pop((order.id, refund_id), None)
        self._compare(order.id, _returns(self._collect()), _returns(real))

    def _compare(self, order_id: UUID, proposed: Any, real: Any) -> None:
        if proposed != real:
            self.affected.add(order_id)


def _usable(rule: Rule, placed: OrderPlaced, available: int) -> int:
    """What the member used of points, or as much of it as the rule and the balance allow."""
    used = min(placed.points_used, rule.most_usable(placed.total_minor, available))
    return used if used >= rule.min_redeem_per_order else 0


def _returns(restored: Restored | None) -> tuple[int, list[tuple[int, datetime]]]:
    """What came back, and how much of it until when, where lots were made anew for it."""
    if restored is None:
        return 0, []
    return restored.points, [(lot.points, lot.expires_at) for lot in restored.made]


def _life(lot: Lot) -> tuple[datetime, datetime]:
    return lot.available_at, lot.expires_at
