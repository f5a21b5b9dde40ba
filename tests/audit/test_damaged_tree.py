"""A sealed tree that somebody damaged: it is found, proves nothing, and is made again from the log it was made of."""

from __future__ import annotations

import pytest

from app.audit import AuditError
from app.audit.findings import Finding
from app.audit.sealing import CannotSeal
from app.audit.tree import TILE
from app.database import Database
from app.usecases.import_accounts import OpeningBalance
from app.wiring import House
from tests.support.http import Api, refused

DAMAGES = {
    "a node": "UPDATE tree SET hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) WHERE level = 1",
    "a leaf": "UPDATE tree SET hashes = set_byte(hashes, 5, get_byte(hashes, 5) # 1) WHERE level = 0 AND tile = 1",
    "a missing row": "DELETE FROM tree WHERE level = 0 AND tile = 0",
    "a missing node": "DELETE FROM tree WHERE level = 1",
}


@pytest.fixture
def house_with_a_tree_of_two_levels(house: House) -> House:
    """Two full rows of leaves, and some."""
    openings = (OpeningBalance(f"member-{number}", 0, None, "L-1") for number in range(2 * TILE + 9))
    assert house.import_accounts(enumerate(openings), "root").imported == 2 * TILE + 9
    assert house.seal() is not None
    return house


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_tree_is_found_and_made_again(
    house_with_a_tree_of_two_levels: House, owner: Database, damage: str
) -> None:
    house = house_with_a_tree_of_two_levels
    owner.execute(damage)
    with pytest.raises(AuditError, match="tree"):
        house.verify(house.trusted_keys)
    last = house.checkpoints.latest()
    assert house.seal.anew() == last
    assert house.verify(house.trusted_keys).checkpoints == len(list(house.checkpoints.after()))
    assert house.seal() is None


def test_rows_that_no_event_led_to_are_found(house_with_a_tree_of_two_levels: House, owner: Database) -> None:
    house = house_with_a_tree_of_two_levels
    owner.execute("INSERT INTO tree VALUES (5, 0, decode(repeat('00', 32), 'hex'))")
    with pytest.raises(Finding, match="nothing to hold"):
        house.verify(house.trusted_keys)


def test_a_tree_is_not_made_again_over_a_log_that_was_altered(
    house_with_a_tree_of_two_levels: House, owner: Database
) -> None:
    house = house_with_a_tree_of_two_levels
    before = owner.rows("SELECT level, tile, md5(hashes) FROM tree ORDER BY 1, 2")
    owner.execute("ALTER TABLE events DISABLE TRIGGER events_append_only; DELETE FROM events WHERE position = 3")
    with pytest.raises(CannotSeal):
        house.seal.anew()
    assert owner.rows("SELECT level, tile, md5(hashes) FROM tree ORDER BY 1, 2") == before


def test_a_damaged_tree_hands_out_no_proof(house_with_a_tree_of_two_levels: House, owner: Database) -> None:
    house = house_with_a_tree_of_two_levels
    auditor = Api(house).auditor
    assert auditor.get("/audit/events/300/proof").status_code == 200
    owner.execute(DAMAGES["a node"])
    refused(auditor.get("/audit/events/300/proof"), 500, "not_provable")


def test_nothing_can_be_made_again_where_nothing_was_sealed(house: House) -> None:
    with pytest.raises(CannotSeal, match="nothing was sealed yet"):
        house.seal.anew()
