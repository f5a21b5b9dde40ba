"""The moment in which clones take the place of the live tables: one transaction, or nothing.

Nobody's append is lost: they are fenced off first, and what was appended since the last batch is folded in under the
fence. Nobody waits for long: PostgreSQL resolves a table's name again after each wait for its lock, prepared statements
included, so whoever waits meanwhile goes on with the new table; and the fence stands for some seconds at the most, for
the server takes it down where we are stopped under it, while others wait up to 10 s. Whoever writes a read model holds
the lock of `events` or of `tracking` from its first statement, so none is half done when those are had.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import psycopg2.errors
from psycopg2.extensions import cursor as Cursor

from app.database import LOCK_CLASS, LOCK_MIGRATE
from app.projections.bulk import BulkFold
from app.projections.cloning import BESIDE, LIVE, differences
from app.projections.verify import ReadModel

LITTLE = 200
"""Events that may be left to fold under the fence: some tens of milliseconds."""

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0

# Neither reads nor writes conflict with it: it only makes an autovacuum give way, which that does after a second.
KEEP_VACUUM_AWAY = "LOCK TABLE {tables} IN SHARE UPDATE EXCLUSIVE MODE"

# Appends wait behind this one's wait, too, so it must be short; they themselves wait up to 10 s.
FENCE_APPENDS = "LOCK TABLE events IN SHARE MODE"
FENCE_FOLLOWERS = "LOCK TABLE tracking IN EXCLUSIVE MODE"

# Readers take their tables' locks in any order, so one may wait for us while we wait for it. PostgreSQL ends one of
# the two once somebody has waited for a second: we are through before, or have given way.
EXCHANGE = """
LOCK TABLE {beside}, {live}, public.snapshots IN ACCESS EXCLUSIVE MODE;
TRUNCATE public.snapshots; DROP TABLE {live}; {moves}; DROP SCHEMA {schema}
"""

_BUSY = (psycopg2.errors.LockNotAvailable, psycopg2.errors.QueryCanceled, psycopg2.errors.DeadlockDetected)


class CannotRebuild(Exception):
    """There is no rebuild, and nothing live has changed; the message says why."""


class Swapped(NamedTuple):
    """How it went: the last position and the number of events folded in all; the longest that appends had to wait."""

    position: int
    events: int
    longest_wait_s: float


def swap(
    cursor: Cursor, models: Sequence[ReadModel], fold: BulkFold, watch: Callable[[int, int], None], patience_s: float
) -> Swapped:
    """Swap as soon as the tables are free for a moment. Raises CannotRebuild, after `patience_s` at the latest.

    An attempt that does not get its locks at once leaves no trace, and lets everybody through before the next one.
    """
    deadline = time.monotonic() + patience_s
    pause_s, longest_s = FIRST_PAUSE_S, 0.0
    while True:
        while fold.catch_up(watch) > LITTLE:
            pass
        try:
            attempt = _Attempt(cursor, models, fold)
            position, events = attempt.make()
            return Swapped(position, events, max(longest_s, attempt.waited_s()))
        except _BUSY as error:
            cursor.execute("ROLLBACK")
            longest_s = max(longest_s, attempt.waited_s())
            if time.monotonic() > deadline:
                raise CannotRebuild(f"somebody held the live tables all the time: {str(error).strip()}") from error
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


class _Attempt:
    """One try, on a connection in autocommit mode; an error leaves its transaction open."""

    def __init__(self, cursor: Cursor, models: Sequence[ReadModel], fold: BulkFold) -> None:
        self._cursor = cursor
        self._models = models
        self._fold = fold
        self._fenced_at: float | None = None

    def make(self) -> tuple[int, int]:
        """Swap; gives the last position folded and the number of all events."""
        execute = self._cursor.execute
        tables = [model.table for model in self._models]
        execute("BEGIN; SET LOCAL lock_timeout = '5s'")
        # A migration that is under way comes first; the next one finds the new tables.
        execute(f"SELECT pg_advisory_xact_lock({LOCK_CLASS}, {LOCK_MIGRATE})")
        live, beside = (", ".join(f"{schema}.{table}" for table in tables) for schema in (LIVE, BESIDE))
        execute(KEEP_VACUUM_AWAY.format(tables=f"events, tracking, public.snapshots, {live}, {beside}"))
        if changed := [line for table in tables for line in differences(self._cursor, table)]:
            raise CannotRebuild(f"the live tables changed meanwhile: {'; '.join(changed)}")
        self._fenced_at = time.monotonic()
        # Should we be stopped under the fence, the server gives way for us.
        execute(
            "SET LOCAL lock_timeout = '200ms'; SET LOCAL statement_timeout = '3s';"
            " SET LOCAL idle_in_transaction_session_timeout = '3s'"
        )
        execute(FENCE_APPENDS)
        execute(FENCE_FOLLOWERS)
        ends = self._ends()
        last, count = self._fold.rest(ends)
        self._track(ends)
        moves = "; ".join(f"ALTER TABLE {BESIDE}.{table} SET SCHEMA {LIVE}" for table in tables)
        execute("SET LOCAL statement_timeout = '800ms'")
        execute(EXCHANGE.format(live=live, beside=beside, moves=moves, schema=BESIDE))
        execute("COMMIT")
        return last, self._fold.events + count

    def waited_s(self) -> float:
        """How long appends had to wait for this attempt, at most, if it is over now."""
        return 0.0 if self._fenced_at is None else time.monotonic() - self._fenced_at

    def _ends(self) -> dict[str, int]:
        """Where each follower is to stand: where it stands, so that no report steps back, or where we are, if further.

        Both were read under a low-water mark, so nothing at or below them is still to come. Never past the last event.
        """
        self._cursor.execute(
            "SELECT application_name, least(notification_id, (SELECT max(position) FROM events)) FROM tracking"
        )
        tracked: Mapping[str, int | None] = dict(self._cursor.fetchall())
        followers = {model.follower for model in self._models if model.follower}
        return {follower: max(self._fold.reached, tracked.get(follower) or 0) for follower in followers}

    def _track(self, ends: Mapping[str, int]) -> None:
        for follower, end in ends.items():
            self._cursor.execute(
                "INSERT INTO tracking (application_name, notification_id) VALUES (%s, %s)"
                " ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id",
                (follower, end),
            )
