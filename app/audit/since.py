"""Where a verification begins: at the log's first event, or after a checkpoint that is believed.

After a checkpoint it knows no stream yet; what a stream was by then is read from the log by its key, when the stream is
first met. Of other streams it says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from app.audit import AuditError
from app.audit.checkpoints import Checkpoint, Checkpoints
from app.audit.findings import Finding
from app.audit.heads import Heads
from app.audit.keys import TrustedKeys
from app.audit.log import read_streams
from app.audit.merkle import Frontier
from app.audit.tree import SealedTree
from app.database import Cursor
from app.eventstore.chain import LogEntry, Unreadable


class UnknownCheckpoint(AuditError):
    """No checkpoint is over so many events."""

    def __init__(self, size: int) -> None:
        super().__init__(f"there is no checkpoint over {size} events")


class Beginning:
    """The log's first event: nothing came before, and every stream is looked at."""

    size = 0
    position = 0
    cut: datetime | None = None
    streams: str | None = None

    def frontier(self) -> Frontier:
        """The tree over the events before."""
        return Frontier()

    def earlier(self, entries: Sequence[LogEntry]) -> Iterator[list[LogEntry]]:
        """The events before those of `entries`, of streams not met yet, in batches."""
        return iter(())


class After(Beginning):
    """The end of a checkpoint that is in order: signed by a trusted key, with the root of the sealed tree."""

    streams = "SELECT stream FROM pg_temp.touched"
    """A query for the streams met."""

    def __init__(
        self, cursor: Cursor, heads: Heads, checkpoints: Checkpoints, tree: SealedTree, keys: TrustedKeys, size: int
    ) -> None:
        found = checkpoints.find(size, cursor)
        if found is None:
            raise UnknownCheckpoint(size)
        keys.verify(found)
        self._frontier = _agreed(tree.frontier(size, cursor), found)
        self._cursor = cursor
        self._heads = heads
        self.size, self.position = size, found.position
        self.cut = _recorded_at(cursor, found)
        cursor.execute("CREATE TEMP TABLE touched (stream uuid PRIMARY KEY) ON COMMIT DROP")

    def frontier(self) -> Frontier:
        return self._frontier

    def earlier(self, entries: Sequence[LogEntry]) -> Iterator[list[LogEntry]]:
        streams = {entry.stream for entry in entries}
        new = [stream for stream in streams if self._heads.find(stream) is None]
        self._cursor.execute("INSERT INTO pg_temp.touched SELECT unnest(%s)", (new,))
        return read_streams(self._cursor, new, self.position)


def _agreed(frontier: Frontier, checkpoint: Checkpoint) -> Frontier:
    if frontier.root() != checkpoint.root:
        raise Finding(
            checkpoint.position, f"the sealed tree has not the root that was signed over {checkpoint.size} events"
        )
    return frontier


def _recorded_at(cursor: Cursor, checkpoint: Checkpoint) -> datetime:
    cursor.execute("SELECT recorded_at FROM events WHERE position = %s", (checkpoint.position,))
    try:
        found = cursor.fetchone()
    except ValueError:
        raise Unreadable(checkpoint.position) from None
    if found is None:
        raise Finding(checkpoint.position, f"the last of the {checkpoint.size} events that were signed is missing")
    recorded_at: datetime = found[0]
    return recorded_at
