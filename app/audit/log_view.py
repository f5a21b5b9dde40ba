"""Streams read by their keys, in one view of the log: events with their places, for those who replay what was.

It never follows the whole log (app/eventstore/chain.py does) and never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from app.database import Database
from app.domain.aggregate import Recorded
from app.eventstore.mapper import EventMapper

_Read = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]


class Happened(NamedTuple):
    """An event in its place. `type` and `data` are its stored name and JSON to the letter, `event` is today's shape."""

    position: int
    stream: UUID
    version: int
    type: str
    recorded_at: datetime
    data: str
    event: Any

    @property
    def recorded(self) -> Recorded:
        """As aggregates fold it."""
        return Recorded(self.stream, self.version, self.event)


class LogView:
    """The log as it stood at one instant: nothing that is appended meanwhile comes in between two reads."""

    def __init__(self, read: _Read, mapper: EventMapper) -> None:
        self._read = read
        self._mapper = mapper
        # Read after the view was fixed, so that nothing in the view was recorded later. An append under way at this
        # very instant may still come in before it: the database stamps events before it commits them.
        ((self.read_at,),) = read("SELECT clock_timestamp()", ())

    def of(self, stream_ids: Iterable[UUID]) -> list[Happened]:
        """All events of these streams, each stream's in order; those of a name that is not known are passed over."""
        rows = self._read(
            "SELECT position, originator_id, originator_version, topic, recorded_at, state FROM events"
            " WHERE originator_id = ANY(%s) ORDER BY originator_id, originator_version",
            (list(stream_ids),),
        )
        return [self._happened(*row) for row in rows if self._mapper.knows(row[3])]

    def _happened(
        self, position: int, stream: UUID, version: int, topic: str, recorded_at: datetime, data: str
    ) -> Happened:
        event = self._mapper.to_domain_event(StoredEvent(stream, version, topic, data.encode())).event
        return Happened(position, stream, version, topic, recorded_at, data, event)


@contextmanager
def view_of_log(database: Database, mapper: EventMapper) -> Iterator[LogView]:
    """The log as it stands now, until the block ends."""
    with database.view() as cursor:

        def read(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

        yield LogView(read, mapper)
