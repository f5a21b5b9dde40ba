"""The pool and what stands on it: connections are few, shared, replaced when they die, and given back clean."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from eventsourcing import persistence
from psycopg2.extensions import parse_dsn

from app.database import Database, Unavailable
from tests.storage.commits import eventually
from tests.support.postgres import Addresses


@pytest.fixture
def single(addresses: Addresses) -> Iterator[Database]:
    """A pool of one, as the owner, who does not wait long for it."""
    opened = Database(addresses.owner, pool_size=1, timeout_s=0.2)
    opened.execute("CREATE TABLE notes (id int PRIMARY KEY, of int REFERENCES notes, CHECK (id >= 0))")
    yield opened
    opened.close()


def notes(database: Database) -> list[int]:
    return [note for (note,) in database.rows("SELECT id FROM notes ORDER BY id")]


def backend(database: Database) -> int:
    """The server process of the connection that comes next."""
    return int(database.rows("SELECT pg_backend_pid()")[0][0])


def test_a_full_pool_makes_one_wait_and_then_says_that_it_is_unavailable(single: Database) -> None:
    with single.connection(), pytest.raises(Unavailable, match=r"0\.2 s"):
        single.rows("SELECT 1")
    assert single.rows("SELECT 1") == [(1,)]


def test_who_waits_gets_the_connection_that_is_given_back(addresses: Addresses) -> None:
    database = Database(addresses.app, pool_size=1)
    with ThreadPoolExecutor(1) as threads:
        with database.connection() as held:
            waiting = threads.submit(backend, database)
            assert not waiting.done()
            pid = held.info.backend_pid
        assert waiting.result() == pid
    database.close()


def test_many_threads_share_few_connections(addresses: Addresses) -> None:
    database = Database(addresses.app, pool_size=3)
    with ThreadPoolExecutor(12) as threads:
        pids = set(threads.map(lambda _: backend(database), range(200)))
    assert 1 <= len(pids) <= 3
    database.close()


def test_the_connection_that_was_given_back_last_is_used_first(addresses: Addresses) -> None:
    database = Database(addresses.app, pool_size=3)
    with database.connection() as first:
        with database.connection():
            pass
        pid = first.info.backend_pid
    assert [backend(database) for _ in range(3)] == [pid] * 3
    database.close()


def test_connections_are_opened_only_when_they_are_needed(addresses: Addresses, owner: Database) -> None:
    database = Database(addresses.app, pool_size=5)
    opened = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'miles_app' AND datname = current_database()"
    assert owner.rows(opened) == [(0,)]
    database.rows("SELECT 1")
    assert owner.rows(opened) == [(1,)]
    database.close()


def kill(database: Database, pid: int) -> None:
    """End a server process, and see it end."""
    database.rows("SELECT pg_terminate_backend(%s)", (pid,))
    eventually(lambda: not database.rows("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)), "it ends")


def test_an_idle_connection_that_the_server_ended_is_replaced(single: Database, owner: Database) -> None:
    pid = backend(single)
    kill(owner, pid)
    assert single.execute("INSERT INTO notes VALUES (1)") == 1
    assert backend(single) != pid


SUICIDE = "SELECT CASE WHEN pg_backend_pid() = %(pid)s THEN pg_terminate_backend(%(pid)s) ELSE false END"


def test_a_read_whose_connection_dies_is_tried_once_more(single: Database) -> None:
    assert single.rows(SUICIDE, {"pid": backend(single)}) == [(False,)]


def test_a_read_whose_connection_dies_again_is_reported(single: Database) -> None:
    with pytest.raises(persistence.OperationalError):
        single.rows("SELECT pg_terminate_backend(pg_backend_pid())")
    assert single.rows("SELECT 1") == [(1,)]


def test_a_write_whose_connection_dies_is_never_tried_again(single: Database) -> None:
    with pytest.raises(persistence.OperationalError):
        single.execute(SUICIDE, {"pid": backend(single)})


def test_a_transaction_that_was_left_open_is_rolled_back_when_its_connection_is_given_back(single: Database) -> None:
    with single.connection() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; INSERT INTO notes VALUES (1)")
        pid = connection.info.backend_pid
    assert notes(single) == []
    assert single.rows("SELECT now() = statement_timestamp()") == [(True,)], "still in a transaction"
    assert backend(single) == pid


def test_a_transaction_that_failed_is_rolled_back_when_its_connection_is_given_back(single: Database) -> None:
    with pytest.raises(persistence.ProgrammingError), single.connection() as connection, connection.cursor() as cursor:
        cursor.execute("BEGIN; INSERT INTO notes VALUES (1)")
        cursor.execute("SELECT no_such_column")
    assert notes(single) == []


def test_a_transaction_is_committed_as_a_whole(single: Database, owner: Database) -> None:
    with single.transaction() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1)")
        cursor.execute("INSERT INTO notes VALUES (2)")
        assert notes(owner) == []
    assert notes(owner) == [1, 2]


class Refused(Exception):
    """What the code inside a transaction raises for reasons of its own."""


@pytest.mark.parametrize(
    ("statement", "error"),
    [("SELECT 1", Refused), ("INSERT INTO notes VALUES (1)", persistence.IntegrityError)],
)
def test_a_transaction_whose_block_raises_leaves_nothing(
    statement: str, error: type[Exception], single: Database
) -> None:
    with pytest.raises(error), single.transaction() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1)")
        cursor.execute(statement)
        raise Refused
    assert notes(single) == []


def test_a_transaction_whose_connection_dies_leaves_nothing_and_says_so(single: Database, owner: Database) -> None:
    with pytest.raises(persistence.OperationalError), single.transaction() as cursor:
        cursor.execute("INSERT INTO notes VALUES (1)")
        kill(owner, cursor.connection.info.backend_pid)
        cursor.execute("INSERT INTO notes VALUES (2)")
    assert notes(single) == []


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("INSERT INTO notes VALUES (1), (1)", persistence.IntegrityError),
        ("CREATE TABLE few (id int, EXCLUDE (id WITH =)); INSERT INTO few VALUES (1), (1)", persistence.IntegrityError),
        ("INSERT INTO notes VALUES (-1)", persistence.InternalError),
        ("INSERT INTO notes VALUES (NULL)", persistence.InternalError),
        ("INSERT INTO notes VALUES (1, 2)", persistence.InternalError),
        ("SELEKT", persistence.ProgrammingError),
        ("SELECT 1 / 0", persistence.DataError),
        ("DO $$ BEGIN RAISE EXCEPTION 'mine'; END $$", persistence.InternalError),
        ("SELECT 'a'::json", persistence.DataError),
        ("SET statement_timeout = 1; SELECT pg_sleep(9)", persistence.OperationalError),
    ],
)
def test_errors_leave_in_the_librarys_words(sql: str, error: type[Exception], single: Database) -> None:
    with pytest.raises(error):
        single.execute(sql)


@pytest.mark.parametrize("part", [{"port": "1"}, {"dbname": "no_such_database"}, {"password": "wrong"}])
def test_a_database_that_cannot_be_reached_is_unavailable(part: dict[str, str], addresses: Addresses) -> None:
    dsn = {**parse_dsn(addresses.app), **part}
    database = Database(" ".join(f"{name}='{value}'" for name, value in dsn.items()), pool_size=1, timeout_s=0.1)
    for _ in range(2):  # a failure gives its place in the pool back
        with pytest.raises(Unavailable) as refusal:
            database.rows("SELECT 1")
        assert "came free" not in str(refusal.value)


def test_a_closed_pool_gives_nothing_any_more_and_ends_what_is_given_back(
    addresses: Addresses, owner: Database
) -> None:
    database = Database(addresses.app, pool_size=2)
    with database.connection() as held:
        database.rows("SELECT 1")
        database.close()
        with pytest.raises(persistence.InterfaceError):
            database.rows("SELECT 1")
    assert held.closed


def test_every_session_speaks_utc_and_utf8_and_does_not_wait_for_ever(database: Database) -> None:
    wanted = {
        "TimeZone": "UTC",
        "client_encoding": "UTF8",
        "standard_conforming_strings": "on",
        "lock_timeout": "10s",
        "idle_in_transaction_session_timeout": "30s",
        "application_name": "miles",
    }
    assert {name: database.rows("SELECT current_setting(%s)", (name,))[0][0] for name in wanted} == wanted


def test_an_advisory_lock_is_one_holders_until_its_block_ends(database: Database, owner: Database) -> None:
    with database.advisory_lock(99) as mine:
        assert mine.is_held
        with owner.advisory_lock(99, wait=False) as theirs, owner.advisory_lock(98, wait=False) as another:
            assert (theirs.is_held, another.is_held) == (False, True)
    with owner.advisory_lock(99, wait=False) as theirs:
        assert theirs.is_held


def test_an_advisory_lock_whose_connection_died_is_not_confirmed(database: Database, owner: Database) -> None:
    with database.advisory_lock(99) as lock:
        lock.confirm()
        ((pid,),) = database.rows("SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 99")
        kill(database, pid)
        with pytest.raises(persistence.PersistenceError):
            lock.confirm()
        with owner.advisory_lock(99, wait=False) as theirs:
            assert theirs.is_held
