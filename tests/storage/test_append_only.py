"""The log only grows: what the application's role may not do at all, and what not even the owner does by mistake."""

from __future__ import annotations

from uuid import uuid4

import psycopg2
import pytest
from eventsourcing.persistence import PersistenceError
from psycopg2.errors import InsufficientPrivilege

from app.database import Database
from app.eventstore.recorder import PostgresApplicationRecorder
from tests.storage.commits import event
from tests.support.tables import Snapshot, snapshot_of_tables

CHANGES = [
    "UPDATE events SET state = '[]'",
    "UPDATE events SET state = '[]' WHERE false",
    "DELETE FROM events",
    "TRUNCATE events",
    "TRUNCATE events CASCADE",
    "WITH gone AS (DELETE FROM events RETURNING *) SELECT count(*) FROM gone",
    "INSERT INTO events SELECT * FROM events ON CONFLICT (position) DO UPDATE SET state = '[]'",
    "MERGE INTO events e USING (SELECT 1 AS position) s ON e.position = s.position WHEN MATCHED THEN DELETE",
]
WAYS_AROUND = [
    "ALTER TABLE events DISABLE TRIGGER ALL",
    "ALTER TABLE events DISABLE TRIGGER events_append_only",
    "DROP TRIGGER events_append_only ON events",
    "DROP TABLE events CASCADE",
    "ALTER TABLE events RENAME TO old_events",
    "CREATE OR REPLACE FUNCTION events_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "CREATE RULE never AS ON INSERT TO events DO INSTEAD NOTHING",
    "CREATE TRIGGER meddle BEFORE INSERT ON events EXECUTE FUNCTION events_refuse_change()",
    "SET session_replication_role = replica",
    "GRANT UPDATE ON events TO miles_app; UPDATE events SET state = '[]'",
    "SET ROLE miles_owner",
    "SELECT setval('events_position_seq', 1)",
    "ALTER SEQUENCE events_position_seq RESTART",
    "CREATE TABLE mine (id int)",
]


@pytest.fixture
def filled(database: Database, owner: Database) -> Snapshot:
    """A log with something in it, as it must stay."""
    PostgresApplicationRecorder(database).insert_events([event(uuid4()), event(uuid4())])
    return snapshot_of_tables(owner)


@pytest.mark.parametrize("statement", CHANGES + WAYS_AROUND)
def test_the_applications_role_has_no_right_to_change_the_log(
    statement: str, database: Database, owner: Database, filled: Snapshot
) -> None:
    refused_for_want_of_privilege(database, statement)
    assert snapshot_of_tables(owner) == filled
    assert owner.rows("SELECT last_value FROM events_position_seq") == [(2,)]


@pytest.mark.parametrize("statement", CHANGES)
def test_the_owner_is_refused_while_the_trigger_stands(statement: str, owner: Database, filled: Snapshot) -> None:
    refusal = refused_for_want_of_privilege(owner, statement)
    assert "append-only" in str(refusal)
    assert snapshot_of_tables(owner) == filled


def test_without_the_trigger_the_owner_could(owner: Database, filled: Snapshot) -> None:
    """The control: it is the trigger that refuses."""
    owner.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
    assert owner.execute("DELETE FROM events") == 2
    assert snapshot_of_tables(owner) != filled


def refused_for_want_of_privilege(database: Database, statement: str) -> psycopg2.Error:
    with pytest.raises(PersistenceError) as refusal:
        database.execute(statement)
    assert isinstance(refusal.value.__cause__, InsufficientPrivilege)
    return refusal.value.__cause__
