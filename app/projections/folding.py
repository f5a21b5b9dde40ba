"""Events on their way into read models, inline with an append or in bulk from the log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast
from uuid import UUID

from eventsourcing.persistence import Notification, StoredEvent

from app.eventstore.mapper import EventMapper
from app.eventstore.merging import Merges


class Positioned(NamedTuple):
    """An event and its place in the global order: absolute in bulk, counted from 1 within an append."""

    position: int
    originator_id: UUID
    event: Any


EventFold = Callable[[Sequence[Positioned]], Merges]
"""A read model's fold. It passes over events that it has no use for.

Its rows need no order of their own against rings of appends that wait for each other: two appends that meet on a stream
meet on its next version, before any row of a read model.
"""


def inline(mapper: EventMapper, folds: Iterable[EventFold]) -> Callable[[Sequence[StoredEvent]], Merges]:
    """What the event store calls at each append: all `folds` over what is being appended."""
    all_folds = tuple(folds)

    def fold(stored_events: Sequence[StoredEvent]) -> Merges:
        events = [
            Positioned(n, cast(UUID, stored.originator_id), mapper.to_domain_event(stored).event)
            for n, stored in enumerate(stored_events, start=1)
            if mapper.knows(stored.topic)
        ]
        return [merge for each in all_folds for merge in each(events)]

    return fold


def positioned(mapper: EventMapper, notifications: Iterable[Notification]) -> list[Positioned]:
    """The log's own records, ready to fold; names that this code does not know are passed over."""
    return [
        Positioned(n.id, cast(UUID, n.originator_id), mapper.to_domain_event(n).event)
        for n in notifications
        if mapper.knows(n.topic)
    ]
