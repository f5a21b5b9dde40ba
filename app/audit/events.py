"""The raw log for readers: one event, pages in order or the newest first, and all of it in chunks; no list goes past
the low-water mark.

Nothing that was passed may turn up later, so what is still being committed is left for the next time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from app.database import Database
from app.eventstore.chain import Unreadable, first_unreadable
from app.eventstore.recorder import PostgresApplicationRecorder
from app.projections.pages import Item, Page, page

CHUNK = 1000
"""Events read at a time when all are wanted."""

_SELECT = "SELECT position, originator_id, originator_version, topic, recorded_at, state, metadata, hash FROM events"

_ONWARD = f"{_SELECT} WHERE position > %s AND position <= %s ORDER BY position LIMIT %s"
_BACKWARD = f"{_SELECT} WHERE position < %s AND position <= %s ORDER BY position DESC LIMIT %s"
_ONE = f"{_SELECT} WHERE position = %s"


class LoggedEvents:
    """Queries over the log itself."""

    def __init__(self, database: Database, log: PostgresApplicationRecorder) -> None:
        self._database = database
        self._log = log

    def page(self, limit: int, after: int) -> Page:
        """Events past the position `after`; the key is a position, None where the log ends for now.

        Raises Unreadable.
        """
        return self._page(limit, after, self._log.low_water_mark())

    def newest(self, limit: int, before: int | None = None) -> Page:
        """Events before the position `before`, newest first; the key is a position. Raises Unreadable."""
        end = self._log.low_water_mark()
        return page(self._items(_BACKWARD, (end + 1 if before is None else before, end, limit + 1)), limit, "position")

    def find(self, position: int) -> Item | None:
        """The event at a position, or None. Raises Unreadable."""
        found = self._items(_ONE, (position,))
        return found[0] if found else None

    def all(self, after: int) -> Iterator[list[Item]]:
        """Everything past `after` up to what is settled now, in chunks.

        Each is read by itself: no snapshot is held while a client dawdles.
        """
        end = self._log.low_water_mark()
        while True:
            items, next_key = self._page(CHUNK, after, end)
            yield items
            if next_key is None:
                return
            (after,) = next_key

    def _page(self, limit: int, after: int, end: int) -> Page:
        return page(self._items(_ONWARD, (after, end, limit + 1)), limit, "position")

    def _items(self, sql: str, parameters: Sequence[int]) -> list[Item]:
        try:
            rows = self._database.rows(sql, parameters)
            return [_item(*row) for row in rows]
        except (TypeError, ValueError):
            with self._database.connection() as connection, connection.cursor() as cursor:
                raise Unreadable(first_unreadable(cursor)) from None


def _item(
    position: int,
    stream: UUID,
    version: int,
    topic: str,
    recorded_at: datetime,
    state: str,
    metadata: str,
    digest: bytes,
) -> Item:
    return {
        "position": position,
        "stream": stream,
        "version": version,
        "type": topic,
        "recorded_at": recorded_at,
        "data": msgspec.Raw(state.encode()),
        "metadata": msgspec.Raw(metadata.encode()),
        "hash": bytes(digest).hex(),
    }
