"""The temporary home that everything runs in: one embedded PostgreSQL as the house starts it, a database a side.

PostgreSQL waits for the disk here, as in production: no setting but the house's own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from app import migrations
from app.config import PROJECT
from app.database import Database
from app.embedded import EmbeddedPostgres
from benchmarks.plans import Plan

# In the project, since a system's folder for temporary files may lie in memory, where waiting for the disk is free.
HOMES = PROJECT / ".cache"
SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")

T = TypeVar("T")


@dataclass(frozen=True)
class Addresses:
    """Where one database is, for each of its two roles."""

    app: str
    owner: str


class Arena:
    """A running server in `home`, and what several lines share. `plan` says how much of everything there is."""

    def __init__(self, home: Path, embedded: EmbeddedPostgres, plan: Plan) -> None:
        self.home = home
        self.plan = plan
        self._embedded = embedded
        self._kept: dict[str, Any] = {}
        self._ends = ExitStack()

    def database(self, name: str, *, is_migrated: bool = True) -> Addresses:
        """A new database, with the house's schema or empty."""
        self._as_superuser(f"CREATE DATABASE {name} OWNER miles_owner")
        addresses = self.addresses(name)
        if is_migrated:
            with closing(Database(addresses.owner, pool_size=1)) as owner:
                migrations.migrate(owner, "miles_app")
        return addresses

    def copy(self, name: str, original: str) -> Addresses:
        """A new database with all that is in another, to which nobody may be connected. It may be dropped again."""
        self._as_superuser(f"CREATE DATABASE {name} OWNER miles_owner TEMPLATE {original}")
        return self.addresses(name)

    def drop(self, name: str) -> None:
        """Be rid of a database before the end."""
        self._as_superuser(f"DROP DATABASE {name} WITH (FORCE)")

    def addresses(self, name: str) -> Addresses:
        """Where the database of this name is."""
        return Addresses(_renamed(self._embedded.app_url(), name), _renamed(self._embedded.owner_url(), name))

    def kept(self, name: str, make: Callable[[], AbstractContextManager[T]]) -> T:
        """What the first line to ask for it has made, until the arena ends."""
        if name not in self._kept:
            self._kept[name] = self._ends.enter_context(make())
        kept: T = self._kept[name]
        return kept

    def close(self) -> None:
        """End what was kept, the last first."""
        self._ends.close()

    def settings(self) -> dict[str, str]:
        """What PostgreSQL says of itself."""
        with closing(Database(self._embedded.app_url(), pool_size=1)) as database:
            return {name: str(database.rows(f"SHOW {name}")[0][0]) for name in SHOWN}

    def _as_superuser(self, statement: str) -> None:
        with closing(Database(self._embedded.superuser_url(), pool_size=1)) as superuser:
            superuser.execute(statement)


@contextmanager
def arena(plan: Plan) -> Iterator[Arena]:
    """An arena in a home of its own, removed afterwards."""
    HOMES.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=HOMES))
    try:
        embedded = EmbeddedPostgres(home)
        with embedded.running(), closing(Arena(home, embedded, plan)) as ground:
            yield ground
    finally:
        shutil.rmtree(home)


def _renamed(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
