"""The SQL that the application sends, as it sends it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from app.database import Connection, Cursor


@contextmanager
def counted_statements() -> Iterator[list[str]]:
    """Collects every SQL statement that the application sends meanwhile."""
    sent: list[str] = []

    class Counting(Cursor):
        def execute(self, query: Any, parameters: Any = None) -> None:
            sent.append(query if isinstance(query, str) else str(query))
            super().execute(query, parameters)

    plain = Connection.cursor
    Connection.cursor = lambda self, *a, **k: plain(self, *a, **{**k, "cursor_factory": Counting})  # type: ignore[method-assign, assignment, misc]
    try:
        yield sent
    finally:
        Connection.cursor = plain  # type: ignore[method-assign]
