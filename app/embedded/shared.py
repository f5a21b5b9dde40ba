"""The embedded server as the rest of the house sees it: it runs as long as at least one process holds it.

`start.lock` is held while somebody starts, joins or leaves, so that nobody arrives at a server that is being stopped.
`holders.lock` is shared by all who use the server: who leaves and can have it alone was the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from app.embedded import locks
from app.embedded.cluster import APP, DATABASE, OWNER, SUPERUSER, Cluster
from app.embedded.errors import CannotStart, NotInitialised
from app.embedded.postmaster import Postmaster


class EmbeddedPostgres:
    """One PostgreSQL in `home`/postgres, shared by all processes that hold it; `settings` are server parameters."""

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self._folder = (home / "postgres").resolve()
        self._cluster = Cluster(self._folder)
        self._postmaster = Postmaster(self._cluster, settings or {})

    def app_url(self) -> str:
        """The address for the application's role, whether or not the server runs now. Raises NotInitialised."""
        return self._url(APP, DATABASE)

    def owner_url(self) -> str:
        """The address for the role that owns the database and migrates it. Raises NotInitialised."""
        return self._url(OWNER, DATABASE)

    def superuser_url(self) -> str:
        """The address for the superuser, which only tests need, to clone databases. Raises NotInitialised."""
        return self._url(SUPERUSER, "postgres")

    def is_running(self) -> bool:
        """Whether the server accepts connections now."""
        return self._postmaster.answers()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Keep the server running inside the block; the last holder of all processes stops it. Raises CannotStart."""
        self._make_folder()
        with (self._folder / "holders.lock").open("a") as holders:
            try:
                with locks.locked(self._folder / "start.lock"):
                    locks.share(holders)
                    self._postmaster.start()
                    if not self._cluster.is_initialised:
                        self._cluster.make_roles()
                yield
            finally:
                with locks.locked(self._folder / "start.lock"):
                    if locks.try_alone(holders):
                        self._postmaster.stop()

    def revive(self) -> None:
        """Start it again if it died under its holders; the caller is one of them. Raises CannotStart."""
        with locks.locked(self._folder / "start.lock"):
            self._postmaster.start()

    def _url(self, role: str, database: str) -> str:
        if not self._cluster.is_initialised:
            raise NotInitialised(f"the embedded PostgreSQL in {self._folder} was never started")
        return self._cluster.url(role, database)

    def _make_folder(self) -> None:
        try:
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            (self._folder / "holders.lock").touch()
        except OSError as error:
            raise CannotStart(f"the folder for PostgreSQL cannot be made or used: {error}") from error
