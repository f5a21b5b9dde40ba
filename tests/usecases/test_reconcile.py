"""Reconciliation: our orders against the gateway's own list, each way that they can disagree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from app.database import Database
from app.usecases.payment_gateway import StatementLine
from app.usecases.reconcile import Difference
from app.usecases.refund_order import RefundWanted
from app.wiring import House
from tests.support.shop import DECLINED, LOST, TIMEOUT, Shop
from tests.support.tables import snapshot_of_tables

EVER = datetime(1970, 1, 1, tzinfo=UTC)


def differences(house: House) -> list[str]:
    """What differs, in words."""
    return [difference.what for difference in house.reconcile(EVER).differences]


def test_books_that_agree_say_so_and_nothing_is_written(shop: Shop, owner: Database) -> None:
    shop.give(points=200)
    paid = shop.buy(points=30)
    shop.buy(points=100, price=10_000, method=None)
    shop.buy(method=DECLINED)
    refunded = shop.buy()
    shop.house.refund_order(RefundWanted(refunded.order_id, 12_345, "A dent.", "root", "r1"))
    before = snapshot_of_tables(owner)
    result = shop.house.reconcile(EVER)
    assert (result.charges, result.orders, result.differences) == (2, 2, [])
    assert snapshot_of_tables(owner) == before
    assert paid.status == "paid"


def test_nothing_at_all_agrees(house: House) -> None:
    result = house.reconcile(EVER)
    assert (result.charges, result.orders, result.differences) == (0, 0, [])


def test_a_charge_whose_order_is_still_pending_is_found_until_recovery_has_been(shop: Shop) -> None:
    order = shop.buy(method=TIMEOUT)
    shop.buy(method=LOST)
    charge = f"ch_{order.order_id.hex}"
    what = f"charged 50000 INR as {charge}, but the order is pending"
    assert shop.house.reconcile(EVER).differences == [Difference(order.order_id, charge, what)]
    shop.house.recover_payments(is_all=True)
    assert differences(shop.house) == []


def test_a_charge_for_an_order_that_was_never_placed_is_found(shop: Shop, owner: Database) -> None:
    owner.execute(
        "INSERT INTO sandbox_charges (order_id, charge_id, amount_minor, currency, payment_method, outcome)"
        " VALUES (%s, 'ch_1', 100, 'INR', 'pm_card_visa', 'charged')",
        (uuid4(),),
    )
    assert differences(shop.house) == ["charged 100 INR as ch_1, but there is no such order"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("DELETE FROM sandbox_charges", "paid 50000 INR, but the gateway lists no charge"),
        ("UPDATE sandbox_charges SET amount_minor = 49999", "but the order owes 50000 INR"),
        ("UPDATE sandbox_charges SET currency = 'USD'", "but the order owes 50000 INR"),
        (
            "UPDATE sandbox_charges SET charge_id = 'ch_other'",
            "charged 50000 INR as ch_other, but the order was paid by ch_",
        ),
        (
            "INSERT INTO sandbox_refunds (refund_id, order_id, amount_minor)"
            " SELECT gen_random_uuid(), order_id, 7 FROM sandbox_charges",
            "the gateway gave back 7, the order says 0",
        ),
    ],
)
def test_books_that_were_tampered_with_are_found(shop: Shop, owner: Database, damage: str, words: str) -> None:
    order = shop.buy()
    owner.execute(damage)
    [difference] = shop.house.reconcile(EVER).differences
    assert difference.order_id == order.order_id
    assert words in difference.what


def test_more_charges_than_one_batch_are_all_compared(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.usecases.reconcile.BATCH", 2)
    monkeypatch.setattr("app.projections.books.CHUNK", 2)
    for _ in range(5):
        shop.buy()
    result = shop.house.reconcile(EVER)
    assert (result.charges, result.orders, result.differences) == (5, 5, [])


def test_a_purchase_made_while_the_list_is_read_is_no_difference(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.buy()
    statement = shop.house.gateway.statement

    def while_business_goes_on(since: datetime, until: datetime) -> Iterator[StatementLine]:
        yield from statement(since, until)
        shop.buy()

    monkeypatch.setattr(shop.house.gateway, "statement", while_business_goes_on)
    assert differences(shop.house) == []
