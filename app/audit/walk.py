"""A walk over a log, from the database or from an export alike: each event in its order, its stream and its seal."""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from app.audit.agreement import Agreement
from app.audit.findings import Finding
from app.audit.heads import Heads
from app.audit.seals import Seals
from app.audit.streams import Streams
from app.eventstore.chain import LogEntry
from app.eventstore.mapper import EventMapper
from app.projections.folding import Positioned


class Report(NamedTuple):
    """What was found to be right: so many events of so many streams, up to `position`, and checkpoints."""

    events: int
    streams: int
    checkpoints: int
    position: int
    seconds: float


class Walk:
    """Follows batches of events, and stops at the first that is wrong with a Finding."""

    def __init__(
        self, heads: Heads, mapper: EventMapper, seals: Seals, after: int = 0, cut: datetime | None = None
    ) -> None:
        """It begins `after` a position, and `cut` is when the event there was recorded."""
        self._heads = heads
        self._seals = seals
        self._agreement = Agreement(cut)
        self._streams = Streams(heads, mapper, self._agreement)
        self._events = 0
        self._started = time.monotonic()
        self.position = after

    def earlier(self, entries: Iterable[LogEntry]) -> list[Positioned]:
        """Go on by events from before the walk, of streams that it has not met. Gives them ready to fold."""
        events = [self._streams.follow(_counted(entry), is_new=False) for entry in entries]
        self._heads.relieve()
        return events

    def follow(self, entries: Iterable[LogEntry]) -> list[Positioned]:
        """Go on by the log's next events. Gives them ready to fold."""
        events = []
        for entry in entries:
            if _counted(entry).position <= self.position:
                raise Finding(entry.position, f"it stands after position {self.position}")
            self._seals.follow(entry)
            events.append(self._streams.follow(entry))
            self.position = entry.position
        self._events += len(events)
        self._heads.relieve()
        return events

    def end(self) -> None:
        """The log has ended: nothing that was sealed may be missing."""
        self._seals.finish()

    def report(self, *, is_cut: bool = False) -> Report:
        """What was found, once orders and accounts agree too; `is_cut` where the log may end within an append."""
        self._agreement.finish(is_cut=is_cut)
        seconds = time.monotonic() - self._started
        return Report(self._events, len(self._heads), self._seals.checked, self.position, seconds)


def _counted(entry: LogEntry) -> LogEntry:
    """The same, if it stands where an append can have put it."""
    if entry.position < 1:
        raise Finding(entry.position, "no append puts an event there: positions are counted from 1")
    return entry
