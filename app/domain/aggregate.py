"""What every aggregate has in common: decide with a public method, fold with `_apply_*`, nothing else.

A deciding method checks, then triggers events. An `_apply_*` method only assigns and never refuses, so that history
loads for ever, whatever the rules become. (The eventsourcing library's `@event` on the deciding method would run
today's rules over yesterday's events.)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Self
from uuid import UUID

import msgspec


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `at` is when, in UTC; when it was written belongs to the store."""

    at: datetime


class Recorded(NamedTuple):
    """An event in its place: the stream that it belongs to and its version there, from 1.

    The names are the eventsourcing library's. `event` may also be a snapshot's state, at the version it was taken.
    """

    originator_id: UUID
    originator_version: int
    event: Any


class Aggregate:
    """One consistent thing, rebuilt from its events."""

    _apply_names: ClassVar[dict[type, str]] = {}

    def __init__(self, aggregate_id: UUID) -> None:
        self.id = aggregate_id
        self.version = 0
        self._pending: list[Recorded] = []

    def __init_subclass__(cls, events: Sequence[type] = ()) -> None:
        """Declare which `events` (and snapshot states) the class folds, each by its `_apply_<snake_name>`."""
        super().__init_subclass__()
        cls._apply_names = {event: "_apply_" + _snake(event.__name__) for event in events}

    @classmethod
    def replay(cls, initial: Self | None, history: Iterable[Recorded]) -> Self | None:
        """Fold `history` onto `initial`; None if there is neither. The library's projector function."""
        aggregate = initial
        for recorded in history:
            if aggregate is None:
                aggregate = cls(recorded.originator_id)
            aggregate.version = recorded.originator_version
            aggregate._apply(recorded.event)
        return aggregate

    @classmethod
    def folds(cls, event: Any) -> bool:
        """Whether `event` is one of this kind's: an id from outside may be that of another kind's stream."""
        return type(event) in cls._apply_names

    @property
    def has_news(self) -> bool:
        """Whether anything was decided that is not recorded yet."""
        return bool(self._pending)

    def collect_events(self) -> Sequence[Recorded]:
        """Hand over what was triggered since the last time, for the store to append."""
        pending, self._pending = self._pending, []
        return pending

    def _trigger(self, event: Event) -> None:
        self.version += 1
        self._apply(event)
        self._pending.append(Recorded(self.id, self.version, event))

    def _apply(self, event: Any) -> None:
        getattr(self, self._apply_names[type(event)])(event)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
