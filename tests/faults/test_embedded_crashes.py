"""The embedded PostgreSQL, and those who hold it, killed with 9 at every bad moment: the next start heals it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import PersistenceError

from app.embedded import CannotStart, EmbeddedPostgres, NotInitialised
from app.embedded.postmaster import Postmaster
from tests.support.embedded import (
    DIE_AT,
    HOLD,
    child,
    cleaned_up,
    holder,
    postmaster_pid,
    query,
    run_as_owner,
    server_processes,
    with_proc,
)

# A backend that computes does not notice for a while that its postmaster died, and keeps the cluster busy.
BUSY = "SELECT count(*) FROM generate_series(1, 4000000)"
COUNT_BUSY = f"SELECT count(*) FROM pg_stat_activity WHERE usename = 'miles_app' AND query = '{BUSY}'"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with cleaned_up(tmp_path / "home") as home:
        yield home


@with_proc
def test_kill_9_of_the_postmaster_under_a_busy_client_loses_nothing(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    with postgres.running():
        run_as_owner(postgres, "CREATE TABLE kept AS SELECT 7 AS seven")
        busy = threading.Thread(target=_be_busy, args=(postgres,))
        busy.start()
        while query(postgres.superuser_url(), COUNT_BUSY) != 1:
            time.sleep(0.01)
        os.kill(postmaster_pid(home), signal.SIGKILL)
        with EmbeddedPostgres(home).running():
            assert query(postgres.owner_url(), "SELECT seven FROM kept") == 7
        busy.join()


def _be_busy(postgres: EmbeddedPostgres) -> None:
    with contextlib.suppress(PersistenceError):  # the server is killed under it
        query(postgres.app_url(), BUSY)


@with_proc
@pytest.mark.parametrize("looks", [True, False], ids=["healed", "control"])
def test_a_pid_left_by_a_crash_may_belong_to_an_unrelated_process_by_now(
    home: Path, looks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres, unrelated = EmbeddedPostgres(home), subprocess.Popen(["sleep", "60"])
    try:
        with postgres.running():
            old = str(postmaster_pid(home))
            for pid in server_processes(home):
                with contextlib.suppress(ProcessLookupError):  # it went with the one before
                    os.kill(pid, signal.SIGKILL)
            for left in (home / "postgres/cluster/postmaster.pid", home / "postgres/.s.PGSQL.5432.lock"):
                left.write_text(left.read_text().replace(old, str(unrelated.pid), 1))
        if not looks:
            monkeypatch.setattr(Postmaster, "_forget_the_dead", lambda self: None)
        refused = pytest.raises(CannotStart, match=r"postmaster\.pid")
        with contextlib.nullcontext() if looks else refused, postgres.running():
            assert query(postgres.app_url(), "SELECT 1") == 1
        assert unrelated.poll() is None
    finally:
        unrelated.kill()
        unrelated.wait()


def test_a_holder_killed_with_9_leaves_a_server_that_the_next_one_uses_and_stops(home: Path) -> None:
    postgres = EmbeddedPostgres(home)
    with holder(home) as victim:
        victim.kill()
    assert postgres.is_running()
    left = postmaster_pid(home)
    with postgres.running():
        assert postmaster_pid(home) == left
    assert not postgres.is_running()


def test_a_start_killed_within_initdb_is_made_anew(home: Path) -> None:
    starter = child(HOLD, home)
    while not (home / "postgres/cluster.new/base").exists():
        assert starter.poll() is None
        time.sleep(0.002)
    starter.kill()
    starter.communicate()
    assert not (home / "postgres/cluster").exists()
    postgres = EmbeddedPostgres(home)
    with pytest.raises(NotInitialised):
        postgres.app_url()
    with postgres.running():
        assert query(postgres.app_url(), "SELECT 1") == 1


@pytest.mark.parametrize("statement", ["CREATE ROLE miles_owner", "ALTER ROLE miles_app", "CREATE DATABASE"])
def test_a_start_killed_between_initdb_and_the_last_role_is_finished_by_the_next(home: Path, statement: str) -> None:
    starter = child(DIE_AT + HOLD, home, statement)
    starter.communicate()
    assert starter.returncode == -signal.SIGKILL
    postgres = EmbeddedPostgres(home)
    with pytest.raises(NotInitialised):
        postgres.app_url()
    with postgres.running():
        assert query(postgres.app_url(), "SELECT 1") == 1
        run_as_owner(postgres, "CREATE TABLE of_the_owner ()")
