"""A database with a history is brought up to this code, and its read models say what the log says."""

from __future__ import annotations

from app import migrations
from app.database import Database
from app.wiring import House
from tests.support.shop import DECLINED, LOST, Shop

APP = "miles_app"


def test_orders_paid_before_charges_were_kept_beside_them_have_theirs(house: House, owner: Database) -> None:
    shop = Shop(house)
    shop.give(points=200)
    paid = shop.buy(points=30)
    shop.buy(points=100, price=10_000, method=None)
    for method in (DECLINED, LOST):
        shop.buy(method=method)
    with owner.transaction() as cursor:
        cursor.execute(migrations.available()["0006"].split("-- migrate:down")[1])
        cursor.execute("DELETE FROM schema_migrations WHERE version = '0006'")
    assert migrations.migrate(owner, APP) == ["0006"]
    charges = "SELECT order_id, charge_id FROM orders WHERE charge_id IS NOT NULL"
    assert owner.rows(charges) == [(paid.order_id, f"ch_{paid.order_id.hex}")]
    assert shop.differences() == []
    shop.buy()
    assert shop.differences() == []
