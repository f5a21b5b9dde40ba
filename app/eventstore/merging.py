"""Set-based statements that ride in an append, or feed a rebuild: one prepared INSERT or UPDATE over a set of rows.

A few rows travel as scalars, one statement for each number of rows: the server knows exactly how many there are, so it
plans once and takes nothing apart. Many rows travel as an array a column, which costs the server less than half of what
one JSON text of them does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import msgspec

from app.database import Connection

Row = tuple[Any, ...]

FEW = 4
"""Rows that travel as scalars. A checkout merges one or two; each number of rows is one more statement to prepare."""


@dataclass(frozen=True)
class Merge:
    """One prepared statement over a set of rows.

    `columns` are the rows' names and PostgreSQL types. In `sql`, `{rows}` stands for the set, to be used as
    `FROM {rows} AS r`, and `$1` for the position before the first event: rows carry positions relative to it.
    """

    name: str
    columns: Mapping[str, str]
    sql: str

    def statement(self, connection: Connection, rows: Sequence[Row], base: str) -> str:
        """The EXECUTE statement for `rows`, PREPAREd on `connection`; `base` is an SQL expression of type bigint."""
        if len(rows) > FEW:
            return self._of_many(connection, rows, base)
        name = f"{self.name}_{len(rows)}"
        if name not in connection.prepared:
            kinds = list(self.columns.values())
            numbers = iter(range(2, 2 + len(rows) * len(kinds)))
            each = [", ".join(f"${next(numbers)}::{kind}" for kind in kinds) for _ in rows]
            source = f"(VALUES ({'), ('.join(each)})) AS u({', '.join(self.columns)})"
            prepare(connection, name, self._prepared(name, kinds * len(rows), source))
        return f"EXECUTE {name} ({base}, {', '.join(_scalar(value) for row in rows for value in row)})"

    def _of_many(self, connection: Connection, rows: Sequence[Row], base: str) -> str:
        name = f"{self.name}_many"
        if name not in connection.prepared:
            parameters = ", ".join(f"${number}" for number in range(2, 2 + len(self.columns)))
            source = f"unnest({parameters}) AS u({', '.join(self.columns)})"
            prepare(connection, name, self._prepared(name, [f"{kind}[]" for kind in self.columns.values()], source))
        columns = zip(self.columns.values(), zip(*rows, strict=True), strict=True)
        return f"EXECUTE {name} ({base}, {', '.join(quoted(_column(kind, values)) for kind, values in columns)})"

    def _prepared(self, name: str, kinds: Sequence[str], source: str) -> str:
        return f"PREPARE {name} (bigint, {', '.join(kinds)}) AS {self.sql.format(rows=f'(SELECT * FROM {source})')}"


Merges = Sequence[tuple[Merge, Sequence[Row]]]
"""What one fold asks to be written, in order."""


def statements(connection: Connection, merges: Merges, base: str) -> list[str]:
    """The SQL of `merges`, preparing on `connection` what it has not seen; merges without rows are left out."""
    return [merge.statement(connection, rows, base) for merge, rows in merges if rows]


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


def array(values: Sequence[object]) -> str:
    """A PostgreSQL array literal of the values' texts, not yet quoted for SQL; None is NULL."""
    return f"{{{','.join('NULL' if value is None else _element(str(value)) for value in values)}}}"


def _element(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _column(kind: str, values: Sequence[Any]) -> str:
    """A column of rows as an array literal, not yet quoted for SQL; None is NULL."""
    if kind == "text":
        return array(values)
    # No other type's JSON has an escape in it, and but for its brackets it is what PostgreSQL writes.
    return f"{{{msgspec.json.encode(values).decode()[1:-1]}}}"


def _scalar(value: Any) -> str:
    """One value as an SQL literal; the prepared statement knows its type."""
    if value is None:
        return "NULL"
    if isinstance(value, int):  # a bool too: PostgreSQL reads its name
        return str(value)
    if isinstance(value, UUID):
        return f"'{value}'"
    if isinstance(value, datetime | date):
        return f"'{value.isoformat()}'"
    return quoted(str(value))
