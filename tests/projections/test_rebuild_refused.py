"""A rebuild that cannot be, or comes to an early end, changes nothing and says why."""

from __future__ import annotations

from functools import partial

import pytest
from eventsourcing.persistence import MapperDeserialisationError, PersistenceError

from app.database import Database
from app.projections.rebuild import MARK, rebuild, state
from app.projections.swapping import CannotRebuild
from app.projections.verify import read_models
from app.wiring import House
from tests.support.postgres import TestServer
from tests.support.rebuilding import Rebuild, Stop, identities, refused
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("unchanged")
def test_one_that_never_gets_a_table_gives_up_and_changes_nothing(shop: Shop, rebuilt: Rebuild) -> None:
    with shop.house.database.transaction() as cursor:
        cursor.execute("SELECT FROM lots")
        with pytest.raises(CannotRebuild, match="held the live tables"):
            rebuilt(patience_s=0.2)


@pytest.mark.usefixtures("unchanged")
def test_a_second_one_at_the_same_time_is_refused_and_spoils_nothing(
    shop: Shop, owner: Database, rebuilt: Rebuild
) -> None:
    said = []

    def second(step: str, done: int, whole: int) -> None:
        if step == "checking" and not said:
            assert state(owner) == "under way"
            said.append(refused(rebuilt))
            raise Stop

    with pytest.raises(Stop):
        rebuilt(watch=second)
    assert said == ["another rebuild is under way"]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("step", ["folding", "furnishing", "checking"])
def test_one_that_is_broken_off_at_a_step_changes_nothing_and_clears_up(rebuilt: Rebuild, step: str) -> None:
    def stop(reached: str, done: int, whole: int) -> None:
        if reached == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rebuilt(watch=stop)


@pytest.mark.usefixtures("unchanged")
def test_what_a_dead_process_left_is_told_and_cleared_away_by_the_next(owner: Database, rebuilt: Rebuild) -> None:
    owner.execute("CREATE SCHEMA rebuilding; CREATE TABLE rebuilding.balances (half text)")
    owner.execute(f"COMMENT ON SCHEMA rebuilding IS '{MARK}'")
    assert state(owner) == "left over"
    with pytest.raises(Stop):
        rebuilt(watch=stopping)


def stopping(*_: object) -> None:
    """Break off at once."""
    raise Stop


def test_one_whose_connection_dies_changes_nothing_and_the_next_one_succeeds(
    shop: Shop, owner: Database, rebuilt: Rebuild
) -> None:
    shop.give()
    before, tables = snapshot_of_tables(owner), identities(owner)

    def hang_up(step: str, done: int, whole: int) -> None:
        if step == "furnishing" and done == 1:
            others = "datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
            owner.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")

    with pytest.raises(PersistenceError):
        rebuilt(watch=hang_up)
    assert (snapshot_of_tables(owner), identities(owner)) == (before, tables)
    assert state(owner) == "left over"
    rebuilt()
    assert state(owner) is None
    assert shop.differences() == []


def test_a_log_that_contradicts_itself_is_refused(shop: Shop, owner: Database, rebuilt: Rebuild) -> None:
    shop.give()
    shop.give("bob")
    [(state_of_it,)] = owner.rows("SELECT state FROM events WHERE topic = 'Adjusted.v1' LIMIT 1")
    wrong = state_of_it.replace('"balance":100', '"balance":300').replace('"id":1', '"id":2')
    owner.execute("SELECT events_append(%s::uuid[], '{3}', '{Adjusted.v1}', %s)", ([shop.account()], [wrong]))
    before = snapshot_of_tables(owner)
    assert refused(rebuilt).split("; ") == [
        f"the log contradicts itself: balances and what lots have left differ for 1 accounts, first {shop.account()}",
        f"balances and the sums of the feed differ for 1 accounts, first {shop.account()}",
        "accounts, points and debt by balances (2,400,0), by days (2,300,0)",
    ]
    assert (snapshot_of_tables(owner), state(owner)) == (before, None)


def test_a_log_that_cannot_be_read_is_refused(shop: Shop, owner: Database, rebuilt: Rebuild) -> None:
    shop.give()
    owner.execute("SELECT events_append(ARRAY[gen_random_uuid()], '{1}', '{Opened.v1}', ARRAY['{'])")
    before = snapshot_of_tables(owner)
    with pytest.raises(MapperDeserialisationError, match=r"Opened\.v1"):
        rebuilt()
    assert (snapshot_of_tables(owner), state(owner)) == (before, None)


MEANWHILE = {
    "ALTER TABLE lots ADD COLUMN note text": "lots has column 10 note text",
    "CREATE INDEX orders_by_total ON orders (total)": "orders has index CREATE INDEX orders_by_total",
    "GRANT DELETE ON balances TO miles_app": "balances has right DELETE of",
    "ALTER TABLE daily SET (fillfactor = 50)": "options {fillfactor=50}",
}


@pytest.mark.parametrize("change", MEANWHILE)
def test_a_table_that_was_altered_meanwhile_is_not_swapped_for_one_that_was_not(
    shop: Shop, owner: Database, rebuilt: Rebuild, change: str
) -> None:
    shop.give()

    def alter(step: str, done: int, whole: int) -> None:
        if step == "furnishing" and done == 5:
            owner.execute(change)

    line = refused(partial(rebuilt, watch=alter))
    assert line.startswith("the live tables changed meanwhile: ")
    assert MEANWHILE[change] in line
    assert shop.differences() == [] or "note" in change
    rebuilt()


STANDING = {
    "CREATE VIEW report AS SELECT balance FROM balances": "balances has used by rule _RETURN on view report",
    "CREATE TABLE mine (id bigint REFERENCES transactions)": "transactions has used by constraint mine_id_fkey",
    "CREATE TRIGGER mine BEFORE UPDATE ON lots EXECUTE FUNCTION events_refuse_change()": "lots has trigger mine",
    "ALTER TABLE orders ENABLE ROW LEVEL SECURITY": "orders has kind r p owner miles_owner options",
    "CREATE RULE mine AS ON DELETE TO rules DO INSTEAD NOTHING": "rules has rule mine",
    "COMMENT ON TABLE balances IS 'mine'": "balances has comment mine",
    "COMMENT ON INDEX lots_due IS 'mine'": "lots has at index lots_due comment mine",
    "COMMENT ON INDEX lots_pkey IS 'mine'": "lots has at index lots_pkey comment mine",
    "COMMENT ON CONSTRAINT lots_pkey ON lots IS 'mine'": "lots has at constraint lots_pkey comment mine",
    "CLUSTER lots USING lots_pkey": "lots has at index lots_pkey the mark of CLUSTER",
    "ALTER TABLE orders SET (toast.autovacuum_enabled = off)": "orders has toast options {autovacuum_enabled=off}",
}


@pytest.mark.parametrize("stands", STANDING)
def test_what_stands_on_a_live_table_is_named_and_never_left_behind(
    shop: Shop, owner: Database, rebuilt: Rebuild, stands: str
) -> None:
    shop.give()
    owner.execute(stands)
    before, tables = snapshot_of_tables(owner), identities(owner)
    line = refused(rebuilt)
    assert line.startswith("these cannot be made anew: ")
    assert STANDING[stands] in line
    assert (snapshot_of_tables(owner), identities(owner), state(owner)) == (before, tables, None)


def test_an_index_in_a_tablespace_of_its_own_is_named_and_never_moved_back(
    postgres: TestServer, owner: Database, rebuilt: Rebuild
) -> None:
    with postgres.tablespace() as name:
        owner.execute(f"ALTER INDEX lots_due SET TABLESPACE {name}")
        assert f"lots has at index lots_due tablespace {name}" in refused(rebuilt)
        owner.execute("ALTER INDEX lots_due SET TABLESPACE pg_default")
    rebuilt()


@pytest.mark.usefixtures("unchanged")
def test_a_schema_of_the_same_name_that_no_rebuild_made_is_left_alone(owner: Database, rebuilt: Rebuild) -> None:
    owner.execute("CREATE SCHEMA rebuilding; CREATE TABLE rebuilding.mine AS SELECT 7 AS number")
    for comment in ("NULL", "'mine'"):
        owner.execute(f"COMMENT ON SCHEMA rebuilding IS {comment}")
        assert refused(rebuilt) == "there is a schema rebuilding that no rebuild has made: give it another name"
        assert owner.rows("SELECT number FROM rebuilding.mine") == [(7,)]
        assert state(owner) is None, "nothing is left over of a rebuild"
    owner.execute("ALTER SCHEMA rebuilding RENAME TO mine")


@pytest.mark.usefixtures("unchanged")
def test_a_role_that_may_not_is_told_who_may(house: House, database: Database) -> None:
    models = read_models(house.settings.zone)
    line = refused(lambda: rebuild(database, house.mapper, models))
    assert line == "miles_app may not make a schema in this database: set DATABASE_OWNER_URL"
