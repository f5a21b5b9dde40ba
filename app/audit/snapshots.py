"""Snapshots against the log: a stream's snapshot must be the state that its events came to by then.

A missing one harms nothing: what loads the stream replays it whole. A wrong one would be believed. Nothing is mended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from uuid import UUID

from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from app.audit.account_book import AccountBook
from app.audit.findings import Finding
from app.audit.heads import Head, Heads
from app.audit.log import read_streams
from app.database import Cursor
from app.domain.account_events import PointAccountState
from app.domain.aggregate import Recorded
from app.eventstore.mapper import EventMapper

PAGE = 1000
"""Snapshots read at a time."""


class _Snapshot(NamedTuple):
    stream: UUID
    version: int
    topic: str
    state: str


class Snapshots:
    """The table `snapshots`, beside the `heads` that a walk over the log came to; the log's end is at `last`."""

    def __init__(self, cursor: Cursor, heads: Heads, mapper: EventMapper, last: int) -> None:
        self._cursor = cursor
        self._heads = heads
        self._mapper = mapper
        self._last = last

    def check(self, streams: str | None = None) -> None:
        """Raise the Finding of the smallest position; `streams`, a query, gives the ids of those looked at."""
        first: Finding | None = None
        for page in self._pages(f"originator_id IN ({streams})" if streams else "true"):
            for snapshot in page:
                found = self._wrong(snapshot)
                if found and (first is None or found.position < first.position):
                    first = found
            self._heads.relieve()
        if first:
            raise first

    def _wrong(self, snapshot: _Snapshot) -> Finding | None:
        """What is wrong with a snapshot, at the position of its stream's last event."""
        head = self._heads.find(snapshot.stream)
        of = f"the snapshot of the stream {snapshot.stream}"
        if head is None or not isinstance(head.book, AccountBook):
            return Finding(self._last, f"{of} is of no account")
        if not 1 <= snapshot.version <= head.version:
            return Finding(head.position, f"{of} is of version {snapshot.version}, and the last is {head.version}")
        try:
            recorded = self._loaded(snapshot)
        except MapperDeserialisationError as error:
            return Finding(head.position, f"{of} cannot be read: {error}")
        if recorded.event != self._state_at(head, head.book, snapshot):
            return Finding(head.position, f"{of} is not what its events come to")
        return None

    def _state_at(self, head: Head, book: AccountBook, snapshot: _Snapshot) -> PointAccountState | None:
        """What the account was at the snapshot's version."""
        if snapshot.version == head.version:
            return book.state
        earlier = AccountBook()
        for entries in read_streams(self._cursor, [snapshot.stream], head.position):
            for entry in entries:
                if entry.version <= snapshot.version:
                    earlier.follow(self._loaded(_Snapshot(entry.stream, entry.version, entry.topic, entry.state)))
        return earlier.state

    def _loaded(self, stored: _Snapshot) -> Recorded:
        recorded: Recorded = self._mapper.to_domain_event(StoredEvent(*stored[:3], stored.state.encode()))
        return recorded

    def _pages(self, condition: str) -> Iterator[list[_Snapshot]]:
        after = None
        while True:
            self._cursor.execute(
                "SELECT originator_id, originator_version, topic, state FROM snapshots"
                f" WHERE (%s::uuid IS NULL OR originator_id > %s::uuid) AND {condition}"
                " ORDER BY originator_id LIMIT %s",
                (after, after, PAGE),
            )
            page = list(map(_Snapshot._make, self._cursor.fetchall()))
            if not page:
                return
            yield page
            after = page[-1].stream
