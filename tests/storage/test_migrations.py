"""The schema comes by migrations alone: each once, whole or not at all, and it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from uuid import uuid4

import pytest
from eventsourcing.persistence import PersistenceError, ProgrammingError

from app import migrations
from app.database import LOCK_MIGRATE, Database
from app.eventstore.recorder import PostgresApplicationRecorder
from tests.storage.commits import event, eventually
from tests.support.postgres import Addresses, TestServer
from tests.support.tables import snapshot_of_tables

APP = "miles_app"

OBJECTS = """
SELECT 'table', relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'v', 'm')
UNION ALL SELECT 'function', proname FROM pg_proc p WHERE pronamespace = 'public'::regnamespace
AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = p.oid AND deptype = 'e')
"""
"""What stands in the schema, but for what an extension brought."""


@pytest.fixture
def empty(postgres: TestServer) -> Iterator[Addresses]:
    """A database in which nothing was ever made."""
    with postgres.fresh("template0") as addresses:
        yield addresses


@pytest.fixture
def empty_owner(empty: Addresses) -> Iterator[Database]:
    """That database, as its owner."""
    opened = Database(empty.owner, pool_size=6)
    yield opened
    opened.close()


def versions(owner: Database) -> list[str]:
    return [version for (version,) in owner.rows("SELECT version FROM schema_migrations ORDER BY version")]


def test_every_migration_is_applied_once_and_a_second_run_does_nothing(empty_owner: Database) -> None:
    every = list(migrations.available())
    assert migrations.pending(empty_owner) == every
    assert migrations.migrate(empty_owner, APP) == every
    assert migrations.pending(empty_owner) == []
    before = snapshot_of_tables(empty_owner)
    assert migrations.migrate(empty_owner, APP) == []
    assert snapshot_of_tables(empty_owner) == before
    assert versions(empty_owner) == every


def test_four_at_once_apply_each_migration_once(empty_owner: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        runs = list(threads.map(lambda _: migrations.migrate(empty_owner, APP), range(4)))
    assert sorted(runs) == [[], [], [], list(migrations.available())]


def test_a_migration_waits_for_one_under_way_elsewhere(empty_owner: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with empty_owner.advisory_lock(LOCK_MIGRATE):
            run = threads.submit(migrations.migrate, empty_owner, APP)
            waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            eventually(lambda: empty_owner.rows(waiting), "it waits")
            assert empty_owner.rows(OBJECTS) == []
        assert run.result() == list(migrations.available())


def test_a_migration_that_fails_leaves_nothing_of_itself_and_those_before_it_whole(empty_owner: Database) -> None:
    first, second, *rest = migrations.available()
    empty_owner.execute("CREATE TABLE secrets (in_the_way int)")
    with pytest.raises(ProgrammingError):
        migrations.migrate(empty_owner, APP)
    assert migrations.pending(empty_owner) == [second, *rest]
    tables = {name for _, name in empty_owner.rows(OBJECTS)}
    assert {"events", "tracking"} < tables
    assert not {"directory", "reasons", "idempotency"} & tables
    empty_owner.execute("DROP TABLE secrets")
    assert migrations.migrate(empty_owner, APP) == [second, *rest]
    assert versions(empty_owner) == [first, second, *rest]


def test_the_way_down_takes_back_all_that_the_way_up_made(empty_owner: Database) -> None:
    migrations.migrate(empty_owner, APP)
    standing = set(empty_owner.rows(OBJECTS))
    for version, text in reversed(migrations.available().items()):
        with empty_owner.transaction() as cursor:
            cursor.execute(text.split("-- migrate:down")[1])
            cursor.execute("DELETE FROM schema_migrations WHERE version = %s", (version,))
    assert empty_owner.rows(OBJECTS) == [("table", "schema_migrations")]
    assert migrations.migrate(empty_owner, APP) == list(migrations.available())
    assert set(empty_owner.rows(OBJECTS)) == standing


def test_words_that_were_learned_before_are_found_by_their_slips_after_the_upgrade(empty_owner: Database) -> None:
    def by_slips() -> list[str]:
        found = "SELECT word FROM product_words WHERE word_slips(word) @@ 'botle'::tsquery ORDER BY word"
        return [word for (word,) in empty_owner.rows(found)]

    with pytest.MonkeyPatch.context() as before:
        old = {version: text for version, text in migrations.available().items() if version < "0011"}
        before.setattr(migrations, "available", lambda: old)
        migrations.migrate(empty_owner, APP)
        _sell(empty_owner, "Steel bottle")
    assert migrations.migrate(empty_owner, APP)[0] == "0011"
    assert by_slips() == ["bottle"]
    _sell(empty_owner, "Botley lamp")
    empty_owner.execute("UPDATE products SET name = 'Botle' WHERE name = 'Steel bottle'")
    assert by_slips() == ["botle", "botley", "bottle"]


def _sell(owner: Database, name: str) -> None:
    product = (
        "INSERT INTO products (sku, name, brand, category, price_minor, currency) VALUES (%s, %s, '', '', 1, 'INR')"
    )
    owner.execute(product, (name, name))


def test_a_word_and_its_slips_are_every_form_with_one_letter_less(owner: Database) -> None:
    for word, slips in {"pen": "'en' 'pe' 'pen' 'pn'", "tüll": "'tll' 'tül' 'tüll' 'üll'"}.items():
        assert owner.rows("SELECT word_slips(%s)::text", (word,)) == [(slips,)]


def test_every_file_is_numbered_without_a_gap_and_has_a_way_up_and_a_way_down() -> None:
    names = [f.name for f in resources.files(migrations).iterdir() if f.name.endswith(".sql")]
    assert len(migrations.available()) == len(names) - 1, "two files have one number"
    assert [int(version) for version in migrations.available()] == list(range(1, len(names)))
    for text in migrations.available().values():
        assert text.startswith("-- migrate:up\n")
        assert text.count("-- migrate:up") == text.count("-- migrate:down") == 1
        assert text.split("-- migrate:down")[1].strip()


def test_the_applications_role_makes_no_schema(empty: Addresses) -> None:
    app = Database(empty.app)
    assert migrations.pending(app) == list(migrations.available())
    with pytest.raises(PersistenceError):
        migrations.migrate(app, APP)
    assert migrations.pending(app) == list(migrations.available())
    app.close()


def test_a_role_that_owns_all_needs_no_grants_and_may_append(empty_owner: Database) -> None:
    migrations.migrate(empty_owner, empty_owner.role)
    assert PostgresApplicationRecorder(empty_owner).insert_events([event(uuid4())]) == [1]
    granted = "SELECT count(*) FROM information_schema.role_table_grants WHERE grantee = %s"
    assert empty_owner.rows(granted, (APP,)) == [(0,)]


def test_what_the_applications_role_may_do_to_each_table_is_no_more_than_is_needed(owner: Database) -> None:
    rights = dict(
        owner.rows(
            "SELECT table_name::text, string_agg(privilege_type, ' ' ORDER BY privilege_type)"
            " FROM information_schema.role_table_grants WHERE grantee = %s GROUP BY 1",
            (APP,),
        )
    )
    assert rights["events"] == "INSERT SELECT"
    assert rights["schema_migrations"] == rights["secrets"] == "SELECT"
    words = {table: set(of_it.split()) for table, of_it in rights.items()}
    assert set().union(*words.values()) == {"INSERT", "SELECT", "UPDATE", "DELETE"}
    may_delete = {table for table, may in words.items() if "DELETE" in may}
    panels = {"panel_users", "panel_tokens", "panel_failures"}
    assert may_delete - {"product_words"} == {"idempotency", "recoveries"} | panels
    sequence = "SELECT has_sequence_privilege(%s, 'events_position_seq', %s)"
    allowed = {right: owner.rows(sequence, (APP, right)) for right in ("SELECT", "USAGE", "UPDATE")}
    assert allowed == {"SELECT": [(True,)], "USAGE": [(True,)], "UPDATE": [(False,)]}


def test_every_table_can_be_read_by_the_applications_role(database: Database, owner: Database) -> None:
    tables = snapshot_of_tables(owner)
    assert "events" in tables
    for table in tables:
        assert len(database.rows(f'SELECT count(*) FROM "{table}"')) == 1
