"""Lists as files for spreadsheets: CSV in which no cell is run."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

CSV = "text/csv"

# A cell that starts with one of these is run by spreadsheets as a formula.
_RUN_BY_SPREADSHEETS = tuple("=+-@＝＋－＠\t\r\n")  # noqa: RUF001


def csv_lines(chunks: Iterable[Sequence[Mapping[str, Any]]], columns: Sequence[str]) -> Iterator[str]:
    """A line of names, then one an item, a piece of text a chunk; text that a spreadsheet would run is escaped."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for items in chunks:
        writer.writerows([_cell(item[field]) for field in columns] for item in items)
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def _cell(value: Any) -> str | int:
    if value is None:
        return ""
    if isinstance(value, int):
        return value
    text = value if isinstance(value, str) else str(value) if isinstance(value, UUID) else msgspec.to_builtins(value)
    return f"'{text}" if text.startswith(_RUN_BY_SPREADSHEETS) else text
