"""The folds in bulk: the log into whatever tables the connection finds under the read models' names.

The merges are those that ride in an append; here thousands of events go into one. Memory is bounded by the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from eventsourcing.persistence import Notification
from psycopg2.extensions import cursor as Cursor

from app.database import Connection
from app.eventstore.chain import LogEntry, read_log
from app.eventstore.mapper import EventMapper
from app.eventstore.merging import statements
from app.projections.folding import positioned
from app.projections.verify import ON_INDEXES, ReadModel

BATCH = 5000
"""Events folded at a time: a merge's fixed cost is shared, and a batch fits easily into memory."""


class BulkFold:
    """Folds `models` forward from the log's beginning, on a connection in autocommit mode."""

    def __init__(self, cursor: Cursor, mapper: EventMapper, models: Sequence[ReadModel], *, batch: int = BATCH) -> None:
        self.reached = 0
        self.events = 0
        self._cursor = cursor
        self._mapper = mapper
        self._models = models
        self._batch = batch

    def catch_up(self, watch: Callable[[int, int], None]) -> int:
        """Fold on to the low-water mark, each batch in a transaction of its own; gives the number of events folded."""
        self._cursor.execute("SELECT events_low_water_mark()")
        ((mark,),) = self._cursor.fetchall()
        before = self.events
        for entries in read_log(self._cursor, self.reached, mark, self._batch):
            self._cursor.execute("BEGIN")
            self._merge(entries, {})
            self._cursor.execute("COMMIT")
            self.reached = entries[-1].position
            self.events += len(entries)
            watch(self.reached, mark)
        return self.events - before

    def rest(self, ends: Mapping[str, int]) -> tuple[int, int]:
        """Fold what lies beyond, all of it, within the caller's transaction, in which nobody else appends.

        `ends` are the positions of followers: what a follower has yet to count is not folded for it. Gives the last
        position and the number of events; it is for the caller to commit, so it moves nothing here.
        """
        last, count = self.reached, 0
        for entries in read_log(self._cursor, self.reached, batch=self._batch):
            self._merge(entries, ends)
            last, count = entries[-1].position, count + len(entries)
        return last, count

    def _merge(self, entries: Sequence[LogEntry], ends: Mapping[str, int]) -> None:
        events = positioned(self._mapper, map(_notification, entries))
        merges = [
            merge
            for model in self._models
            for merge in model.fold([e for e in events if e.position <= ends.get(model.follower or "", e.position)])
        ]
        connection = self._cursor.connection
        assert isinstance(connection, Connection)
        self._cursor.execute(ON_INDEXES)
        for statement in statements(connection, merges, "0"):
            self._cursor.execute(statement)


def _notification(entry: LogEntry) -> Notification:
    return Notification(
        id=entry.position,
        originator_id=entry.stream,
        originator_version=entry.version,
        topic=entry.topic,
        state=entry.state.encode(),
    )
