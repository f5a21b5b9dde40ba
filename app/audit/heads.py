"""Heads: where each stream of a log stands, as a walk over the log has found it so far.

Owns a private SQLite database in a temporary file, which goes when it is closed: a log may have more streams than fit
into memory. It judges nothing and never looks at the database under audit.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self
from uuid import UUID

import msgspec

from app.audit.ledger import Book
from app.eventstore.chain import GENESIS

CACHE_KIB = 32 * 1024
"""What SQLite keeps in memory: the heads of some 100,000 streams that are met now and then."""

AT_HAND = 16_384
"""Heads kept as they are, ready to go on by the next event: more than a batch meets, so that who is met in one batch
after the other is not written and read again each time. They take some 20 MiB."""


class Head(msgspec.Struct):
    """A stream's last event, and what its events come to; None before the first."""

    version: int = 0
    hash: bytes = GENESIS
    position: int = 0
    book: Book | None = None


class Heads:
    """Heads by stream. Whoever finds or begins some calls `relieve` now and then, so that they leave the memory."""

    def __init__(self) -> None:
        self._near: dict[UUID, Head] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Head).decode
        # The empty name is SQLite's for a temporary file. Nobody wants it back, so it need survive nothing.
        self._far = sqlite3.connect("", isolation_level=None)
        for pragma in (f"cache_size = -{CACHE_KIB}", "journal_mode = OFF", "synchronous = OFF"):
            self._far.execute(f"PRAGMA {pragma}")
        self._far.execute("CREATE TABLE heads (stream BLOB PRIMARY KEY, head BLOB NOT NULL) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._far.close()
        if isinstance(error, sqlite3.Error):
            raise OSError(f"the temporary file of the verification: {error}") from error

    def __len__(self) -> int:
        self.flush()
        ((streams,),) = self._far.execute("SELECT count(*) FROM heads")
        return int(streams)

    def find(self, stream: UUID) -> Head | None:
        """Where `stream` stands, None for one not met yet. What is done to it is kept."""
        head = self._near.get(stream)
        if head is None:
            row = self._far.execute("SELECT head FROM heads WHERE stream = ?", (stream.bytes,)).fetchone()
            if row:
                head = self._near[stream] = self._decode(row[0])
        return head

    def begin(self, stream: UUID) -> Head:
        """The head of a stream that is met for the first time."""
        head = self._near[stream] = Head()
        return head

    def relieve(self) -> None:
        """Flush, where more heads than `AT_HAND` have come together."""
        if len(self._near) > AT_HAND:
            self.flush()

    def flush(self) -> None:
        """Write what was found or begun since the last time to the file, and forget it here."""
        # In order, so that neighbours in the file are written together.
        rows = sorted((stream.bytes, self._encode(head)) for stream, head in self._near.items())
        self._far.execute("BEGIN")
        self._far.executemany("INSERT OR REPLACE INTO heads VALUES (?, ?)", rows)
        self._far.execute("COMMIT")
        self._near.clear()
