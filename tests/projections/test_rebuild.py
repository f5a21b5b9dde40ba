"""A rebuild makes every read model anew beside the live one, and what it makes is as it should be.

How the new tables take the place of the old is in test_swap.py; what it refuses, in test_rebuild_refused.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from app.database import Database
from app.projections import transactions
from app.projections.folding import Positioned
from app.projections.rebuild import rebuild
from app.projections.verify import read_models
from tests.support.clock import Clock
from tests.support.rebuilding import Rebuild, definitions, identities, served
from tests.support.shop import Shop, random_history, refusal


@pytest.mark.parametrize("seed", range(3))
def test_every_table_is_new_and_says_what_it_said(
    shop: Shop, clock: Clock, owner: Database, rebuilt: Rebuild, seed: int
) -> None:
    random_history(shop, clock, 90, seed)
    shop.house.daily.catch_up()
    rows, tables = served(owner), identities(owner)
    done = rebuilt()
    assert served(owner) == rows
    assert not set(identities(owner)) & set(tables)
    assert (done.events, done.position) == (rows["events"][0], max(position for position, *_ in shop.events()))
    assert shop.differences() == []
    random_history(shop, clock, 20, seed + 100)
    shop.house.daily.catch_up()
    assert shop.differences() == []


def test_an_empty_log_gives_empty_tables(shop: Shop, rebuilt: Rebuild) -> None:
    assert rebuilt().events == 0
    assert shop.differences() == []
    shop.give()
    shop.house.daily.catch_up()
    assert shop.differences() == []


def test_new_tables_are_defined_as_the_old_ones_to_the_last_right_and_option(
    shop: Shop, owner: Database, rebuilt: Rebuild
) -> None:
    owner.execute("ALTER TABLE lots SET (autovacuum_vacuum_scale_factor = 0.01)")
    owner.execute("GRANT SELECT ON balances TO PUBLIC")
    before, columns = definitions(owner), "SELECT * FROM information_schema.columns WHERE table_schema = 'public'"
    told = [columns, "SELECT * FROM pg_indexes WHERE schemaname = 'public'"]
    seen = [sorted(map(str, owner.rows(sql))) for sql in told]
    rebuilt()
    assert definitions(owner) == before
    assert [sorted(map(str, owner.rows(sql))) for sql in told] == seen
    for needed in ("index CREATE INDEX lots_due ON lots", "constraint lots_check CHECK", "right INSERT of"):
        assert any(line.startswith(needed) for line in before["lots"]), needed


def test_statistics_are_there_from_the_first_moment(shop: Shop, owner: Database, rebuilt: Rebuild) -> None:
    shop.give()
    rebuilt()
    assert owner.rows("SELECT reltuples FROM pg_class WHERE oid = 'lots'::regclass") == [(1.0,)]


CORRUPTIONS = {
    "balances": "UPDATE balances SET balance = balance + 1, position = 0",
    "lots": "DELETE FROM lots WHERE lot = 1",
    "orders": "UPDATE orders SET status = 'pending', waiting_since = now()",
    "transactions": "INSERT INTO transactions SELECT id + 500, account_id, type, points, order_id, reason_id, actor_id,"
    " expires_at, created_at, balance_after, debt_repaid, debt_added FROM transactions",
    "daily": "UPDATE daily SET earned = 0",
    "tracking": "UPDATE tracking SET notification_id = 1000000",
    "a tracking that stepped back": "UPDATE tracking SET notification_id = 1",
    "snapshots": "UPDATE snapshots SET state = replace(state, '\"balance\":', '\"balance\":1')",
}


@pytest.mark.parametrize("what", CORRUPTIONS)
def test_rows_that_somebody_changed_are_healed(shop: Shop, owner: Database, rebuilt: Rebuild, what: str) -> None:
    shop.give()
    shop.buy(points=30)
    shop.house.daily.catch_up()
    rows = served(owner)
    assert owner.execute(CORRUPTIONS[what]) > 0
    rebuilt()
    assert served(owner) == rows
    shop.buy(points=shop.available())
    shop.house.daily.catch_up()
    assert shop.differences() == []
    assert shop.points()["available"] == 50


def test_an_account_is_decided_upon_without_its_snapshot(shop: Shop, owner: Database, rebuilt: Rebuild) -> None:
    shop.give(points=100)
    rebuilt()
    assert owner.rows("SELECT count(*) FROM snapshots") == [(0,)]
    assert refusal(lambda: shop.give(points=-101)) == "insufficient_points"
    assert owner.rows("SELECT count(*) FROM snapshots") == [(0,)]
    shop.give(points=-100)
    assert owner.rows("SELECT count(*) FROM snapshots") == [(1,)]


def test_a_changed_read_model_is_deployed_by_rebuilding(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    owner.execute("ALTER TABLE transactions ADD COLUMN note text NOT NULL DEFAULT 'old'")

    def noted(events: list[Positioned]) -> Any:
        [(merge, rows)] = transactions.fold(events)
        sql = merge.sql.replace("debt_added FROM", "debt_added, 'new' FROM")
        return [(replace(merge, sql=sql), rows)]

    models = [
        model._replace(fold=noted) if model.table == "transactions" else model
        for model in read_models(shop.house.settings.zone)
    ]
    rebuild(owner, shop.house.mapper, models)
    assert owner.rows("SELECT note FROM transactions") == [("new",)]
    shop.buy(points=10)  # by code that knows nothing of the column, over connections that had prepared their merges
    assert owner.rows("SELECT note, count(*) FROM transactions GROUP BY 1 ORDER BY 1") == [("new", 1), ("old", 2)]
