"""Rows that no append writes, put there by an owner who has dropped what refuses them: each is found in its place."""

from __future__ import annotations

import pytest

from app.audit.keys import Untrusted
from app.audit.sealing import CannotSeal
from app.database import Database
from app.eventstore.chain import GENESIS
from app.wiring import House
from tests.audit.verifying import sealed, verified, wrong
from tests.support.http import Api
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables
from tests.support.tampering import Log, insert

UNGUARDED = (
    "ALTER TABLE events DISABLE TRIGGER ALL, DROP CONSTRAINT events_counted_from_1,"
    " DROP CONSTRAINT events_hash_is_sha256, ALTER COLUMN hash DROP NOT NULL"
)

NO_APPEND = "it has a time or a hash that no append writes"


@pytest.fixture
def shop(house: House, owner: Database) -> Shop:
    """A shop with four events, whose log its owner can write to as they like."""
    shop = Shop(house)
    for _ in range(3):
        shop.give()
    owner.execute(UNGUARDED)
    return shop


def forge(owner: Database, position: int) -> None:
    """Copy the last event of the log to a position, as its stream's next, with the hash that it must have."""
    with owner.transaction() as cursor:
        last = Log.read(cursor).entries[-1]
        forged = last._replace(position=position, version=last.version + 1)
        insert(cursor, forged._replace(hash=forged.hash_after(last.hash)))


@pytest.mark.parametrize("position", [0, -5, -(2**63)])
@pytest.mark.parametrize("is_sealed", [True, False])
def test_an_event_before_the_first_position_is_found_where_it_stands(
    shop: Shop, owner: Database, position: int, is_sealed: bool
) -> None:
    if is_sealed:
        sealed(shop)
    forge(owner, position)
    said = f"position {position}: no append puts an event there: positions are counted from 1"
    assert wrong(shop) == said
    shop.give("bob")
    shop.house.seal()
    assert wrong(shop) == said


def test_an_event_before_the_first_position_is_found_too_where_its_stream_went_on_since(
    shop: Shop, owner: Database
) -> None:
    size = sealed(shop)
    forge(owner, 0)
    assert verified(shop, size).events == 0
    owner.execute("DELETE FROM snapshots")
    shop.give()
    assert wrong(shop, size).startswith("position 0: no append puts an event there")


def give_hash(owner: Database, position: int, digest: bytes | None) -> None:
    """Write something else into the place of a hash."""
    assert owner.execute("UPDATE events SET hash = %s WHERE position = %s", (digest, position)) == 1


HASHES = {"none": None, "empty": b"", "short": b"abc", "cut": GENESIS[1:], "double": 2 * GENESIS}


@pytest.mark.parametrize("digest", HASHES.values(), ids=HASHES)
def test_nothing_is_signed_over_an_event_without_a_hash(shop: Shop, owner: Database, digest: bytes | None) -> None:
    give_hash(owner, 3, digest)
    before = snapshot_of_tables(owner)
    with pytest.raises(CannotSeal, match="the event at position 3 has no hash of 32 bytes: the log was altered"):
        shop.house.seal()
    assert snapshot_of_tables(owner) == before
    assert not (shop.house.settings.home / "checkpoints.log").exists()


@pytest.mark.parametrize("digest", HASHES.values(), ids=HASHES)
@pytest.mark.parametrize("is_sealed", [True, False])
def test_an_event_whose_hash_was_changed_in_length_is_found(
    shop: Shop, owner: Database, digest: bytes | None, is_sealed: bool
) -> None:
    if is_sealed:
        sealed(shop)
    give_hash(owner, 3, digest)
    assert wrong(shop).startswith("position 3: ")


TIMES = ["0044-03-15 00:00:00+00 BC", "20000-01-01 00:00:00+00", "0001-01-01 00:00:00+00 BC", "infinity", "-infinity"]
"""Python has no values for the first three."""


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_nobody_lives_in_is_found_where_it_stands(shop: Shop, owner: Database, time: str) -> None:
    shop.give("bob")
    size = sealed(shop)
    shop.give()
    owner.execute("UPDATE events SET recorded_at = %s::timestamptz WHERE position = 3", (time,))
    assert wrong(shop).startswith("position 3: ")
    assert wrong(shop, size).startswith("position 3: "), "the stream went on since, so it is read"
    if "infinity" not in time:
        assert wrong(shop) == f"position 3: {NO_APPEND}"


@pytest.mark.parametrize("time", TIMES)
def test_a_time_that_nobody_lives_in_is_found_at_the_end_of_the_checkpoint_that_is_gone_on_from(
    shop: Shop, owner: Database, time: str
) -> None:
    size = sealed(shop)
    shop.give()
    owner.execute("UPDATE events SET recorded_at = %s::timestamptz WHERE position = %s", (time, size))
    assert wrong(shop, size).startswith(f"position {size}: ")


@pytest.mark.parametrize("edit", ["recorded_at = '0044-03-15 BC'", "recorded_at = '20000-01-01'", "hash = NULL"])
def test_over_http_such_an_event_is_a_problem_that_names_it(shop: Shop, owner: Database, edit: str) -> None:
    sealed(shop)
    owner.execute(f"UPDATE events SET {edit} WHERE position = 3")
    for path in ("/audit/events", "/audit/events?after=1&limit=2", "/audit/events/3/proof"):
        response = Api(shop.house).auditor.get(path)
        assert (response.status_code, response.json and response.json["code"]) == (500, "internal_error")
        assert response.json and response.json["detail"].startswith("the event at position 3 has a time or a hash")
    assert Api(shop.house).auditor.get("/audit/events/2/proof").status_code == 200
    assert Api(shop.house).auditor.get("/audit/events?limit=1").status_code == 200


@pytest.mark.parametrize("sealed_at", TIMES)
def test_a_checkpoint_of_such_a_time_is_one_that_nobody_signed(shop: Shop, owner: Database, sealed_at: str) -> None:
    sealed(shop)
    owner.execute("UPDATE checkpoints SET sealed_at = %s", (sealed_at,))
    shop.give()
    with pytest.raises(Untrusted, match="it was altered"):
        shop.house.seal()
    assert "it was altered" in wrong(shop)
