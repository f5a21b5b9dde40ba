"""The event-sourced application: loads aggregates, records what they decided, and decides again on a conflict."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, IntegrityError, Mapper, StoredEvent
from eventsourcing.utils import Environment, EnvType

from app.domain.account_events import PointAccountState
from app.domain.aggregate import Aggregate, Recorded
from app.domain.errors import DomainError
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.ports import Beside

A = TypeVar("A", bound=Aggregate)
T = TypeVar("T")

ATTEMPTS = 6
"""Decisions before a conflict is handed to the client: the unique key lets one writer through each time."""

STRIPES = 256
"""Locks that keep the threads of one process from fighting over a hot account; more would save nothing."""

SNAPSHOTS: Mapping[type[Aggregate], type] = {PointAccount: PointAccountState}
"""The aggregates whose histories are long, and their snapshots' states."""


class EventLog(Protocol):
    """What this application asks of its recorder beyond the library's interface."""

    def select_latest(
        self, originator_ids: Sequence[UUID], snapshot_topics: Sequence[str]
    ) -> dict[UUID, list[StoredEvent]]:
        """Each stream's snapshot, if there is one, and the events after it."""


class EventNames(Protocol):
    """What it asks of its mapper."""

    def topic_of(self, cls: type) -> str:
        """The stable name of a class."""


Writer = Callable[[Any], tuple[str, Sequence[Any] | dict[str, Any]]]


class Loyalty(Application[UUID]):
    """The one application of the house, over a factory and a mapper that wiring made."""

    def __init__(
        self, factory: InfrastructureFactory[Any], mapper: Mapper[UUID], writers: Mapping[type, Writer]
    ) -> None:
        self._given = (factory, mapper)
        self._writers = writers
        self._stripes = [threading.Lock() for _ in range(STRIPES)]
        super().__init__(env={})

    def construct_env(self, name: str, env: EnvType | None = None) -> Environment:
        """No setting is read: the factory came made (the library would merge the whole environment)."""
        return Environment("", env)

    def construct_factory(self, env: Environment) -> InfrastructureFactory[Any]:
        return self._given[0]

    def construct_mapper(self) -> Mapper[UUID]:
        return self._given[1]

    def load(self, *wanted: tuple[type[Aggregate], UUID]) -> list[Any]:
        """The aggregates named, in one round trip; None for one without history, or whose id is another kind's."""
        log: EventLog = self.recorder  # type: ignore[assignment]
        names: EventNames = self.mapper  # type: ignore[assignment]
        kinds = {kind for kind, _ in wanted} & SNAPSHOTS.keys()
        topics = [names.topic_of(SNAPSHOTS[kind]) for kind in kinds]
        streams = log.select_latest([aggregate_id for _, aggregate_id in wanted], topics)
        return [self._replayed(kind, streams[aggregate_id]) for kind, aggregate_id in wanted]

    def programme(self) -> Programme:
        """The programme as it stands; without history, its defaults."""
        return self.load((Programme, PROGRAMME_ID))[0] or Programme()

    def at_version(self, kind: type[A], aggregate_id: UUID, version: int | None = None) -> A:
        """An aggregate by full replay, no snapshot. Raises the library's AggregateNotFoundError."""
        return self.repository.get(aggregate_id, version=version, projector_func=kind.replay)

    def history(self, aggregate: Aggregate) -> list[Any]:
        """All events of an aggregate that was loaded, up to the version that it had then."""
        stored = self.recorder.select_events(aggregate.id, lte=aggregate.version)
        return [recorded.event for recorded in self._decoded(stored)]

    def record(self, *aggregates: Aggregate, beside: Sequence[Beside] = ()) -> int:
        """Append what `aggregates` decided, in the order given, with facts `beside`: all or nothing.

        Gives the position of the last event. Raises the library's IntegrityError where somebody else came first.
        """
        snapshots = [
            self.mapper.to_stored_event(Recorded(a.id, a.version, a.state()))
            for a in aggregates
            if isinstance(a, PointAccount) and a.has_news
        ]
        recordings = self.events.put(
            [recorded for aggregate in aggregates for recorded in aggregate.collect_events()],
            snapshots=snapshots,
            beside=[self._writers[type(fact)](fact) for fact in beside],
        )
        return recordings[-1].notification.id

    def deciding(
        self,
        decide: Callable[[], T],
        *,
        on: Hashable = None,
        attempts: int = ATTEMPTS,
        for_s: float | None = None,
    ) -> T:
        """Run `decide`, again on the new state where another writer came first.

        `on` names what is fought over: within one process its threads take turns. After `attempts` tries, or after
        `for_s` seconds where that is given, raises `try_again`.
        """
        deadline = None if for_s is None else time.monotonic() + for_s
        attempt = 0
        while True:
            attempt += 1
            try:
                with self._alone_with(on):
                    return decide()
            except IntegrityError as conflict:
                spent = attempt >= attempts if deadline is None else time.monotonic() > deadline
                if spent:
                    raise DomainError("try_again", retryable=True) from conflict
                # Jitter, so that two that met once do not meet again in step.
                time.sleep(random.uniform(0, 0.004 * 2 ** min(attempt, 6)))

    @contextmanager
    def _alone_with(self, contended: Hashable) -> Iterator[None]:
        if contended is None:
            yield
            return
        with self._stripes[hash(contended) % STRIPES]:
            yield

    def _replayed(self, kind: type[Aggregate], stored: Sequence[StoredEvent]) -> Aggregate | None:
        history = list(self._decoded(stored))
        return kind.replay(None, history) if history and kind.folds(history[0].event) else None

    def _decoded(self, stored: Sequence[StoredEvent]) -> Iterator[Any]:
        return map(self.mapper.to_domain_event, stored)
