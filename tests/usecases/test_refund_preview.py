"""The preview of a refund: what it says is what then happens, and it writes nothing and asks nobody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.database import Database
from app.usecases.refund_order import RefundWanted
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.refunds import REFUND_REFUSED, REFUND_TIMEOUT
from tests.support.shop import DAY, DECLINED, TIMEOUT, Shop, refusal
from tests.support.tables import snapshot_of_tables


@pytest.mark.parametrize("actor", ["root", "somebody not seen before"])
@pytest.mark.parametrize("parts", [[None], [1], [10_001, None], [33_333, 16_666, 1]])
def test_it_says_what_then_happens(
    shop: Shop, owner: Database, clock: Clock, parts: list[int | None], actor: str
) -> None:
    shop.give(points=100, expires_at=clock.at + DAY)
    order = shop.buy(points=30)
    shop.give(points=-100)  # what was earned is spent, in part: revoking it makes debt
    clock.move(days=2)  # and what was used has lapsed: restoring it makes a new lot
    for amount in parts:
        wanted = RefundWanted(order.order_id, amount, "It had a dent.", actor, shop.key())
        before = snapshot_of_tables(owner)
        foretold = shop.house.refund_order.preview(wanted)
        assert snapshot_of_tables(owner) == before
        came = shop.house.refund_order(wanted)
        assert replace(foretold, refund_id=came.refund_id) == came
    assert wrongs(shop.house) == []


@pytest.mark.parametrize(
    ("method", "amount", "code"),
    [
        ("pm_card_visa", 50_001, "refund_exceeds_order"),
        ("pm_card_visa", 0, "invalid_request"),
        (DECLINED, None, "order_not_refundable"),
        (TIMEOUT, None, "order_not_refundable"),
    ],
)
def test_it_refuses_what_would_be_refused(
    shop: Shop, owner: Database, method: str, amount: int | None, code: str
) -> None:
    order = shop.buy(method=method)
    wanted = RefundWanted(order.order_id, amount, "It had a dent.", "root", "k")
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.refund_order.preview(wanted)) == code
    assert snapshot_of_tables(owner) == before
    assert refusal(lambda: shop.house.refund_order(wanted)) == code


def test_the_gateway_is_not_asked_and_so_may_still_refuse(shop: Shop) -> None:
    order = shop.buy(method=REFUND_REFUSED)
    wanted = RefundWanted(order.order_id, None, "It had a dent.", "root", "k")
    assert shop.house.refund_order.preview(wanted).status == "refunded"
    assert refusal(lambda: shop.house.refund_order(wanted)) == "refund_declined"


def test_of_a_key_that_was_used_it_says_what_came_of_it(shop: Shop) -> None:
    order = shop.buy(method=REFUND_TIMEOUT)
    wanted = RefundWanted(order.order_id, 10_000, "It had a dent.", "root", "k")
    pending = shop.house.refund_order(wanted)
    assert pending.status == "pending"
    assert shop.house.refund_order.preview(wanted) == pending
    other = replace(wanted, amount_minor=10_001)
    assert refusal(lambda: shop.house.refund_order.preview(other)) == "idempotency_key_reused"
    assert refusal(lambda: shop.house.refund_order.preview(replace(other, key="l"))) == "order_not_refundable"
