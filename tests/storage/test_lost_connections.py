"""Connections that die: a lost acknowledgement is not a conflict, nothing is written twice, and the pool recovers."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, OperationalError, StoredEvent, Tracking

from app.config import Settings
from app.database import Database
from app.eventstore.recorder import APPEND_ATTEMPTS, PostgresApplicationRecorder
from app.eventstore.tracking import PostgresProcessRecorder
from app.wiring import build
from tests.storage.commits import Gate, event, eventually
from tests.storage.proxy import (
    Cut,
    Proxy,
    hang_up_at_once,
    lose_half_the_question,
    lose_the_answer,
    lose_the_question,
    proxy,
)
from tests.support.clock import Clock
from tests.support.postgres import Addresses
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables

LOSSES = [lose_the_question, lose_half_the_question, lose_the_answer, hang_up_at_once]


@pytest.fixture
def line(addresses: Addresses) -> Iterator[Proxy]:
    """A line to the test's database that can be cut."""
    with proxy(addresses.app) as opened:
        yield opened


@pytest.fixture
def log(line: Proxy) -> Iterator[PostgresApplicationRecorder]:
    """The event store at the other end of that line."""
    database = Database(line.url)
    yield PostgresApplicationRecorder(database)
    database.close()


def rows(owner: Database) -> list[tuple[object, ...]]:
    """All that stands in the log, but for when and where."""
    return owner.rows("SELECT originator_id, originator_version, topic, state FROM events ORDER BY position")


@pytest.mark.parametrize("losses", [[each] for each in LOSSES] + [[lose_the_answer, lose_the_question]])
def test_an_append_whose_connection_dies_is_no_conflict_and_is_written_once(
    losses: list[Cut], line: Proxy, log: PostgresApplicationRecorder, owner: Database
) -> None:
    stream, other = uuid4(), uuid4()
    log.insert_events([event(stream)])
    line.cuts.extend(losses)
    positions = log.insert_events([event(stream, 2), event(other)])
    assert not line.cuts
    assert rows(owner) == [(of, n, "Happened.v1", "{}") for of, n in ((stream, 1), (stream, 2), (other, 1))]
    assert positions == [position for (position,) in owner.rows("SELECT position FROM events ORDER BY 1 OFFSET 1")]


@pytest.mark.parametrize("loss", LOSSES)
def test_a_command_whose_connection_dies_is_counted_once_in_every_read_model(
    loss: Cut, line: Proxy, settings: Settings, clock: Clock
) -> None:
    house = build(dataclasses.replace(settings, database_url=line.url), clock=clock)
    shop = Shop(house)
    shop.give("ann", 100)
    line.cuts.append(loss)
    given = shop.give("ann", 20)
    assert not line.cuts
    assert given.available == shop.available("ann") == 120
    assert shop.lines("ann") == [("manual", 100), ("manual", 20)]
    assert shop.differences() == []
    house.close()


def test_an_append_that_is_still_being_committed_when_its_line_dies_is_waited_for(
    line: Proxy, log: PostgresApplicationRecorder, owner: Database
) -> None:
    stream = uuid4()
    log.insert_events([event(stream)])
    gate = Gate(owner, stream)
    line.cuts.append(hang_up_at_once)
    with ThreadPoolExecutor(1) as threads:
        append = threads.submit(log.insert_events, [event(stream, 2)])
        eventually(gate.waiting, "the first try comes to its commit")
        waits_for_it = "SELECT pid FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
        eventually(lambda: owner.rows(waits_for_it), "the second try meets the first")
        gate.open()
        assert append.result() == [2]
    gate.close()
    assert [version for _, version, _, _ in rows(owner)] == [1, 2]


@pytest.mark.parametrize(
    ("topic", "state", "beside"),
    [
        ("Happened.v1", b'{"by":"another"}', []),
        ("Otherwise.v1", b"{}", []),
        ("Happened.v1", b"{}", [event(uuid4())]),  # the same by chance, but not all that was to be appended
    ],
)
def test_a_foreign_event_at_that_version_is_a_conflict_even_after_a_lost_connection(
    *,
    topic: str,
    state: bytes,
    beside: list[StoredEvent],
    line: Proxy,
    log: PostgresApplicationRecorder,
    database: Database,
    owner: Database,
) -> None:
    stream = uuid4()

    def another_comes_first(*_: object) -> None:
        PostgresApplicationRecorder(database).insert_events([event(stream, topic=topic, state=state)])

    line.cuts.append(another_comes_first)
    with pytest.raises(IntegrityError):
        log.insert_events([*beside, event(stream)])
    assert not line.cuts
    assert rows(owner) == [(stream, 1, topic, state.decode())]


@pytest.mark.parametrize(("loss", "is_refused"), [(lose_the_question, False), (lose_the_answer, True)])
def test_a_position_that_is_tracked_without_events_is_tracked_once(
    loss: Cut, is_refused: bool, line: Proxy, owner: Database
) -> None:
    """Nothing tells whose the tracking is that stands: it is refused, and the follower looks again from there."""
    database = Database(line.url)
    process = PostgresProcessRecorder(database)
    line.cuts.append(loss)
    with pytest.raises(IntegrityError) if is_refused else nullcontext():
        process.insert_events([], tracking=Tracking("upstream", 5))
    assert not line.cuts
    assert owner.rows("SELECT * FROM tracking") == [("upstream", 5)]
    database.close()


def test_a_line_that_stays_dead_is_reported_and_nothing_is_written(
    line: Proxy, log: PostgresApplicationRecorder, owner: Database
) -> None:
    before = snapshot_of_tables(owner)
    line.cuts.extend([lose_the_question] * APPEND_ATTEMPTS)
    with pytest.raises(OperationalError):
        log.insert_events([event(uuid4())])
    assert not line.cuts
    assert snapshot_of_tables(owner) == before


def test_after_the_server_hung_up_on_every_pooled_connection_the_next_read_and_append_just_work(
    addresses: Addresses, database: Database
) -> None:
    database_in_use = Database(addresses.app, pool_size=6)
    log = PostgresApplicationRecorder(database_in_use)
    stream = uuid4()
    log.insert_events([event(stream)])
    with ExitStack() as stack:
        pids = [stack.enter_context(database_in_use.connection()).info.backend_pid for _ in range(6)]
    database.rows("SELECT pg_terminate_backend(pid) FROM unnest(%s) AS pid", (pids,))
    alive = "SELECT 1 FROM pg_stat_activity WHERE pid = ANY(%s)"
    eventually(lambda: not database.rows(alive, (pids,)), "the server hangs up")
    assert [stored.originator_version for stored in log.select_events(stream)] == [1]
    assert log.insert_events([event(stream, 2)]) == [2]
    with ExitStack() as stack:
        anew = {stack.enter_context(database_in_use.connection()).info.backend_pid for _ in range(6)}
    assert not anew & set(pids)
    database_in_use.close()
