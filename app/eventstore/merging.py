"""Set-based statements that ride in an append, or feed a rebuild: one prepared INSERT or UPDATE, fed with columns.

Arrays travel as '{…}' literals, one string a column however many rows: the cheapest form for psycopg2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from app.database import Connection

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Merge:
    """One prepared statement over a set of rows.

    `columns` are the rows' names and PostgreSQL types. In `sql`, `{rows}` stands for the set, to be used as
    `FROM {rows} AS r`, and `$1` for the position before the first event: rows carry positions relative to it.
    """

    name: str
    columns: Mapping[str, str]
    sql: str

    def prepared(self) -> str:
        """The PREPARE statement."""
        arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(self.columns.values(), start=2))
        rows = f"(SELECT * FROM unnest({arrays}) AS u({', '.join(self.columns)}))"
        kinds = ", ".join(f"{kind}[]" for kind in self.columns.values())
        return f"PREPARE {self.name} (bigint, {kinds}) AS {self.sql.format(rows=rows)}"

    def execute(self, rows: Sequence[Row], base: str) -> str:
        """The EXECUTE statement for `rows`; `base` is an SQL expression of type bigint."""
        columns = ", ".join(quoted(array(column)) for column in zip(*rows, strict=True))
        return f"EXECUTE {self.name} ({base}, {columns})"


Merges = Sequence[tuple[Merge, Sequence[Row]]]
"""What one fold asks to be written, in order."""


def statements(connection: Connection, merges: Merges, base: str) -> list[str]:
    """The SQL of `merges`, preparing on `connection` what it has not seen; merges without rows are left out."""
    sql = []
    for merge, rows in merges:
        if rows:
            prepare(connection, merge.name, merge.prepared())
            sql.append(merge.execute(rows, base))
    return sql


def prepare(connection: Connection, name: str, statement: str) -> None:
    """PREPARE once a connection."""
    if name not in connection.prepared:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        connection.prepared.add(name)


def quoted(text: str) -> str:
    """An SQL string literal, with any character but NUL.

    Every connection has standard_conforming_strings on. psycopg2's own quoting, where it is given no connection, goes
    by the last setting that any connection of the process reported.
    """
    if "\0" in text:
        raise ValueError("PostgreSQL's text cannot hold NUL")
    return "'" + text.replace("'", "''") + "'"


def array(values: Sequence[Any]) -> str:
    """A PostgreSQL array literal, not yet quoted for SQL."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, datetime | date):
        return f'"{value.isoformat()}"'
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
