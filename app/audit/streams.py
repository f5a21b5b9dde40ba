"""The streams of a log: each event follows from the one before it in its stream, by hash, by number and in sense.

It takes the word of nobody for a hash, least of all of the database under audit, and of no code but the domain's for
what an event means. Of a stream it remembers the head alone.
"""

from __future__ import annotations

from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

from app.audit import ledger
from app.audit.agreement import Agreement
from app.audit.findings import Broken, Finding
from app.audit.heads import Head, Heads
from app.domain.aggregate import Recorded
from app.eventstore.chain import LogEntry
from app.eventstore.mapper import EventMapper
from app.projections.folding import Positioned

# A state of any shape may stand in a row, and an upcast expects the one that it was written for.
_MISSHAPEN = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class Streams:
    """Follows the log's events, in order, into the `heads` of their streams."""

    def __init__(self, heads: Heads, mapper: EventMapper, agreement: Agreement) -> None:
        self._heads = heads
        self._mapper = mapper
        self._agreement = agreement

    def follow(self, entry: LogEntry, *, is_new: bool = True) -> Positioned:
        """Go on by an event, and give it ready to fold. Raises a Finding where it does not follow.

        One that is not new belongs to a time when orders and accounts were known to agree.
        """
        head = self._heads.find(entry.stream) or self._heads.begin(entry.stream)
        if entry.version != head.version + 1:
            raise Finding(
                entry.position, f"version {entry.version} of the stream {entry.stream} comes after {head.version}"
            )
        if entry.hash != entry.hash_after(head.hash):
            raise Finding(
                entry.position,
                f"the hash of version {entry.version} of the stream {entry.stream} is not that of the event and of"
                " what came before it",
            )
        recorded = self._loaded(entry)
        self._enter(entry, head, recorded)
        head.version, head.hash, head.position = entry.version, entry.hash, entry.position
        if is_new and head.book:
            self._agreement.follow(entry, recorded.event, head.book)
        return Positioned(entry.position, entry.stream, recorded.event)

    def _loaded(self, entry: LogEntry) -> Recorded:
        stored = StoredEvent(entry.stream, entry.version, entry.topic, entry.state.encode())
        try:
            recorded: Recorded = self._mapper.to_domain_event(stored)
        except (MapperDeserialisationError, *_MISSHAPEN) as error:
            raise Finding(entry.position, f"the event cannot be read: {error}") from error
        return recorded

    @staticmethod
    def _enter(entry: LogEntry, head: Head, recorded: Recorded) -> None:
        try:
            head.book = head.book or ledger.begin(recorded.event)
            head.book.follow(recorded)
        except Broken as broken:
            raise Finding(entry.position, f"{entry.topic} does not fit: {broken}") from broken
