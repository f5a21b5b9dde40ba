"""Random pasts of one account, made by the account itself: what happened, and separately when it was recorded.

Orders that were imported lie in the past, sweeps come late or never, payments fail after their lots lapsed, refunds
take back what is spent, and hosts' clocks differ. Nothing here needs a database.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from app.audit.history import Moment, Standing, orders_unsettled
from app.audit.log_view import Happened
from app.domain import calendar
from app.domain.aggregate import Aggregate
from app.domain.lots import Part
from app.domain.order import Order
from app.domain.order_events import OrderPlaced
from app.domain.point_account import PointAccount
from app.eventstore.mapper import EventMapper
from tests.support.given import ID

DAY = timedelta(days=1)
MAPPER = EventMapper()
HOSTS = [timedelta(0), timedelta(0), timedelta(seconds=-5), timedelta(hours=2)]
"""How far each host's clock is from the right time."""

ZONES = [ZoneInfo("Asia/Kolkata"), ZoneInfo("America/New_York")]


class Past:
    """An account at work under two clocks: `at` is the shop's, `recorded_at` the log's."""

    def __init__(self, seed: int, steps: int = 40) -> None:
        self.chance = random.Random(seed)
        self.at = datetime(2026, 1, 15, 6, 30, tzinfo=UTC)
        self.recorded_at = self.at + self.chance.choice([timedelta(0), 300 * DAY, -300 * DAY])
        self.began = (self.at, self.recorded_at)
        self.log: list[Happened] = []
        self._ids = 0
        self._pending: list[Order] = []
        self._paid: list[Order] = []
        self.account = PointAccount.open(ID, self.at)
        self._record(self.account)
        for _ in range(steps):
            self._act()

    @property
    def events(self) -> list[Happened]:
        """The account's own."""
        return [happened for happened in self.log if happened.stream == ID]

    def moment(self) -> Moment:
        """Any instant on either axis, most often one at which something changes, or just before or after it."""
        turns = [happened.event.at for happened in self.log]
        for part in self.account.parts:
            turns += [part.lot.available_at, part.lot.expires_at]
        moved = timedelta(microseconds=self.chance.choice([-1, 0, 0, 1]))
        recorded = self.chance.choice(self.log).recorded_at + timedelta(microseconds=self.chance.choice([-1, 0]))
        as_of = self.chance.choice([self.chance.choice(turns) + moved, self.at, self.at + 400 * DAY])
        return Moment(as_of, self.chance.choice([recorded, None]))

    def standing(self, moment: Moment) -> Standing:
        """The account at that moment, as the reading of the log would give it."""
        counted = moment.counted(self.events)
        unsettled = set(orders_unsettled(counted))
        orders = moment.counted(happened for happened in self.log if happened.stream in unsettled)
        return Standing(ID, "ann", moment.as_of or self.at, moment.known_at or self.recorded_at, counted, orders)

    def _act(self) -> None:
        off = self.chance.choice(HOSTS)
        self.at += off
        acts = ["order", "import", "settle", "settle", "refund", "sweep", "give", "take", "wait", "wait"]
        match self.chance.choice(acts):
            case "order":
                self._order(self.at, min(self.chance.randrange(60), self.account.available(self.at)))
            case "import":
                past = self._order(self.at - self.chance.randrange(1, 200) * DAY, 0)
                self._settle(past, past.placed.at, is_paid=True)
            case "settle" if self._pending:
                self._settle(self.chance.choice(self._pending), self.at, is_paid=self.chance.random() < 0.6)
            case "refund" if self._paid:
                self._refund(self._paid.pop(self.chance.randrange(len(self._paid))))
            case "sweep":
                self.account.expire(self.at)
            case "give":
                self._adjust(self.chance.randrange(1, 80))
            case "take" if self.account.available(self.at):
                self._adjust(-self.chance.randrange(1, self.account.available(self.at) + 1))
            case "wait":
                self.at += self.chance.choice([timedelta(microseconds=1), timedelta(hours=7), 9 * DAY, 40 * DAY])
        self.at -= off
        self._record(self.account)

    def _order(self, at: datetime, points: int) -> Order:
        order_id = self._new_id()
        taken = self.account.redeem(at, order_id, points)
        order = Order.place(order_id, placed(at, points, taken, self.chance.choice([0, 50, 90])))
        self._pending.append(order)
        self._record(order, self.account)
        return order

    def _settle(self, order: Order, at: datetime, *, is_paid: bool) -> None:
        self._pending.remove(order)
        if is_paid:
            ripens, lapses = at + self.chance.choice([0, 0, 12]) * DAY, at + self.chance.randrange(13, 120) * DAY
            order.pay(at, "ch", self.account.earn(at, order.id, order.placed.points_promised, 1, ripens, lapses))
            self._paid.append(order)
        else:
            order.fail(at, "declined")
            self.account.restore(at, order.id, order.placed.taken, at + 14 * DAY)
        self._record(order, self.account)

    def _refund(self, order: Order) -> None:
        refund_id, lot_id = self._new_id(), order.lot.id if order.lot else None
        self.account.restore(self.at, order.id, order.placed.taken, self.at + 14 * DAY, refund_id)
        self.account.revoke(self.at, order.id, order.points_earned, lot_id, refund_id)

    def _adjust(self, points: int) -> None:
        expires_at = calendar.expiry(self.at, self.chance.randrange(1, 4), self.chance.choice(ZONES))
        self.account.adjust(self.at, points, self._new_id(), self._new_id(), expires_at)

    def _new_id(self) -> UUID:
        self._ids += 1
        return UUID(int=self._ids)

    def _record(self, *aggregates: Aggregate) -> None:
        """One append: its events follow each other, and share the moment at which they were recorded."""
        self.recorded_at += timedelta(seconds=self.chance.choice([1, 60, 90_000]))
        for aggregate in aggregates:
            for recorded in aggregate.collect_events():
                stored = MAPPER.to_stored_event(recorded)
                event = MAPPER.to_domain_event(stored).event
                stream, version = recorded.originator_id, recorded.originator_version
                data = stored.state.decode()
                self.log.append(
                    Happened(len(self.log) + 1, stream, version, stored.topic, self.recorded_at, data, event)
                )


def placed(at: datetime, points: int, taken: tuple[Part, ...], promised: int) -> OrderPlaced:
    """An order for ₹1,000.00 that is to earn `promised` points."""
    return OrderPlaced(
        at=at,
        account_id=ID,
        lines=(),
        currency="INR",
        total_minor=100_000,
        points_used=points,
        taken=taken,
        cash_due_minor=100_000 - 100 * points,
        points_promised=promised,
        rule_version=1,
        fingerprint="f",
        gateway="sandbox",
    )
