"""An embedded PostgreSQL under test: homes that clean up, processes that hold it, and looks inside.

Owns no expectations: those are the tests'.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.config import PROJECT
from app.database import Database
from app.embedded import EmbeddedPostgres
from app.embedded.cluster import Cluster
from app.embedded.postmaster import Postmaster

with_proc = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc to see the server's processes")

HOLD = """
import sys
from pathlib import Path
from app.embedded import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])).running():
    print("held", flush=True)
    sys.stdin.read()
"""
# A holder that dies at once, as by kill -9, when it is about to run the SQL that begins with its second argument.
DIE_AT = """
import os, sys
from app.database import Database
execute = Database.execute
def die_or_execute(self, sql, parameters=None):
    if sql.startswith(sys.argv[2]):
        os.kill(os.getpid(), 9)
    return execute(self, sql, parameters)
Database.execute = die_or_execute
"""
COME_AND_GO = """
import sys
from pathlib import Path
from app.database import Database
from app.embedded import EmbeddedPostgres
postgres = EmbeddedPostgres(Path(sys.argv[1]))
for _ in range(4):
    with postgres.running():
        assert Database(postgres.app_url()).rows("SELECT 1") == [(1,)]
"""


@contextmanager
def cleaned_up(home: Path) -> Iterator[Path]:
    """A home whose server, if one is left at the end, is stopped."""
    try:
        yield home
    finally:
        cluster = Cluster((home / "postgres").resolve())
        Postmaster(cluster, {}).stop()
        if cluster.sockets != cluster.folder:
            shutil.rmtree(cluster.sockets, ignore_errors=True)


def child(script: str, *words: object) -> subprocess.Popen[str]:
    """A Python process of its own that runs `script`."""
    command = [sys.executable, "-c", script, *map(str, words)]
    return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def holder(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the server of `home` until it is told to leave, or killed."""
    process = child(HOLD, home)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.communicate()


def query(url: str, sql: str) -> object:
    """The only value of the only row."""
    with closing(Database(url, pool_size=1)) as database:
        row = database.row(sql)
    assert row is not None
    return row[0]


def run_as_owner(postgres: EmbeddedPostgres, sql: str) -> None:
    """Run one statement as the owner of the database."""
    with closing(Database(postgres.owner_url(), pool_size=1)) as database:
        database.execute(sql)


def postmaster_pid(home: Path) -> int:
    """The pid of the server in `home`, as PostgreSQL wrote it down."""
    return int((home / "postgres/cluster/postmaster.pid").read_text().split("\n")[0])


def server_processes(home: Path) -> list[int]:
    """Every process that works in the cluster's folder: the postmaster and its children."""
    found = []
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):  # it ended while we looked, or is not ours to look at
            if cwd.samefile(home / "postgres/cluster"):
                found.append(int(cwd.parent.name))
    return found
