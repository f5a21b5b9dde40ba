"""The raw log for readers: pages of it in order, and all of it in chunks, never past the low-water mark.

Nothing that was passed may turn up later, so what is still being committed is left for the next time.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from app.database import Database
from app.eventstore.chain import Unreadable, first_unreadable
from app.eventstore.recorder import PostgresApplicationRecorder
from app.projections.pages import Item, Page, page

CHUNK = 1000
"""Events read at a time when all are wanted."""

_SELECT = (
    "SELECT position, originator_id, originator_version, topic, recorded_at, state, metadata, hash FROM events"
    " WHERE position > %s AND position <= %s ORDER BY position LIMIT %s"
)


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
        try:
            items = self._items(after, end, limit + 1)
        except (TypeError, ValueError):
            with self._database.connection() as connection, connection.cursor() as cursor:
                raise Unreadable(first_unreadable(cursor)) from None
        return page(items, limit, "position")

    def _items(self, after: int, end: int, limit: int) -> list[Item]:
        return [
            {
                "position": position,
                "stream": stream,
                "version": version,
                "type": topic,
                "recorded_at": recorded_at,
                "data": msgspec.Raw(state.encode()),
                "metadata": msgspec.Raw(metadata.encode()),
                "hash": bytes(digest).hex(),
            }
            for position, stream, version, topic, recorded_at, state, metadata, digest in self._database.rows(
                _SELECT, (after, end, limit)
            )
        ]
