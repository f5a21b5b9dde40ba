"""Logins that failed lately: so many for one user, and the next has to wait.

It counts in the database, so the limit is one for all workers and a restart does not lift it. Where they came from is
not counted: behind a proxy that is one address, and whoever fails from there would lock everybody out. It keeps
digests: a mistyped address may be anybody's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from app.database import Database

MOST = 5
"""Failures within WINDOW that are borne: more than a person who mistypes, less than a guess needs."""

WINDOW = timedelta(minutes=15)


class PanelFailures:
    """The table `panel_failures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wait_s(self, user_id: str, at: datetime) -> int:
        """How many seconds a login has to wait; 0 where it may be tried."""
        since = at - WINDOW
        row = self._database.row(
            "SELECT failed_at FROM panel_failures WHERE digest = %s AND failed_at > %s"
            " ORDER BY failed_at DESC OFFSET %s LIMIT 1",
            (_digest(user_id), since, MOST - 1),
        )
        return int((row[0] - since).total_seconds()) + 1 if row else 0

    def add(self, user_id: str, at: datetime) -> None:
        """Note a failure; old ones are cleared away."""
        self._database.execute("DELETE FROM panel_failures WHERE failed_at <= %s", (at - WINDOW,))
        self._database.execute("INSERT INTO panel_failures (digest, failed_at) VALUES (%s, %s)", (_digest(user_id), at))

    def forget(self, user_id: str) -> None:
        """A login that succeeded forgives those that did not."""
        self._database.execute("DELETE FROM panel_failures WHERE digest = %s", (_digest(user_id),))


def _digest(name: str) -> bytes:
    return sha256(name.encode("utf-8", "surrogatepass")).digest()
