"""A database with a history is brought up to this code, and its read models say what the log says."""

from __future__ import annotations

from uuid import UUID

import pytest
from eventsourcing.persistence import ProgrammingError

from app import migrations
from app.database import Database
from app.domain.rules import Rule
from app.eventstore.chain import GENESIS, read_log
from app.projections.transactions import Filters
from app.usecases.refund_order import RefundWanted
from app.wiring import House
from tests.support.clock import Clock
from tests.support.shop import DECLINED, LOST, Shop, random_history

APP = "miles_app"

READABLE = "SELECT position, originator_id, originator_version, topic, state, recorded_at FROM events ORDER BY position"


def down_to(owner: Database, first: str) -> list[str]:
    """Take the schema back to before the migration `first`; gives those that are pending then."""
    undone = [version for version in migrations.available() if version >= first]
    for version in reversed(undone):
        with owner.transaction() as cursor:
            cursor.execute(migrations.available()[version].split("-- migrate:down")[1])
            cursor.execute("DELETE FROM schema_migrations WHERE version = %s", (version,))
    return undone


def test_orders_paid_before_charges_were_kept_beside_them_have_theirs(house: House, owner: Database) -> None:
    shop = Shop(house)
    shop.give(points=200)
    paid = shop.buy(points=30)
    shop.buy(points=100, price=10_000, method=None)
    for method in (DECLINED, LOST):
        shop.buy(method=method)
    undone = down_to(owner, "0006")
    assert migrations.migrate(owner, APP) == undone
    charges = "SELECT order_id, charge_id FROM orders WHERE charge_id IS NOT NULL"
    assert owner.rows(charges) == [(paid.order_id, f"ch_{paid.order_id.hex}")]
    assert shop.differences() == []
    shop.buy()
    assert shop.differences() == []


def test_events_written_before_there_was_a_chain_get_their_place_in_it(
    house: House, owner: Database, clock: Clock
) -> None:
    shop = Shop(house)
    random_history(shop, clock, steps=40, seed=7)
    before = owner.rows(READABLE)
    undone = down_to(owner, "0007")
    for user in ("ann", "eve"):
        owner.execute(
            "SELECT events_append(ARRAY[gen_random_uuid()], '{1}', '{Elsewhere.v1}', ARRAY[%s])",
            (f'{{"u": "{user}"}}',),
        )
    owner.execute("ALTER TABLE events DISABLE TRIGGER events_append_only; UPDATE events SET hash = NULL")
    assert migrations.migrate(owner, APP) == undone
    assert owner.rows(READABLE)[: len(before)] == before
    heads: dict[UUID, bytes] = {}
    with owner.transaction() as cursor:
        entries = [entry for batch in read_log(cursor) for entry in batch]
    for entry in entries:
        heads[entry.stream] = entry.hash_after(heads.get(entry.stream, GENESIS))
        assert entry.hash == heads[entry.stream]
    assert len(entries) == len(before) + 2
    with pytest.raises(ProgrammingError, match="append-only"):
        owner.execute("UPDATE events SET state = state")
    shop.buy()
    assert shop.differences() == []


def test_rules_and_the_last_events_of_orders_are_found_in_the_log(house: House, owner: Database) -> None:
    shop = Shop(house)
    shop.buy()
    house.change_rules(Rule(earn_points=2), None, "root")
    undone = down_to(owner, "0008")
    assert migrations.migrate(owner, APP) == undone
    assert len(owner.rows("SELECT * FROM rules")) == 1
    assert shop.differences() == []


def test_lines_of_refunds_made_before_find_their_reasons(house: House, owner: Database) -> None:
    shop = Shop(house)
    shop.give(points=200)
    paid = shop.buy(points=30)
    shop.buy(points=30, method=DECLINED)
    house.refund_order(RefundWanted(paid.order_id, None, "The cap was cracked", "root", "refund-1"))
    undone = down_to(owner, "0009")
    assert owner.rows("SELECT 1 FROM transactions WHERE type <> 'manual' AND reason_id IS NOT NULL") == []
    assert migrations.migrate(owner, APP) == undone
    assert shop.differences() == []
    lines = house.transactions.page(100, None, Filters()).items
    assert [(line["type"], line["reason"]) for line in lines if line["type"] in ("restore", "revoke")] == [
        ("revoke", "The cap was cracked"),
        ("restore", "The cap was cracked"),
        ("restore", None),
    ]
