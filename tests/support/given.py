"""`given(events).when(command).then(events)`: how tests of the aggregates speak. No I/O.

given(PointAccount, opened, earned).when(lambda account: account.redeem(AT, ORDER, 30)).then(redeemed)
given(PointAccount, opened).when(lambda account: account.redeem(AT, ORDER, 30)).then_refused("insufficient_points")
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar
from uuid import UUID

from app.domain.aggregate import Aggregate, Recorded
from app.domain.errors import DomainError

A = TypeVar("A", bound=Aggregate)

ID = UUID("11111111-1111-4111-8111-111111111111")
"""The id of every aggregate under test."""


def given(kind: type[A], *history: Any) -> Given[A]:
    """An aggregate with this history: events, or a snapshot's state to start from."""
    return Given(kind, history)


def numbered(history: tuple[Any, ...]) -> list[Recorded]:
    """A history as the store would give it."""
    return [Recorded(ID, version, event) for version, event in enumerate(history, start=1)]


def remembered(aggregate: Aggregate) -> dict[str, Any]:
    """Everything that an aggregate knows, but for the news that it has not handed over."""
    return {name: value for name, value in vars(aggregate).items() if name != "_pending"}


class Given(Generic[A]):
    """An aggregate before the command."""

    def __init__(self, kind: type[A], history: tuple[Any, ...]) -> None:
        self._kind = kind
        self._history = history

    def aggregate(self) -> A:
        """It, replayed afresh."""
        replayed = self._kind.replay(self._kind(ID), numbered(self._history))
        assert replayed is not None
        return replayed

    def when(self, command: Callable[[A], Any]) -> Outcome[A]:
        """Give it the command."""
        aggregate = self.aggregate()
        refusal: DomainError | None = None
        result = None
        try:
            result = command(aggregate)
        except DomainError as error:
            refusal = error
        return Outcome(self.aggregate(), aggregate, result, refusal)


class Outcome(Generic[A]):
    """What a command came to: news and a result, or a refusal."""

    def __init__(self, before: A, aggregate: A, result: Any, refusal: DomainError | None) -> None:
        self._before = before
        self._refusal = refusal
        self._collected = [recorded.event for recorded in aggregate.collect_events()]
        self._result = result
        self.aggregate = aggregate

    @property
    def news(self) -> list[Any]:
        """The events of a command that was not refused."""
        assert self._refusal is None, f"refused with {self._refusal.code}: {self._refusal.facts}"
        return self._collected

    @property
    def result(self) -> Any:
        """What a command that was not refused gave."""
        assert self.news is not None
        return self._result

    def then(self, *events: Any) -> A:
        """It triggered exactly these, and gives the aggregate for a closer look."""
        assert self.news == list(events)
        return self.aggregate

    def then_refused(self, code: str, **facts: Any) -> None:
        """It was refused with `code` and at least these facts, triggered nothing and changed nothing."""
        assert self._refusal is not None, f"not refused, but triggered {self._collected}"
        assert self._refusal.code == code
        assert {name: self._refusal.facts.get(name) for name in facts} == facts
        assert self._collected == []
        assert remembered(self.aggregate) == remembered(self._before)
