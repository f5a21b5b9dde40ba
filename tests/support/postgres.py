"""Real PostgreSQL for tests: one embedded server a test process, a fresh migrated database a test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

from app import migrations
from app.database import Database
from app.embedded import EmbeddedPostgres

TEMPLATE = "miles_template"

MEMORY = Path("/dev/shm")
PREFIX = "miles-test-"
ROOM_BYTES = 2 * 2**30
"""Free in memory before anything goes there. A server took 93 MiB in the quick tests, and may take 256 more."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Addresses:
    """Where one test's database is, for each of its two roles."""

    app: str
    owner: str


class TestServer:
    """A running server with a migrated template."""

    __test__ = False

    def __init__(self, embedded: EmbeddedPostgres) -> None:
        self._embedded = embedded
        self._superuser = Database(embedded.superuser_url(), pool_size=2)
        self._superuser.execute(f"CREATE DATABASE {TEMPLATE} OWNER miles_owner")
        owner = Database(_renamed(embedded.owner_url(), TEMPLATE), pool_size=1)
        migrations.migrate(owner, "miles_app")
        owner.close()

    @contextmanager
    def fresh(self, template: str = TEMPLATE) -> Iterator[Addresses]:
        """A new database, migrated and empty, dropped afterwards."""
        name = f"test_{next(_numbers)}"
        self._superuser.execute(f"CREATE DATABASE {name} TEMPLATE {template} OWNER miles_owner")
        try:
            yield Addresses(_renamed(self._embedded.app_url(), name), _renamed(self._embedded.owner_url(), name))
        finally:
            self._superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def tablespace(self) -> Iterator[str]:
        """A tablespace that owners may use, dropped afterwards; it must be empty by then."""
        name = f"space_{next(_numbers)}"
        with self._superuser.connection() as connection, connection.cursor() as cursor:
            cursor.execute("SET allow_in_place_tablespaces = on")
            cursor.execute(f"CREATE TABLESPACE {name} LOCATION ''")
            cursor.execute(f"GRANT CREATE ON TABLESPACE {name} TO miles_owner")
            yield name
            cursor.execute(f"DROP TABLESPACE {name}")

    def close(self) -> None:
        """Hang up."""
        self._superuser.close()


@contextmanager
def server() -> Iterator[TestServer]:
    """A server for tests that do not test durability: it does not wait for the disk."""
    settings = {"fsync": "off", "full_page_writes": "off", "max_connections": "200", "max_wal_size": "256MB"}
    with _home() as home:
        embedded = EmbeddedPostgres(home, settings=settings)
        with embedded.running():
            running = TestServer(embedded)
            try:
                yield running
            finally:
                running.close()


@contextmanager
def _home() -> Iterator[Path]:
    """A folder that lies in memory where that has room: on a disk a database a test takes most of the time."""
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= ROOM_BYTES
    if has_room:
        _clear_up()
    with TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY if has_room else None) as home:
        yield Path(home)


def _clear_up() -> None:
    """Remove what runs that were killed have left in memory."""
    for left in MEMORY.glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(PREFIX).split("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)


def _renamed(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
