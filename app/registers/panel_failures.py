"""Logins that were tried and did not succeed lately: so many for one user, and the next has to wait.

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

    def begin(self, user_id: str, at: datetime) -> int:
        """Count a try, before the password is looked at; gives the seconds to wait where it may not be made, else 0.

        One at a time, so that many at once are no more than so many one after the other. Old ones are cleared away.
        """
        since = at - WINDOW
        with self._database.transaction() as cursor:
            cursor.execute("LOCK TABLE panel_failures IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute("DELETE FROM panel_failures WHERE failed_at <= %s", (since,))
            cursor.execute(
                "SELECT failed_at FROM panel_failures WHERE digest = %s ORDER BY failed_at DESC OFFSET %s LIMIT 1",
                (_digest(user_id), MOST - 1),
            )
            row = cursor.fetchone()
            if row:
                return int((row[0] - since).total_seconds()) + 1
            cursor.execute("INSERT INTO panel_failures (digest, failed_at) VALUES (%s, %s)", (_digest(user_id), at))
        return 0

    def forget(self, user_id: str, since: datetime | None = None) -> None:
        """A login that succeeded forgives all before it; one that nobody looked at just itself, `since` it began."""
        self._database.execute(
            "DELETE FROM panel_failures WHERE digest = %s AND (%s::timestamptz IS NULL OR failed_at >= %s)",
            (_digest(user_id), since, since),
        )


def _digest(name: str) -> bytes:
    return sha256(name.encode("utf-8", "surrogatepass")).digest()
