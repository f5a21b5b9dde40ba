"""Logins that failed lately: so many for one user or from one address, and the next has to wait.

It counts in the database, so the limit is one for all workers and a restart does not lift it. It keeps digests: a
mistyped address may be anybody's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256

from app.database import Database

MOST = 5
"""Failures within WINDOW that are borne: more than a person who mistypes, less than a guess needs."""

MOST_FROM_ONE_ADDRESS = 30
"""A whole office may come from one."""

WINDOW = timedelta(minutes=15)


class PanelFailures:
    """The table `panel_failures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wait_s(self, user_id: str, address: str, at: datetime) -> int:
        """How many seconds a login has to wait; 0 where it may be tried."""
        since, waits = at - WINDOW, [0]
        for name, most in ((f"user {user_id}", MOST), (f"address {address}", MOST_FROM_ONE_ADDRESS)):
            row = self._database.row(
                "SELECT failed_at FROM panel_failures WHERE digest = %s AND failed_at > %s"
                " ORDER BY failed_at DESC OFFSET %s LIMIT 1",
                (_digest(name), since, most - 1),
            )
            if row:
                waits.append(int((row[0] - since).total_seconds()) + 1)
        return max(waits)

    def add(self, user_id: str, address: str, at: datetime) -> None:
        """Note a failure; old ones are cleared away."""
        self._database.execute("DELETE FROM panel_failures WHERE failed_at <= %s", (at - WINDOW,))
        self._database.execute(
            "INSERT INTO panel_failures (digest, failed_at) VALUES (%s, %s), (%s, %s)",
            (_digest(f"user {user_id}"), at, _digest(f"address {address}"), at),
        )

    def forget(self, user_id: str) -> None:
        """A login that succeeded forgives those that did not, for this user."""
        self._database.execute("DELETE FROM panel_failures WHERE digest = %s", (_digest(f"user {user_id}"),))


def _digest(name: str) -> bytes:
    return sha256(name.encode("utf-8", "surrogatepass")).digest()
