"""One append: its positions, all or nothing, and nobody waits for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, InternalError

from app.database import Database
from app.domain.point_account import PointAccount
from app.eventstore.recorder import PostgresApplicationRecorder
from app.usecases.ports import Beside, DirectoryEntry, ReasonText
from app.wiring import House
from tests.storage.commits import Gate, event, eventually, open_append, positions_written
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables


def test_the_positions_of_one_append_are_contiguous_and_those_of_all_are_dense(
    database: Database, owner: Database
) -> None:
    log = PostgresApplicationRecorder(database)

    def append(count: int) -> list[int]:
        stream = uuid4()
        positions = log.insert_events([event(stream, n + 1) for n in range(count)])
        assert positions is not None
        found = owner.rows(
            "SELECT position FROM events WHERE originator_id = %s ORDER BY originator_version", (stream,)
        )
        assert [position for (position,) in found] == positions
        return list(positions)

    with ThreadPoolExecutor(8) as threads:
        appends = list(threads.map(append, [1, 2, 7, 1, 30, 4] * 20))
    for positions in appends:
        assert positions == list(range(positions[0], positions[0] + len(positions)))
    assert positions_written(owner) == list(range(1, sum(map(len, appends)) + 1))


def test_the_positions_that_are_told_are_those_that_are_written(database: Database, owner: Database) -> None:
    one, two = uuid4(), uuid4()
    batch = [event(one), event(two), event(one, 2)]
    positions = PostgresApplicationRecorder(database).insert_events(batch)
    written = owner.rows("SELECT position, originator_id, originator_version FROM events ORDER BY position")
    assert positions == [position for position, _, _ in written]
    assert [row[1:] for row in written] == [(one, 1), (two, 1), (one, 2)]


def test_a_taken_version_of_one_stream_keeps_the_other_streams_of_the_append_out(
    database: Database, owner: Database
) -> None:
    log = PostgresApplicationRecorder(database)
    taken = uuid4()
    log.insert_events([event(taken)])
    before = snapshot_of_tables(owner)
    with pytest.raises(IntegrityError):
        log.insert_events([event(uuid4()), event(taken), event(uuid4())])
    assert snapshot_of_tables(owner) == before


def adjusted(house: House, account_id: UUID, points: int) -> PointAccount:
    """An account with an adjustment that is not recorded yet."""
    (account,) = house.loyalty.load((PointAccount, account_id))
    at = house.clock()
    account.adjust(at, points, uuid4(), uuid4(), at + timedelta(days=9))
    assert isinstance(account, PointAccount)
    return account


def test_a_taken_version_writes_nothing_events_read_models_snapshot_and_facts_beside_included(
    house: House, owner: Database
) -> None:
    shop = Shop(house)
    shop.give("ann", 100)
    first, second = (adjusted(house, shop.account("ann"), points) for points in (1, 2))
    house.loyalty.record(first)
    before = snapshot_of_tables(owner)
    beside: list[Beside] = [DirectoryEntry(uuid4(), "bob"), ReasonText(uuid4(), first.id, "never said")]
    with pytest.raises(IntegrityError):
        house.loyalty.record(second, beside=beside)
    assert snapshot_of_tables(owner) == before
    assert shop.available("ann") == 101


def test_a_fact_beside_that_cannot_be_written_takes_the_events_with_it(house: House, owner: Database) -> None:
    shop = Shop(house)
    shop.give("ann", 100)
    before = snapshot_of_tables(owner)
    with pytest.raises(IntegrityError):
        house.loyalty.record(adjusted(house, shop.account("ann"), 1), beside=[DirectoryEntry(uuid4(), "ann")])
    assert snapshot_of_tables(owner) == before


def test_a_fold_that_breaks_a_constraint_is_an_error_and_no_conflict_and_is_not_decided_again(
    house: House, owner: Database
) -> None:
    shop = Shop(house)
    shop.give("ann", 100)
    owner.execute("UPDATE lots SET remaining = 10")
    before = snapshot_of_tables(owner)
    decisions = []

    def decide() -> int:
        decisions.append(adjusted(house, shop.account("ann"), -20))
        return house.loyalty.record(decisions[-1])

    with pytest.raises(InternalError, match="lots_check"):
        house.loyalty.deciding(decide)
    assert len(decisions) == 1
    assert snapshot_of_tables(owner) == before


def test_what_an_append_is_made_of_is_all_written(house: House, owner: Database) -> None:
    """The control of the two tests above: the same append, unhindered, leaves its mark in every table they watch."""
    shop = Shop(house)
    shop.give("ann", 100)
    before = snapshot_of_tables(owner)
    account = adjusted(house, shop.account("ann"), 1)
    house.loyalty.record(account, beside=[DirectoryEntry(uuid4(), "bob"), ReasonText(uuid4(), account.id, "said")])
    after = snapshot_of_tables(owner)
    changed = {table for table in after if after[table] != before[table]}
    assert changed == {"events", "snapshots", "balances", "lots", "transactions", "directory", "reasons"}


def test_an_append_on_another_stream_does_not_wait_for_one_that_is_open(database: Database, owner: Database) -> None:
    log = PostgresApplicationRecorder(database)
    with open_append(database) as first:
        (position,) = log.insert_events([event(uuid4())]) or ()
        assert positions_written(owner) == [position]
        first.commit()
    assert positions_written(owner) == [first.position, position]


def test_a_command_on_another_account_does_not_wait_for_one_that_is_being_committed(
    house: House, owner: Database
) -> None:
    shop = Shop(house)
    for user in ("ann", "bob"):
        shop.give(user, 100)
    anns, bobs = (adjusted(house, shop.account(user), 5) for user in ("ann", "bob"))
    gate = Gate(owner, anns.id)
    with ThreadPoolExecutor(1) as threads:
        held = threads.submit(house.loyalty.record, anns)
        eventually(gate.waiting, "ann's append comes to its commit")
        house.loyalty.record(bobs)
        assert gate.waiting()
        assert (shop.available("ann"), shop.available("bob")) == (100, 105)
        gate.open()
        held.result()
    gate.close()
    assert shop.available("ann") == 105


def test_a_second_append_at_the_same_version_waits_for_the_first_and_loses(house: House, owner: Database) -> None:
    """The control of the test above: where two do meet, the gate shows it."""
    shop = Shop(house)
    shop.give("ann", 100)
    first, second = (adjusted(house, shop.account("ann"), points) for points in (1, 2))
    gate = Gate(owner, first.id)
    with ThreadPoolExecutor(2) as threads:
        winner = threads.submit(house.loyalty.record, first)
        eventually(gate.waiting, "the first comes to its commit")
        loser = threads.submit(house.loyalty.record, second)
        blocked = "SELECT pid FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
        eventually(lambda: owner.rows(blocked), "the second waits for the first")
        gate.open()
        winner.result()
        with pytest.raises(IntegrityError):
            loser.result()
    gate.close()
    assert shop.available("ann") == 101
