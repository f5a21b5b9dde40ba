"""As whom the embedded PostgreSQL runs where we are root: in a namespace, as nobody, or as whoever made the home."""

from __future__ import annotations

import multiprocessing
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.embedded import CannotStart, EmbeddedPostgres, account, binaries
from tests.support.embedded import cleaned_up, postmaster_pid, query, run_as_owner

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


@contextmanager
def open_home() -> Iterator[Path]:
    """A home that every user of the machine can reach, which pytest's own folders are not."""
    folder = Path(tempfile.mkdtemp(prefix="miles-"))
    try:
        folder.chmod(0o755)
        with cleaned_up(folder) as home:
            yield home
    finally:
        shutil.rmtree(folder)


def _needs_reachable_binaries(user: pwd.struct_passwd) -> None:
    program = binaries.find().path("postgres")
    if not account.Account(uid=user.pw_uid, gid=user.pw_gid).may_run(program, Path("/")):
        pytest.skip(f"{user.pw_name} may not run {program}")


def test_where_root_has_no_namespaces_nobody_runs_the_server_and_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    nobody = pwd.getpwnam("nobody")
    _needs_reachable_binaries(nobody)
    with open_home() as home:
        postgres = EmbeddedPostgres(home)
        with postgres.running():
            run_as_owner(postgres, "CREATE TABLE kept ()")
        for has_unshare in (False, True):
            with monkeypatch.context() as patched:
                if not has_unshare:
                    patched.setattr(shutil, "which", lambda name: None)
                with postgres.running():
                    assert query(postgres.owner_url(), "SELECT count(*) FROM kept") == 0
                    assert Path(f"/proc/{postmaster_pid(home)}").stat().st_uid == nobody.pw_uid
        assert (home.stat().st_uid, home.stat().st_mode & 0o777) == (0, 0o755)


def test_a_home_that_nobody_may_not_enter_is_named_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotStart, match=str(home)), EmbeddedPostgres(home).running():
        raise AssertionError("it started")
    assert (home / "postgres").stat().st_uid == 0
    assert home.stat().st_mode & 0o777 == 0o700


def test_an_ordinary_user_starts_it_and_root_then_runs_it_as_that_user() -> None:
    user = pwd.getpwnam("nobody")
    _needs_reachable_binaries(user)
    with open_home() as home:
        os.chown(home, user.pw_uid, user.pw_gid)
        ordinary = multiprocessing.get_context("fork").Process(target=_start_as, args=(home, user.pw_uid, user.pw_gid))
        ordinary.start()
        ordinary.join()
        assert ordinary.exitcode == 0
        postgres = EmbeddedPostgres(home)
        with postgres.running():
            assert query(postgres.app_url(), "SELECT 1") == 1
            assert Path(f"/proc/{postmaster_pid(home)}").stat().st_uid == user.pw_uid


def _start_as(home: Path, uid: int, gid: int) -> None:
    """Runs in a forked child, so that the user needs no right to read Python's own files."""
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    postgres = EmbeddedPostgres(home)
    with postgres.running():
        assert query(postgres.app_url(), "SELECT 1") == 1
    assert not postgres.is_running()
