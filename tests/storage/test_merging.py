"""Rows and columns on their way into SQL: whatever a value holds, PostgreSQL reads back the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import DataError
from hypothesis import given, settings
from hypothesis import strategies as st

from app.database import Connection, Database
from app.eventstore.merging import Merge, array, quoted, statements
from app.eventstore.recorder import PostgresApplicationRecorder
from tests.storage.commits import event
from tests.support.postgres import Addresses, TestServer

HOSTILE = [
    "", " ", "NULL", "null", "'", "''", '"', '""', "\\", "\\\\", "\\'", '\\"', "'; DROP TABLE events; --",
    "{", "}", "{}", "{a,b}", ",", "a,b", "$1", "$$", "%s", "%(a)s", "%", "%%", ":a", "\n", "\r\n", "\t", "\v",
    "\x01", "\x7f", "E'\\n'", "\\N", "\\x41", "\u2028", "\u02bc", "é", "e\u0301", "日本", "🦜", "\U0010ffff", "\ufeff",
    "a" * 10_000, "'" * 999, "\\" * 999,
]  # fmt: skip

# PostgreSQL's text holds any character but NUL; half a surrogate pair is no character.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "text": TEXT | st.sampled_from(HOSTILE),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "uuid": st.uuids(),
    "date": st.dates(),
    "timestamptz": st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)),
}


@pytest.fixture(scope="module")
def connection(postgres: TestServer) -> Iterator[Connection]:
    """One connection for all examples: they write nothing."""
    with postgres.fresh() as addresses:
        opened = Database(addresses.app).open()
        yield opened
        opened.close()


def written_and_read(connection: Connection, kind: str, values: Sequence[Any]) -> list[Any]:
    """What PostgreSQL makes of values that ride in as one column of a merge."""
    columns = {"n": "bigint", "value": kind}
    merge = Merge(f"column_of_{kind}", columns, "SELECT value FROM {rows} AS r ORDER BY n")
    with connection.cursor() as cursor:
        cursor.execute(statements(connection, [(merge, list(enumerate(values)))], "0")[0])
        return [row[0] for row in cursor.fetchall()]


def array_read(connection: Connection, values: Sequence[str]) -> list[str]:
    """What PostgreSQL makes of an array literal of texts."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quoted(array(values))}::text[]")
        ((found,),) = cursor.fetchall()
        return list(found)


@pytest.mark.parametrize("kind", ELEMENTS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_column_comes_back_as_it_went_nulls_and_all(kind: str, connection: Connection, data: st.DataObject) -> None:
    values = data.draw(st.lists(ELEMENTS[kind] | st.none(), max_size=12))
    assert written_and_read(connection, kind, [*values, None]) == [*values, None]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(ELEMENTS["text"], max_size=12))
def test_any_array_of_texts_comes_back_as_it_went(connection: Connection, texts: list[str]) -> None:
    assert array_read(connection, texts) == texts


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_comes_back_as_it_went(text: str, connection: Connection) -> None:
    assert written_and_read(connection, "text", [text, None, text + text]) == [text, None, text + text]
    assert array_read(connection, [text, text + text]) == [text, text + text]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {quoted(text)}, {quoted(array([text]))}")
        assert cursor.fetchall() == [(text, array([text]))]


def test_a_moment_in_another_zone_is_the_same_moment(connection: Connection) -> None:
    kolkata = timezone(timedelta(hours=5, minutes=30))
    moment = datetime(2026, 1, 15, 12, 0, 0, 1, tzinfo=kolkata)
    assert written_and_read(connection, "timestamptz", [moment]) == [moment]


def test_nul_is_refused_before_it_could_cut_a_statement_short() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quoted(array(["a\0b"]))


def test_quoting_does_not_go_by_what_other_connections_of_the_process_do(
    addresses: Addresses, connection: Connection
) -> None:
    otherwise = Database(f"{addresses.app}&options=-c%20standard_conforming_strings%3Doff", pool_size=1)
    assert otherwise.rows("SHOW standard_conforming_strings") == [("off",)]
    text = '{"said": "a \\"quote\\" and a \\\\"}'
    assert array_read(connection, [text]) == written_and_read(connection, "text", [text]) == [text]
    otherwise.close()


def test_hostile_events_are_stored_as_they_are(database: Database) -> None:
    log = PostgresApplicationRecorder(database)
    stream = uuid4()
    batch = [event(stream, n, topic=text or "empty", state=text.encode()) for n, text in enumerate(HOSTILE, start=1)]
    positions = log.insert_events(batch)
    assert log.select_events(stream) == batch
    found = log.select_notifications(1, len(batch))
    assert [n.id for n in found] == positions
    assert [(n.topic, n.state) for n in found] == [(stored.topic, stored.state) for stored in batch]


PAIRS = Merge(
    "pairs",
    {"id": "uuid", "word": "text", "day": "date", "position": "bigint"},
    "SELECT word, id, day, $1 + position FROM {rows} AS r ORDER BY position",
)


def test_a_merge_is_prepared_once_and_counts_positions_from_its_base(database: Database) -> None:
    rows: list[tuple[UUID, str, date, int]] = [
        (uuid4(), "it's", date(2026, 2, 28), 1),
        (uuid4(), 'a "b" \\', date(1999, 12, 31), 2),
    ]
    with database.connection() as connection, connection.cursor() as cursor:
        for base in (10, 20):
            (sql,) = statements(connection, [(PAIRS, rows), (PAIRS, [])], str(base))
            cursor.execute(sql)
            assert cursor.fetchall() == [(word, id_, day, base + n) for id_, word, day, n in rows]
        cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'pairs%'")
        assert cursor.fetchall() == [(1,)]


def test_a_value_that_is_not_of_its_columns_type_is_refused(database: Database) -> None:
    with pytest.raises(DataError), database.connection() as connection, connection.cursor() as cursor:
        cursor.execute(statements(connection, [(PAIRS, [("no uuid", "a", date(2026, 1, 1), 1)])], "0")[0])
