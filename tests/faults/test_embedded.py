"""The embedded PostgreSQL as its holders see it: started, shared, left, in any home."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from eventsourcing.persistence import PersistenceError, ProgrammingError

from app.database import Database
from app.embedded import CannotStart, EmbeddedPostgres, NotInitialised, binaries
from app.embedded.cluster import Cluster
from tests.support.embedded import (
    COME_AND_GO,
    child,
    cleaned_up,
    holder,
    postmaster_pid,
    query,
    run_as_owner,
    server_processes,
    with_proc,
)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with cleaned_up(tmp_path / "home") as home:
        yield home


def test_a_fresh_home_gets_an_owner_and_an_application_role_that_may_do_little(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    with postgres.running():
        assert query(postgres.app_url(), "SELECT current_user || ' ' || current_database()") == "miles_app miles"
        run_as_owner(postgres, "CREATE TABLE of_the_owner ()")
        with closing(Database(postgres.app_url(), pool_size=1)) as app:
            with pytest.raises(ProgrammingError, match="permission denied for schema public"):
                app.execute("CREATE TABLE of_the_app ()")
            with pytest.raises(ProgrammingError, match="permission denied"):
                app.execute("CREATE ROLE another")
        for role in ("miles_owner", "miles_app"):
            powers = "rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls"
            assert query(postgres.app_url(), f"SELECT {powers} FROM pg_roles WHERE rolname = '{role}'") is False
        owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'miles'"
        assert query(postgres.app_url(), owner) == "miles_owner"


def test_nothing_of_it_is_open_to_others(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    with postgres.running():
        assert query(postgres.app_url(), "SHOW listen_addresses") == ""
        assert (home / "postgres").stat().st_mode & 0o777 == 0o700
        assert (home / "postgres/.s.PGSQL.5432").stat().st_mode & 0o077 == 0
        passwords = list((home / "postgres").glob("*.password"))
        assert len(passwords) == 3
        assert {path.stat().st_mode & 0o777 for path in passwords} == {0o600}
        with pytest.raises(PersistenceError, match="password authentication failed"):
            query(postgres.app_url().replace("miles_app:", "miles_app:x"), "SELECT 1")


def test_a_second_start_finds_what_the_first_one_left(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    with pytest.raises(NotInitialised):
        postgres.app_url()
    with postgres.running():
        run_as_owner(postgres, "CREATE TABLE kept ()")
        first = postgres.app_url(), postgres.owner_url()
    assert not postgres.is_running()
    assert (postgres.app_url(), postgres.owner_url()) == first
    with EmbeddedPostgres(home).running():
        assert query(postgres.owner_url(), "SELECT count(*) FROM kept") == 0


def test_the_last_of_two_holders_stops_the_server(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    with holder(home) as first:
        with postgres.running():
            first.communicate()
            assert query(postgres.app_url(), "SELECT 1") == 1
        assert not postgres.is_running()


def test_settings_reach_the_server_and_durability_stays_on(home: Path) -> None:
    postgres = EmbeddedPostgres(home, settings={"work_mem": "7MB", "search_path": "public, pg_catalog"})
    with postgres.running():
        expected = {"work_mem": "7MB", "search_path": "public, pg_catalog", "max_connections": "100"}
        expected |= {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
        assert {name: query(postgres.app_url(), f"SHOW {name}") for name in expected} == expected


def test_four_processes_that_start_at_once_all_get_a_server(home: Path) -> None:
    starters = [child(COME_AND_GO.replace("range(4)", "range(1)"), home) for _ in range(4)]
    for starter in starters:
        starter.communicate()
    assert [starter.returncode for starter in starters] == [0, 0, 0, 0]
    assert not EmbeddedPostgres(home).is_running()


def test_who_arrives_while_the_last_one_leaves_gets_a_server(home: Path) -> None:
    guests = [child(COME_AND_GO, home) for _ in range(3)]
    for guest in guests:
        guest.communicate()
    assert [guest.returncode for guest in guests] == [0, 0, 0]


def session_of(pid: int) -> int | None:
    """A process's session; None for one that ended meanwhile, as a server's workers do."""
    try:
        return os.getsid(pid)
    except ProcessLookupError:
        return None


@with_proc
def test_ctrl_c_in_the_terminal_reaches_none_of_the_servers_processes(home: Path) -> None:
    with EmbeddedPostgres(home).running():
        sessions = {pid: session_of(pid) for pid in server_processes(home)}
        assert postmaster_pid(home) in sessions
        assert os.getsid(0) not in sessions.values()


@pytest.mark.parametrize("name", ["long" * 40, "with, comma", """with "quotes', $HOME and %20"""])
def test_the_home_may_have_any_path(tmp_path: Path, name: str) -> None:
    with cleaned_up(tmp_path / name) as home:
        postgres = EmbeddedPostgres(home)
        with postgres.running():
            assert query(postgres.app_url(), "SELECT 1") == 1
            assert Cluster(home / "postgres").sockets.stat().st_mode & 0o777 == 0o700


def test_a_socket_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    home = tmp_path / ("long" * 40)
    sockets = Cluster(home / "postgres").sockets
    sockets.mkdir()
    sockets.chmod(0o777)
    try:
        with pytest.raises(CannotStart, match="not a private folder"), EmbeddedPostgres(home).running():
            raise AssertionError("it started")
    finally:
        sockets.rmdir()


def test_a_failed_start_shows_the_servers_own_words_and_the_next_one_works(home: Path) -> None:
    wrong = EmbeddedPostgres(home, settings={"work_mem": "plenty"})
    with pytest.raises(CannotStart, match='invalid value for parameter "work_mem"'), wrong.running():
        raise AssertionError("it started")
    postgres = EmbeddedPostgres(home)
    with postgres.running():
        assert query(postgres.app_url(), "SELECT 1") == 1


def test_without_binaries_one_line_says_what_to_do(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEELS", ())
    monkeypatch.setattr(binaries, "DISTRIBUTION", home)
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(CannotStart, match=r"^[^\n]*set DATABASE_URL, or `pip install[^\n]*$"):
        EmbeddedPostgres(home).running().__enter__()
