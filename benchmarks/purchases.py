"""Checkouts as the domain decides them: what every line about appends appends. It touches no database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

from app.domain.aggregate import Recorded
from app.domain.order import Order, total_of
from app.domain.order_events import Line, OrderPlaced
from app.domain.point_account import PointAccount
from app.domain.programme import Programme
from app.usecases.settle_payment import pay

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Kolkata")
PROGRAMME = Programme()
LINES = (Line(product_id=1, name="Steel water bottle", quantity=1, unit_price_minor=50_000),)
POINTS = 50
"""What each order earns and the next one spends: an account stays as small as that of a member who spends."""


class Decided(NamedTuple):
    """What one append writes: events, and the account's snapshot after them."""

    events: list[Recorded]
    snapshot: Recorded


class Shopper:
    """A member's account, and the orders that it places one after another."""

    def __init__(self) -> None:
        self._at = BEGAN
        self._account = PointAccount.open(uuid4(), BEGAN)

    def welcome(self) -> Decided:
        """The account is opened and given the points of its first order: two events."""
        expires_at = BEGAN + timedelta(days=30)
        self._account.adjust(BEGAN, POINTS, uuid4(), uuid4(), expires_at)
        return self._decided()

    def buys(self) -> Decided:
        """One checkout, charged and settled: four events on two streams."""
        self._at += timedelta(minutes=1)
        order_id = uuid4()
        version = PROGRAMME.in_effect(self._at)
        total = total_of(LINES)
        cash_due = version.rule.cash_due(total, POINTS)
        placed = OrderPlaced(
            at=self._at,
            account_id=self._account.id,
            lines=LINES,
            currency="INR",
            total_minor=total,
            points_used=POINTS,
            taken=self._account.redeem(self._at, order_id, POINTS),
            cash_due_minor=cash_due,
            points_promised=version.rule.points_to_earn(total, cash_due),
            rule_version=version.version,
            fingerprint="0" * 64,
            gateway="sandbox",
        )
        order = Order.place(order_id, placed)
        pay(order, self._account, PROGRAMME, self._at, f"ch_{order_id.hex}", ZONE)
        return self._decided(order)

    def _decided(self, *orders: Order) -> Decided:
        account = self._account
        events = [event for aggregate in (account, *orders) for event in aggregate.collect_events()]
        return Decided(events, Recorded(account.id, account.version, account.state()))


def supply(shoppers: list[Shopper], count: int) -> Iterator[Decided]:
    """`count` checkouts, by each shopper in turn."""
    return (shoppers[number % len(shoppers)].buys() for number in range(count))
