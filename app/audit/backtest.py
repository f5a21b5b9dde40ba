"""What if: real history under a proposed rule, account by account, and what would have come of it. It writes nothing.

Real figures are those of the summary report, with what has lapsed counted as expired, swept or not: points that nobody
can spend are owed to nobody. Both columns count so, and `unswept` says how much that is.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

import msgspec
from eventsourcing.persistence import StoredEvent

from app.audit.simulation import Simulation, Terms
from app.database import Cursor, Database
from app.domain.account_events import AccountEvent, Adjusted
from app.domain.aggregate import Recorded
from app.domain.point_account import PointAccount
from app.eventstore.mapper import EventMapper

CHUNK = 200
"""Accounts read at a time: their whole histories are in memory together."""

MOST_AFFECTED = 10
"""Members that are named."""

_ACCOUNTS = "SELECT account_id FROM balances WHERE account_id > %s ORDER BY account_id LIMIT %s"

_HISTORIES = """
SELECT s.account_id, e.originator_id, e.originator_version, e.topic, e.state FROM (
    SELECT account_id, account_id AS stream FROM unnest(%(accounts)s::uuid[]) AS account_id
    UNION ALL SELECT account_id, order_id FROM orders WHERE account_id = ANY(%(accounts)s::uuid[])
) s JOIN events e ON e.originator_id = s.stream ORDER BY s.account_id, e.position
"""

# A chunk is read by key: a plan that reads the whole log would do so once a chunk.
_SETTINGS = (
    "SET TRANSACTION READ ONLY; SET LOCAL enable_seqscan = off;"
    " SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off"
)


class Figures(msgspec.Struct):
    """Points: gross totals but for `adjusted`, which is signed; `issued` is what was earned or granted by hand.

    `liability` is what the outstanding points pay, in minor units.
    """

    issued: int = 0
    earned: int = 0
    redeemed: int = 0
    restored: int = 0
    revoked: int = 0
    expired: int = 0
    adjusted: int = 0
    debt: int = 0
    outstanding: int = 0
    liability: int = 0

    def add(self, account: PointAccount, granted: int, point_value_minor: int) -> None:
        """Count an account whose lapsed points are gone."""
        for name, points in msgspec.structs.asdict(account.lifetime).items():
            setattr(self, name, getattr(self, name) + points)
        self.issued += account.lifetime.earned + granted
        self.debt += account.debt
        self.outstanding += account.balance
        self.liability += account.balance * point_value_minor

    def less(self, other: Figures) -> Figures:
        """Each figure less the other's."""
        names = self.__struct_fields__
        return Figures(**{name: getattr(self, name) - getattr(other, name) for name in names})


class Member(msgspec.Struct, frozen=True):
    """A member's balance less debt; `user` is None for one who is forgotten."""

    account_id: UUID
    user: str | None
    real: int
    proposed: int
    difference: int


class Outcome(msgspec.Struct):
    """What came of it. `orders` go by the proposal.

    `orders_affected` differ: in the points that they took, earned or gave back, or in how long these live.
    """

    at: datetime
    since: datetime | None
    orders: int = 0
    orders_affected: int = 0
    unswept: int = 0
    real: Figures = msgspec.field(default_factory=Figures)
    proposed: Figures = msgspec.field(default_factory=Figures)
    difference: Figures = msgspec.field(default_factory=Figures)
    members: list[Member] = msgspec.field(default_factory=list)


def backtest(
    database: Database,
    mapper: EventMapper,
    terms: Terms,
    at: datetime,
    *,
    chunk: int = CHUNK,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Outcome:
    """Replay everything as of `at`, in one read-only view of the database; memory is bounded by a chunk.

    `progress` is told of accounts done, of how many.
    """
    outcome = Outcome(at, terms.since)
    with database.view("balances", "orders") as cursor:
        cursor.execute(_SETTINGS)
        cursor.execute("SELECT count(*) FROM balances")
        ((total,),) = cursor.fetchall()
        replayed = (
            _replay(outcome, terms, account_id, history)
            for account_id, history in _counted(_histories(cursor, mapper, chunk), total, progress)
        )
        most = heapq.nlargest(MOST_AFFECTED, replayed, key=lambda member: abs(member.difference))
        outcome.members = _named(cursor, [member for member in most if member.difference])
    outcome.difference = outcome.proposed.less(outcome.real)
    return outcome


def _replay(outcome: Outcome, terms: Terms, account_id: UUID, history: Sequence[Recorded]) -> Member:
    """Count one account, as it is and under the proposal."""
    simulation = Simulation(terms)
    for stream, _, event in history:
        simulation.play(stream, event)
    simulation.lapse(outcome.at)
    proposed = simulation.account
    real = PointAccount.replay(None, (each for each in history if isinstance(each.event, AccountEvent)))
    assert real is not None, "an account begins with its opening"
    outcome.unswept += real.expire(outcome.at)
    granted = sum(max(each.event.points, 0) for each in history if isinstance(each.event, Adjusted))
    now = terms.programme.in_effect(outcome.at).rule
    outcome.real.add(real, granted, now.point_value)
    outcome.proposed.add(proposed, granted, terms.proposal.rule.point_value)
    outcome.orders += simulation.orders_reached
    outcome.orders_affected += len(simulation.affected)
    before, after = real.balance - real.debt, proposed.balance - proposed.debt
    return Member(account_id, None, before, after, after - before)


def _histories(cursor: Cursor, mapper: EventMapper, chunk: int) -> Iterator[tuple[UUID, list[Recorded]]]:
    """Each account's events and its orders', in the order of the log; names that this code does not know are left."""
    after = UUID(int=0)
    while True:
        cursor.execute(_ACCOUNTS, (after, chunk))
        accounts = [account_id for (account_id,) in cursor.fetchall()]
        if not accounts:
            return
        cursor.execute(_HISTORIES, {"accounts": accounts})
        for account_id, rows in groupby(cursor.fetchall(), key=lambda row: row[0]):
            stored = [StoredEvent(stream, version, topic, state.encode()) for _, stream, version, topic, state in rows]
            yield account_id, [mapper.to_domain_event(each) for each in stored if mapper.knows(each.topic)]
        after = accounts[-1]


def _counted(
    histories: Iterator[tuple[UUID, list[Recorded]]], total: int, progress: Callable[[int, int], None]
) -> Iterator[tuple[UUID, list[Recorded]]]:
    for done, each in enumerate(histories, 1):
        yield each
        progress(done, total)


def _named(cursor: Cursor, members: Sequence[Member]) -> list[Member]:
    """The same, with their user ids."""
    ids = [member.account_id for member in members]
    cursor.execute("SELECT account_id, user_id FROM directory WHERE account_id = ANY(%s)", (ids,))
    users = dict(cursor.fetchall())
    return [msgspec.structs.replace(member, user=users.get(member.account_id)) for member in members]
