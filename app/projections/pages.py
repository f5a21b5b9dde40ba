"""One page of a list, by keyset: the last page costs what the first does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

Item = dict[str, Any]


class Page(NamedTuple):
    """Some items, and the key to go on after (None on the last page). A key is a list of plain JSON values."""

    items: list[Item]
    next: list[Any] | None


def page(rows: Sequence[Item], limit: int, *key: str) -> Page:
    """The first `limit` of up to `limit` + 1 rows; the fields `key` of the last one shown are where it goes on."""
    shown = list(rows[:limit])
    return Page(shown, [shown[-1][field] for field in key] if len(rows) > limit else None)


def named(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> list[Item]:
    """Rows as dictionaries."""
    return [dict(zip(columns, row, strict=True)) for row in rows]
