"""The hash chain: what an event's hash is made of, and events as the log holds them, hash and all.

The append sets the hash in SQL (`events_hash` in app/migrations/0007_chain.sql); this is the same in Python, for those
who must not take the database's word. docs/formats/event-hash.md tells the format, with test vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from struct import Struct
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import DataError
from psycopg2.extensions import cursor as Cursor

GENESIS = bytes(32)
"""Stands for the hash of the event before a stream's first."""

BATCH = 5000
"""Events read at a time: a round trip's cost is shared, and a batch fits easily into memory."""

# The fields of known length, each with its length before it, and the lengths of the texts between them.
_BEGINS, _LENGTH, _ENDS = Struct(">I16sIqI"), Struct(">I"), Struct(">IqI")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class LogEntry(NamedTuple):
    """An event as the log holds it. `state` and `metadata` are JSON as text, to the letter."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: str
    recorded_at: datetime
    metadata: str
    hash: bytes

    def hash_after(self, previous: bytes) -> bytes:
        """What its hash must be where `previous` is that of the event before it in its stream."""
        return event_hash(
            previous, self.stream, self.version, self.topic, self.state, self.recorded_at, self.metadata
        )  # fmt: skip


def event_hash(
    previous: bytes, stream: UUID, version: int, topic: str, state: str, recorded_at: datetime, metadata: str
) -> bytes:
    """SHA-256 over `previous` (32 bytes) and the fields, each as four bytes of length (big-endian) and its bytes.

    Stream: its 16 bytes. Version, and `recorded_at` in microseconds since 1970 UTC: eight bytes, signed, big-endian.
    Texts: UTF-8.
    """
    named, said, known = topic.encode(), state.encode(), metadata.encode()
    micros = (recorded_at - _EPOCH) // _MICROSECOND
    begins = _BEGINS.pack(16, stream.bytes, 8, version, len(named))
    ends = _ENDS.pack(8, micros, len(known))
    return sha256(b"".join((previous, begins, named, _LENGTH.pack(len(said)), said, ends, known))).digest()


class Unreadable(DataError):
    """The row at `position` holds what no append of ours writes."""

    def __init__(self, position: int) -> None:
        super().__init__(f"the event at position {position} has a time or a hash that no append writes")
        self.position = position


COLUMNS = "position, originator_id, originator_version, topic, state, recorded_at, metadata, hash"
"""What an entry is made of, in the order of its fields."""


def read_log(
    cursor: Cursor, after: int | None = None, upto: int | None = None, batch: int = BATCH
) -> Iterator[list[LogEntry]]:
    """The log past the position `after`, or from its very first row, to `upto` at most, in order and in batches.

    Each batch is a read of its own: who needs one view of all opens a REPEATABLE READ transaction around it, and who
    follows the log while others append gives the low-water mark for `upto`. Raises Unreadable.
    """
    while True:
        cursor.execute(
            f"SELECT {COLUMNS} FROM events WHERE (%(after)s::bigint IS NULL OR position > %(after)s)"
            " AND (%(upto)s::bigint IS NULL OR position <= %(upto)s) ORDER BY position LIMIT %(batch)s",
            {"after": after, "upto": upto, "batch": batch},
        )
        entries = fetched(cursor)
        if not entries:
            return
        yield entries
        after = entries[-1].position


def fetched(cursor: Cursor) -> list[LogEntry]:
    """What a query for `COLUMNS` has found. Raises Unreadable."""
    try:
        return [LogEntry._make((*row[:-1], bytes(row[-1]))) for row in cursor.fetchall()]
    except (TypeError, ValueError):
        raise Unreadable(first_unreadable(cursor)) from None


def first_unreadable(cursor: Cursor) -> int:
    """Where the first row of the log stands that Python has no values for; there must be one."""
    cursor.execute(
        "SELECT min(position) FROM events WHERE hash IS NULL OR recorded_at NOT BETWEEN '0001-01-02' AND '9999-12-30'"
    )
    ((position,),) = cursor.fetchall()
    return int(position)
