"""The hash of an event: the same in Python, in SQL and in the document that tells others how to compute it."""

from __future__ import annotations

import json
import re
import struct
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.config import PROJECT
from app.database import Database
from app.eventstore.chain import GENESIS, LogEntry, event_hash, read_log
from app.wiring import House
from tests.support.shop import Shop

DOCUMENT = PROJECT / "docs" / "formats" / "event-hash.md"

VECTORS: list[dict[str, Any]] = [
    json.loads(block)
    for block in re.findall(r"```json vector\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
]
"""The document's own figures."""


def fields_of(vector: dict[str, Any]) -> tuple[bytes, UUID, int, str, str, datetime, str]:
    """The arguments of `event_hash`, in its order."""
    return (
        bytes.fromhex(vector["previous"]),
        UUID(vector["stream"]),
        vector["version"],
        vector["topic"],
        vector["state"],
        datetime.fromisoformat(vector["recorded_at"]),
        vector["metadata"],
    )


def sql_hash(database: Database, fields: tuple[object, ...]) -> bytes:
    """The same by the database's function, which appends call."""
    row = database.row("SELECT events_hash(%s, %s, %s::bigint, %s, %s, %s, %s)", fields)
    assert row is not None
    return bytes(row[0])


def test_the_document_has_vectors_among_them_texts_beyond_ascii() -> None:
    assert len(VECTORS) >= 3
    assert any(not vector["state"].isascii() for vector in VECTORS)
    assert len({vector["hash"] for vector in VECTORS}) == len(VECTORS)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["topic"])
def test_the_document_says_what_python_and_the_database_compute(database: Database, vector: dict[str, Any]) -> None:
    fields = fields_of(vector)
    assert event_hash(*fields).hex() == sql_hash(database, fields).hex() == vector["hash"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["topic"])
def test_the_bytes_that_the_document_shows_are_those_that_are_hashed(vector: dict[str, Any]) -> None:
    """Recomputed from the document's words alone, and compared with the bytes that it prints."""
    previous, stream, version, topic, state, recorded_at, metadata = fields_of(vector)
    micros = (recorded_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    numbers = [struct.pack(">q", number) for number in (version, micros)]
    parts = [stream.bytes, numbers[0], topic.encode(), state.encode(), numbers[1], metadata.encode()]
    assert previous + b"".join(len(part).to_bytes(4, "big") + part for part in parts) == bytes.fromhex(vector["bytes"])


def test_the_second_vector_follows_the_first() -> None:
    assert VECTORS[1]["previous"] == VECTORS[0]["hash"]


HASHES = st.binary(min_size=32, max_size=32)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
# PostgreSQL's own calendar goes further on both sides; Python's ends here, and no event is from before or after it.
INSTANTS = st.datetimes(timezones=st.just(UTC))


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.tuples(HASHES, st.uuids(), st.integers(1, 2**63 - 1), TEXTS, TEXTS, INSTANTS, TEXTS))
def test_python_and_the_database_agree_on_any_event(database: Database, fields: tuple[Any, ...]) -> None:
    assert event_hash(*fields) == sql_hash(database, fields)


@given(TEXTS, TEXTS, TEXTS, st.data())
def test_no_two_ways_to_cut_the_same_text_into_fields_have_one_hash(
    topic: str, state: str, metadata: str, data: st.DataObject
) -> None:
    """Each length is hashed before its field, so that nothing can wander from one into the next."""
    whole = topic + state + metadata
    first, second = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    other = (whole[:first], whole[first:second], whole[second:])
    stream, at = UUID(int=1), datetime(2026, 1, 1, tzinfo=UTC)
    one, two = (event_hash(GENESIS, stream, 1, *texts[:2], at, texts[2]) for texts in ((topic, state, metadata), other))
    assert (one == two) == (other == (topic, state, metadata))


def test_every_event_of_an_append_is_chained_to_the_one_before_it_in_its_stream(house: House) -> None:
    shop = Shop(house)
    shop.give(points=100)
    shop.buy(points=10)
    shop.buy("bob")
    heads: dict[UUID, bytes] = {}
    with house.database.transaction() as cursor:
        entries = [entry for batch in read_log(cursor, batch=3) for entry in batch]
    for entry in entries:
        assert entry.hash == entry.hash_after(heads.get(entry.stream, GENESIS))
        heads[entry.stream] = entry.hash
    assert len(entries) == 10
    assert len(heads) == 4


@pytest.mark.parametrize("field", [name for name in LogEntry._fields if name not in ("position", "hash")])
def test_each_field_of_an_event_is_in_its_hash_and_its_position_is_not(house: House, field: str) -> None:
    Shop(house).give()
    with house.database.transaction() as cursor:
        ((entry, *_),) = read_log(cursor)
    others = {"stream": UUID(int=7), "version": 9, "recorded_at": entry.recorded_at + timedelta(microseconds=1)}
    other = entry._replace(**{field: others.get(field, "x")})
    assert other.hash_after(GENESIS) != entry.hash == entry._replace(position=9).hash_after(GENESIS)
