"""What the table of events refuses by itself, to whoever may write: rows that no append of ours makes."""

from __future__ import annotations

from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, InternalError, StoredEvent

from app.database import Database
from app.eventstore.recorder import PostgresApplicationRecorder
from app.projections.rebuild import rebuild
from app.projections.verify import read_models
from app.wiring import House
from tests.storage.commits import event
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables

INSERT = (
    "INSERT INTO events (position, originator_id, originator_version, topic, state, recorded_at, hash)"
    " VALUES (%s, gen_random_uuid(), 1, 'Opened.v1', '{}', now(), %s)"
)


@pytest.mark.parametrize("position", [0, -1, -(2**63)])
def test_nobody_may_put_an_event_before_the_first_position(database: Database, owner: Database, position: int) -> None:
    before = snapshot_of_tables(owner)
    for whoever in (database, owner):
        with pytest.raises(InternalError, match="events_counted_from_1"):
            whoever.execute(INSERT, (position, bytes(32)))
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize("length", [0, 3, 31, 33, 64])
def test_nobody_may_give_an_event_a_hash_of_another_length(database: Database, owner: Database, length: int) -> None:
    before = snapshot_of_tables(owner)
    for whoever in (database, owner):
        with pytest.raises(InternalError, match="events_hash_is_sha256"):
            whoever.execute(INSERT, (1, bytes(length)))
    assert snapshot_of_tables(owner) == before


def test_what_they_refuse_is_that_alone(database: Database) -> None:
    """The control: the same row where it may stand, with a hash of the right length."""
    assert database.execute(INSERT, (1, bytes(32))) == 1


@pytest.mark.parametrize("version", [2, 7])
def test_an_append_that_leaves_out_a_version_is_refused_loudly_and_writes_nothing(
    database: Database, owner: Database, version: int
) -> None:
    log, stream = PostgresApplicationRecorder(database), uuid4()
    before = snapshot_of_tables(owner)
    with pytest.raises(InternalError, match=f"version {version} of stream {stream} has no version before it"):
        log.insert_events([event(uuid4()), event(stream, version)])
    assert snapshot_of_tables(owner) == before
    log.insert_events([event(stream, number) for number in range(1, version + 1)])


def test_an_append_may_not_bring_a_later_version_before_an_earlier_one(database: Database, owner: Database) -> None:
    log, stream = PostgresApplicationRecorder(database), uuid4()
    log.insert_events([event(stream)])
    before = snapshot_of_tables(owner)
    with pytest.raises(InternalError, match=r"version 3 of stream .* has no version before it"):
        log.insert_events([event(stream, 3), event(stream, 2)])
    assert snapshot_of_tables(owner) == before


def test_a_version_that_is_taken_is_a_conflict_as_before(database: Database, owner: Database) -> None:
    log, stream = PostgresApplicationRecorder(database), uuid4()
    log.insert_events([event(stream), event(stream, 2)])
    before = snapshot_of_tables(owner)
    for taken in (1, 2):
        with pytest.raises(IntegrityError):
            log.insert_events([StoredEvent(stream, taken, "Other.v1", b"{}")])
    assert snapshot_of_tables(owner) == before


OLD_COLUMNS = (
    "order_id, position, account_id, total, points_used, cash_due, gateway, items, currency, created_at, status,"
    " points_earned, points_restored, points_revoked, cash_refunded, charge_id, waiting_since"
)
"""What the fold of the version before this migration writes of a new order."""


def test_a_worker_of_the_version_before_goes_on_and_a_rebuild_fills_in_what_it_did_not_know(
    house: House, owner: Database
) -> None:
    shop = Shop(house)
    shop.buy()
    (row,) = house.database.rows(f"SELECT {OLD_COLUMNS} FROM orders")
    owner.execute("DELETE FROM orders")
    house.database.execute(f"INSERT INTO orders ({OLD_COLUMNS}) VALUES ({', '.join(['%s'] * len(row))})", row)
    assert len(shop.differences()) == 1
    rebuild(owner, house.mapper, read_models(house.settings.zone))
    assert shop.differences() == []
