"""Agreement: what orders say of points against what their accounts' events did, the two being told in two streams.

An order's event and those of its account are appended together, so an order on which they disagree is open for the
length of that append and no longer. That keeps this small however long the log: it holds the open ones alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.audit.findings import Finding
from app.audit.ledger import Book
from app.audit.order_book import OrderBook, points_of
from app.domain.account_events import Earned, Redeemed, Restored, Revoked
from app.eventstore.chain import LogEntry

SPAN = 20_000
"""Positions within which any append ends; the largest, an import's, takes some 2,000."""


_MOVES = (Earned, Redeemed, Restored, Revoked)
"""An account's events that an order caused."""


class _Open(NamedTuple):
    """An order on which the streams disagree since `position`, by so many points of each kind."""

    position: int
    recorded_at: datetime
    apart: dict[str, int]


class Agreement:
    """Follows the log, and remembers the first order on which the two sides did not come to agree."""

    def __init__(self, cut: datetime | None = None) -> None:
        """`cut` is when the last event before this walk was recorded: the log may begin within its append."""
        self._cut = cut
        self._open: dict[tuple[UUID, UUID], _Open] = {}
        self._first: Finding | None = None
        self._last: LogEntry | None = None

    def follow(self, entry: LogEntry, event: Any, book: Book) -> None:
        """Go on by the log's next event, and its stream's book after it."""
        self._last = entry
        # The events of an append were all recorded at one time.
        if entry.recorded_at == self._cut or self._first:
            return
        self._cut = None
        if isinstance(book, OrderBook) and book.account_id:
            for kind, points in points_of(event):
                self._move((book.account_id, entry.stream), kind, points, entry)
        elif isinstance(event, _MOVES):
            self._move((entry.stream, event.order_id), type(event).__name__, -event.points, entry)
        if self._open and next(iter(self._open.values())).position < entry.position - SPAN:
            self._first = self._disagreement(next(iter(self._open)))
            self._open.clear()

    def finish(self, *, is_cut: bool = False) -> None:
        """Raise a Finding for an order that did not come to agree; `is_cut` where the log may end within an append."""
        for key, order in self._open.items():
            if not (is_cut and self._last and order.recorded_at == self._last.recorded_at):
                self._first = self._first or self._disagreement(key)
        if self._first:
            raise self._first

    def _move(self, key: tuple[UUID, UUID], kind: str, points: int, entry: LogEntry) -> None:
        if points == 0:
            return
        order = self._open.get(key)
        if order is None:
            order = self._open[key] = _Open(entry.position, entry.recorded_at, {})
        order.apart[kind] = order.apart.get(kind, 0) + points
        if not any(order.apart.values()):
            del self._open[key]

    def _disagreement(self, key: tuple[UUID, UUID]) -> Finding:
        order = self._open[key]
        kinds = ", ".join(f"{kind} {points:+}" for kind, points in order.apart.items() if points)
        return Finding(
            order.position, f"the order {key[1]} says otherwise of its points than the account {key[0]} ({kinds})"
        )
