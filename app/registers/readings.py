"""Who read what of the books, and about whom: written down before the reader gets it, and never changed after.

It holds no user id, of the reader as little as of the member: both are directory ids, so that forgetting a person
forgets them here, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from app.database import Database

# The update changes nothing: it gives the entry that stands, and keeps it from being forgotten in between.
_RECORD = """
WITH reader AS (
    INSERT INTO directory (account_id, user_id) VALUES (%(new_id)s, %(reader)s)
    ON CONFLICT (user_id) DO UPDATE SET user_id = excluded.user_id RETURNING account_id
)
INSERT INTO readings (read_at, reader_id, action, account_id, detail)
SELECT %(at)s, account_id, %(action)s, %(account_id)s, %(detail)s FROM reader
"""

_SELECT = """
SELECT r.reading_id, r.read_at, d.user_id, r.action, a.user_id, r.detail FROM readings r
JOIN directory d ON d.account_id = r.reader_id LEFT JOIN directory a ON a.account_id = r.account_id
"""


class Reading(NamedTuple):
    """One look into the books. `reader` and `user` are None once they are forgotten, `user` also where it is nobody's.

    `action` is what was done, by the name of its endpoint or command; `detail` the rest of what was asked.
    """

    id: int
    read_at: datetime
    reader: str | None
    action: str
    user: str | None
    detail: str


class ReadingFilters(NamedTuple):
    """What narrows the list: who read, about which account, and when, `[since, until)`."""

    reader: str | None = None
    account_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None


class Readings:
    """The table `readings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, at: datetime, reader: str, action: str, account_id: UUID | None = None, detail: str = "") -> None:
        """Write down that `reader`, a user id, does `action` about an account; one not seen before gets an entry.

        `detail` must name nobody. Raises the library's PersistenceError: then nothing may be shown.
        """
        parameters = {"new_id": uuid4(), "reader": reader, "at": at, "action": action, "account_id": account_id}
        written = self._database.execute(_RECORD, {**parameters, "detail": detail})
        assert written == 1

    def newest(self, limit: int, before: int | None = None, filters: ReadingFilters | None = None) -> list[Reading]:
        """Up to `limit` readings, newest first, of those older than the id `before`."""
        wanted = filters or ReadingFilters()
        conditions: list[str] = ["true"]
        parameters: list[Any] = []
        for condition, value in (
            # Looked up apart, so that the planner sees a constant and walks (reader_id, reading_id).
            ("r.reader_id = (SELECT account_id FROM directory WHERE user_id = %s)", wanted.reader),
            ("r.account_id = %s", wanted.account_id),
            ("r.read_at >= %s", wanted.since),
            ("r.read_at < %s", wanted.until),
            ("r.reading_id < %s", before),
        ):
            if value is not None:
                conditions.append(condition)
                parameters.append(value)
        rows: Sequence[tuple[Any, ...]] = self._database.rows(
            f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY r.reading_id DESC LIMIT %s", (*parameters, limit)
        )
        return [Reading(*row) for row in rows]
