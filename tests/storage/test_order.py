"""The order of the log: a follower that reads up to the low-water mark misses nothing, whatever appends do."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from uuid import uuid4

import pytest
from eventsourcing.persistence import InternalError, StoredEvent
from psycopg2.errors import QueryCanceled

from app.database import LOCK_CLASS, LOCK_DRAW_POSITIONS, Database
from app.eventstore.recorder import PostgresApplicationRecorder
from tests.storage.commits import (
    CHANCE,
    Follower,
    event,
    eventually,
    make_commits_erratic,
    open_append,
    positions_written,
)
from tests.support.postgres import Addresses

WRITERS = 32
EVENTS = 20_000
VERSIONS = EVENTS // (2 * WRITERS) + 1
"""How far each of a writer's two streams goes, at least."""


class Unmarked(PostgresApplicationRecorder):
    """The control: a log that shows a follower whatever is committed, the mark left out."""

    def low_water_mark(self) -> int:
        return self.max_notification_id() or 0


class Writer:
    """Appends four events on two streams of its own at a time, and again where that was rolled back."""

    def __init__(self, log: PostgresApplicationRecorder) -> None:
        self._log = log
        self._streams = [uuid4(), uuid4()]
        self.rolled_back = 0

    def run(self) -> None:
        for version in range(1, VERSIONS + 1, 2):
            batch = [event(stream, version + n) for stream in self._streams for n in (0, 1)]
            while not self._has_appended(batch):
                self.rolled_back += 1

    def _has_appended(self, batch: list[StoredEvent]) -> bool:
        try:
            self._log.insert_events(batch)
        except InternalError as error:
            assert CHANCE in str(error)
            return False
        return True


def tail(follower: Follower, done: threading.Event) -> None:
    """Follow until everything is written and read."""
    is_over = False
    while follower.step() or not is_over:
        is_over = done.is_set()


def kill_writers(database: Database, done: threading.Event) -> int:
    """Terminate the server process of some append under way, now and then; gives how many were.

    It ends before the writers do: the last of them, alone, would be killed at each of its tries.
    """
    killed = 0
    while killed < 10 and not done.wait(random.uniform(0.02, 0.15)):
        killed += len(
            database.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state = 'active' AND query LIKE 'EXECUTE events_append%' ORDER BY random() LIMIT 1"
            )
        )
    return killed


@pytest.mark.slow
def test_a_follower_misses_nothing_of_32_writers_that_dally_roll_back_and_die_and_without_the_mark_it_does(
    addresses: Addresses, owner: Database
) -> None:
    make_commits_erratic(owner)
    database = Database(addresses.app, pool_size=WRITERS + 4)
    log = PostgresApplicationRecorder(database)
    marked, unmarked = Follower(log), Follower(Unmarked(database))
    writers = [Writer(log) for _ in range(WRITERS)]
    done = threading.Event()
    with ThreadPoolExecutor(WRITERS + 3) as threads:
        followers = [threads.submit(tail, follower, done) for follower in (marked, unmarked)]
        killer = threads.submit(kill_writers, database, done)
        try:
            list(threads.map(Writer.run, writers))
        finally:
            done.set()
        for follower in followers:
            follower.result()
    database.close()

    written = positions_written(owner)
    assert len(written) >= EVENTS
    assert sum(writer.rolled_back for writer in writers) > 0
    assert killer.result() > 0
    assert marked.positions() == written
    assert set(written) - set(unmarked.positions()), "the run was too tame to show anything"
    by_stream = sorted(marked.seen, key=lambda seen: seen[1])  # a stable sort: within a stream, as they came
    for _, events in groupby(by_stream, key=lambda seen: seen[1]):
        versions = [version for _, _, version in events]
        assert versions == list(range(1, len(versions) + 1))


def test_what_is_committed_above_an_open_append_is_held_back_until_that_is_committed(database: Database) -> None:
    log = PostgresApplicationRecorder(database)
    follower = Follower(log)
    later = uuid4()
    with open_append(database) as first:
        assert log.insert_events([event(later)]) == [first.position + 1]
        assert not follower.step()
        first.commit()
        assert follower.step()
    assert follower.seen == [(first.position, first.stream, 1), (first.position + 1, later, 1)]


def test_what_is_committed_above_an_open_append_is_shown_once_that_is_rolled_back(database: Database) -> None:
    log = PostgresApplicationRecorder(database)
    follower = Follower(log)
    later = uuid4()
    with open_append(database) as first:
        log.insert_events([event(later)])
        assert not follower.step()
        first.rollback()
        assert follower.step()
    assert follower.seen == [(first.position + 1, later, 1)]


def test_what_was_committed_below_every_open_append_is_not_held_back(database: Database) -> None:
    log = PostgresApplicationRecorder(database)
    follower = Follower(log)
    positions = log.insert_events([event(uuid4()), event(uuid4())])
    with open_append(database):
        log.insert_events([event(uuid4())])
        follower.step()
    assert follower.positions() == positions


def test_without_the_mark_the_same_follower_passes_an_open_append_for_good(database: Database) -> None:
    follower = Follower(Unmarked(database))
    with open_append(database) as first:
        PostgresApplicationRecorder(database).insert_events([event(uuid4())])
        assert follower.step()
        first.commit()
    assert not follower.step()
    assert follower.positions() == [first.position + 1]


def test_a_killed_writer_holds_nothing_back_for_good(database: Database) -> None:
    log = PostgresApplicationRecorder(database)
    follower = Follower(log)
    with open_append(database) as doomed:
        later = log.insert_events([event(uuid4())])
        assert not follower.step()
        assert database.rows("SELECT pg_terminate_backend(%s)", (doomed.pid,)) == [(True,)]
        eventually(follower.step, "the mark passes the dead")
    assert follower.positions() == later


def test_a_writer_that_is_killed_while_it_draws_positions_stops_nobody(database: Database) -> None:
    drawing = database.open()
    with drawing.cursor() as cursor:
        # What it waits for in events_draw(): the lock that one append at a time draws under.
        cursor.execute("BEGIN")
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK_CLASS, LOCK_DRAW_POSITIONS))
    log = PostgresApplicationRecorder(database)
    with ThreadPoolExecutor(1) as threads:
        blocked = threads.submit(log.insert_events, [event(uuid4())])
        eventually(lambda: database.rows(WAITING), "an append waits to draw")
        database.rows("SELECT pg_terminate_backend(%s)", (drawing.info.backend_pid,))
        assert blocked.result() == [1]
    drawing.close()


WAITING = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2 AND NOT granted"
HELD = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %s"


@pytest.mark.slow
def test_an_append_that_is_cancelled_at_any_moment_leaves_no_lock_behind(database: Database) -> None:
    writer = database.open()
    pid = writer.info.backend_pid
    done = threading.Event()

    def cancel() -> None:
        while not done.is_set():
            database.rows("SELECT pg_cancel_backend(%s)", (pid,))

    cancelled = 0
    with ThreadPoolExecutor(1) as threads:
        canceller = threads.submit(cancel)
        for _ in range(6000):
            try:
                with writer.cursor() as cursor:
                    cursor.execute("SELECT events_append(%s::uuid[], '{1}', '{t}', '{x}')", ([uuid4()],))
            except QueryCanceled:
                cancelled += 1
        done.set()
        canceller.result()
    assert cancelled > 0
    assert database.rows(HELD, (pid,)) == [(0,)]
    writer.close()
