"""A long history for the lines that need one: members of whom few do much, months of orders, refunds, lapses.

The domain decides, the mapper encodes, the folds fill the read models; only the way into the tables is COPY. So what
stands afterwards is a log and read models as the house would have written them, hash chain and snapshots included.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID, uuid4

from psycopg2.extensions import cursor as Cursor

from app.database import Connection, Database
from app.domain import calendar
from app.domain.aggregate import Aggregate, Recorded
from app.domain.order import Order, total_of
from app.domain.order_events import Line, OrderPlaced
from app.domain.point_account import PointAccount
from app.eventstore.chain import GENESIS, event_hash
from app.eventstore.mapper import EventMapper
from app.eventstore.merging import Merges, statements
from app.projections.daily import FOLLOWER
from app.projections.folding import Positioned
from app.projections.verify import read_models
from app.usecases.settle_payment import pay
from benchmarks.purchases import PROGRAMME, ZONE

SPAN = timedelta(days=600)
"""What the history covers, up to now: long enough that much of what was earned lapses."""

SWEEPS_EVERY = timedelta(days=30)
EVENTS_AN_ORDER = 3.67
EVENTS_A_MEMBER = 50
BATCH = 5000
SEED = 20260101
SOFTWARE = '{"software":"benchmarks"}'


LAPSED_LOTS = 2
"""Of each account that a sweep is for."""


def write(owner: Database, events: int) -> int:
    """Fill an empty, migrated database with about `events` events; gives how many."""
    members, orders = members_of(events), int(events / EVENTS_AN_ORDER)
    history = _History(random.Random(SEED), members, orders, datetime.now(UTC) - SPAN)
    return write_all(owner, history.told(), history.accounts)


def members_of(events: int) -> int:
    """How many members a history of so many events is about."""
    return max(2, events // EVENTS_A_MEMBER)


def some_buyers(events: int, wanted: int) -> list[str]:
    """Different members of such a history as they come to buy, the busier likelier; fewer where it has not so many.

    What they hold does not depend on how long the history is.
    """
    chance, members = random.Random(SEED), members_of(events)
    drawn = dict.fromkeys(_who_buys(chance, members) for _ in range(20 * wanted))
    return [f"member-{member}" for member in drawn][:wanted]


def write_lapsed(owner: Database, accounts: int) -> int:
    """Fill an empty, migrated database with accounts whose two lots of 50 points each have lapsed since."""
    now = datetime.now(UTC)
    opened = [PointAccount.open(uuid4(), now - SPAN) for _ in range(accounts)]
    for account in opened:
        for lot in range(LAPSED_LOTS):
            account.adjust(now - SPAN, 50, uuid4(), uuid4(), now - timedelta(days=7 + lot))
    return write_all(owner, ([account] for account in opened), opened)


def write_long(owner: Database, events: int, lots: int) -> tuple[UUID, UUID]:
    """Fill an empty, migrated database with two accounts of `lots` lots with points left, or fewer: their ids.

    The first has so many events, the second has five.
    """
    began = datetime.now(UTC) - SPAN
    accounts = [PointAccount.open(uuid4(), began) for _ in range(2)]
    for account, length in zip(accounts, (events, 5), strict=True):
        for number in range(1, length):
            # All but the last lots are spent as soon as they are had.
            if number % 2 or number > length - lots:
                account.adjust(began, 50, uuid4(), uuid4(), began + timedelta(days=2000))
            else:
                account.redeem(began, uuid4(), 50)
    write_all(owner, ([account] for account in accounts), accounts)
    return accounts[0].id, accounts[1].id


def write_all(owner: Database, told: Iterable[Sequence[Aggregate]], accounts: Sequence[PointAccount]) -> int:
    """Write what was decided, in that order, and the accounts' snapshots and names; gives how many events it was."""
    # A connection of its own: what it prepares must not live on in the caller's pool.
    with closing(Database(owner.url, pool_size=1)) as apart, apart.transaction() as cursor:
        cursor.execute("SET LOCAL synchronous_commit = off")
        writer = _Writer(cursor)
        for decided in told:
            writer.add(decided)
        writer.finish(accounts)
    owner.execute("ANALYZE")
    return writer.position


def _who_buys(chance: random.Random, members: int) -> int:
    """The number of a member: of a thousand the first hundred do about half of all."""
    return int(members * chance.random() ** 3)


class _History:
    """Who does what, when. It decides; it writes nothing."""

    def __init__(self, chance: random.Random, members: int, orders: int, began: datetime) -> None:
        self._chance = chance
        self._orders = orders
        self._began = began
        self.accounts = [PointAccount.open(UUID(int=chance.getrandbits(128), version=4), began) for _ in range(members)]

    def told(self) -> Iterator[Sequence[Aggregate]]:
        """Aggregates with news, an append each, in order of time."""
        at, swept = self._began, self._began
        yield from ([account] for account in self.accounts)
        for _ in range(self._orders):
            at += SPAN / self._orders
            if at - swept >= SWEEPS_EVERY:
                swept = at
                yield from ([account] for account in self.accounts if account.expire(at))
            yield self._buys(self.accounts[_who_buys(self._chance, len(self.accounts))], at)

    def _buys(self, account: PointAccount, at: datetime) -> Sequence[Aggregate]:
        price = self._chance.randrange(50, 5000) * 100
        version = PROGRAMME.in_effect(at)
        available = account.available(at) if self._chance.random() < 0.4 else 0
        points = version.rule.most_usable(price, available)
        lines = (Line(product_id=price, name="Steel water bottle", quantity=1, unit_price_minor=price),)
        order_id = UUID(int=self._chance.getrandbits(128), version=4)
        placed = OrderPlaced(
            at=at,
            account_id=account.id,
            lines=lines,
            currency="INR",
            total_minor=total_of(lines),
            points_used=points,
            taken=account.redeem(at, order_id, points),
            cash_due_minor=version.rule.cash_due(price, points),
            points_promised=version.rule.points_to_earn(price, version.rule.cash_due(price, points)),
            rule_version=version.version,
            fingerprint="0" * 64,
            gateway="sandbox",
        )
        order = Order.place(order_id, placed)
        pay(order, account, PROGRAMME, at, f"ch_{order_id.hex}", ZONE)
        if self._chance.random() < 0.05:
            self._refund(account, order, at)
        return account, order

    def _refund(self, account: PointAccount, order: Order, at: datetime) -> None:
        amount = self._chance.choice([None, order.placed.total_minor // 2])
        refund = order.request_refund(at, uuid4(), amount, uuid4(), account.id)
        grace_until = calendar.grace(at, 14, ZONE)
        account.restore(at, order.id, order.parts_to_restore(refund), grace_until, refund.refund_id)
        revoked = order.points_to_revoke(refund, 0)
        account.revoke(at, order.id, revoked, order.lot.id if order.lot else None, refund.refund_id)
        order.refund(at, refund, 0, f"re_{refund.refund_id.hex}")


class _Writer:
    """Batches on their way into the tables."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._mapper = EventMapper()
        self._models = read_models(ZONE)
        self._heads: dict[UUID, bytes] = {}
        self._batch: list[Recorded] = []
        self.position = 0

    def add(self, aggregates: Sequence[Aggregate]) -> None:
        """Take what they decided; write when a batch is full."""
        for aggregate in aggregates:
            self._batch += aggregate.collect_events()
        if len(self._batch) >= BATCH:
            self._flush()

    def finish(self, accounts: Sequence[PointAccount]) -> None:
        """Write the rest, and what stands beside the log."""
        self._flush()
        snapshots = (self._mapper.to_stored_event(Recorded(a.id, a.version, a.state())) for a in accounts)
        self._copy(
            "snapshots (originator_id, originator_version, topic, state)",
            ((s.originator_id, s.originator_version, s.topic, s.state.decode()) for s in snapshots),
        )
        self._copy("directory (account_id, user_id)", ((a.id, f"member-{n}") for n, a in enumerate(accounts)))
        self._cursor.execute("SELECT setval('events_position_seq', %s)", (self.position,))
        self._cursor.execute("INSERT INTO tracking VALUES (%s, %s)", (FOLLOWER, self.position))

    def _flush(self) -> None:
        rows, positioned = [], []
        for recorded in self._batch:
            self.position += 1
            stored, at = self._mapper.to_stored_event(recorded), recorded.event.at
            stream, version, topic, state = recorded[0], recorded[1], stored.topic, stored.state.decode()
            chained = event_hash(self._heads.get(stream, GENESIS), stream, version, topic, state, at, SOFTWARE)
            self._heads[stream] = chained
            rows.append((self.position, stream, version, topic, state, at.isoformat(), SOFTWARE, f"\\x{chained.hex()}"))
            positioned.append(Positioned(self.position, stream, recorded.event))
        self._copy(
            "events (position, originator_id, originator_version, topic, state, recorded_at, metadata, hash)", rows
        )
        for model in self._models:
            self._merge(model.fold(positioned))
        self._batch = []

    def _merge(self, merges: Merges) -> None:
        for statement in statements(cast(Connection, self._cursor.connection), merges, "0"):
            self._cursor.execute(statement)

    def _copy(self, into: str, rows: Iterable[tuple[object, ...]]) -> None:
        lines = ("\t".join(str(value).replace("\\", "\\\\") for value in row) for row in rows)
        self._cursor.copy_expert(f"COPY {into} FROM STDIN", io.StringIO("\n".join(lines)))
