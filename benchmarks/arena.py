"""The temporary home that everything runs in: one embedded PostgreSQL as the house starts it, a database a side.

PostgreSQL waits for the disk here, as in production: no setting but the house's own.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from app import migrations
from app.config import PROJECT
from app.database import Database
from app.embedded import EmbeddedPostgres

# In the project, since a system's folder for temporary files may lie in memory, where waiting for the disk is free.
HOMES = PROJECT / ".cache"
SHOWN = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")


@dataclass(frozen=True)
class Addresses:
    """Where one database is, for each of its two roles."""

    app: str
    owner: str


class Arena:
    """A running server in `home`."""

    def __init__(self, home: Path, embedded: EmbeddedPostgres, events: int) -> None:
        """`events` is how long a long history is here."""
        self.home = home
        self.events = events
        self._embedded = embedded

    def database(self, name: str, *, is_migrated: bool = True) -> Addresses:
        """A new database, with the house's schema or empty."""
        with closing(Database(self._embedded.superuser_url(), pool_size=1)) as superuser:
            superuser.execute(f"CREATE DATABASE {name} OWNER miles_owner")
        addresses = self.addresses(name)
        if is_migrated:
            with closing(Database(addresses.owner, pool_size=1)) as owner:
                migrations.migrate(owner, "miles_app")
        return addresses

    def addresses(self, name: str) -> Addresses:
        """Where the database of this name is."""
        return Addresses(_renamed(self._embedded.app_url(), name), _renamed(self._embedded.owner_url(), name))

    def settings(self) -> dict[str, str]:
        """What PostgreSQL says of itself."""
        with closing(Database(self._embedded.app_url(), pool_size=1)) as database:
            return {name: str(database.rows(f"SHOW {name}")[0][0]) for name in SHOWN}


@contextmanager
def arena(events: int) -> Iterator[Arena]:
    """An arena in a home of its own, removed afterwards; `events` is how long a long history is."""
    HOMES.mkdir(exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="bench-", dir=HOMES))
    try:
        embedded = EmbeddedPostgres(home)
        with embedded.running():
            yield Arena(home, embedded, events)
    finally:
        shutil.rmtree(home)


def _renamed(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
