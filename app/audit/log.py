"""Streams of the log read by their ids: what came before, of those streams alone that a reader has to do with."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from app.database import Cursor
from app.eventstore.chain import BATCH, COLUMNS, LogEntry, fetched


def read_streams(cursor: Cursor, streams: Collection[UUID], upto: int, batch: int = BATCH) -> Iterator[list[LogEntry]]:
    """The events of `streams` up to the position `upto`, stream by stream in order of their versions, in batches.

    Raises Unreadable.
    """
    stream, version = UUID(int=0), 0
    while True:
        # In the order of the index on both, so that a batch costs what it holds, however long the log.
        cursor.execute(
            f"SELECT {COLUMNS} FROM events WHERE (originator_id, originator_version) > (%s, %s)"
            " AND originator_id = ANY(%s) AND position <= %s"
            " ORDER BY originator_id, originator_version LIMIT %s",
            (stream, version, list(streams), upto, batch),
        )
        entries = fetched(cursor)
        if not entries:
            return
        yield entries
        stream, version = entries[-1].stream, entries[-1].version
