"""Checkout on the real stack: paid, declined, unanswered, repeated, refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from app.database import Database
from app.domain.rules import Rule
from app.usecases.check_out import Purchase
from app.usecases.payment_gateway import Charged, Declined
from app.wiring import House
from tests.support.clock import Clock
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA, Shop, at_once, refusal
from tests.support.tables import snapshot_of_tables


def charges(owner: Database) -> list[tuple[int, str]]:
    """What the gateway was asked for, and what it answered."""
    return owner.rows("SELECT amount_minor, outcome FROM sandbox_charges ORDER BY created_at")


def test_a_paid_order_takes_its_points_charges_the_rest_and_earns(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    order = shop.buy(points=30)
    assert (order.status, order.total_minor, order.points_used, order.cash_due_minor) == ("paid", 50_000, 30, 47_000)
    assert (order.points_earned, order.available, order.currency) == (50, 120, "INR")
    assert charges(owner) == [(47_000, "charged")]
    assert shop.lines() == [("manual", 100), ("use", -30), ("earn", 50)]
    assert shop.left() == [70, 50]
    assert shop.names(order.order_id) == ["OrderPlaced", "OrderPaid"]
    assert shop.differences() == []


def test_a_declined_order_gives_the_points_back_into_the_very_lots(shop: Shop, clock: Clock, owner: Database) -> None:
    shop.give(points=20, expires_at=clock.at + timedelta(days=5))
    shop.give(points=40, expires_at=clock.at + timedelta(days=9))
    before = shop.lots()
    order = shop.buy(points=30, method=DECLINED)
    assert (order.status, order.points_earned, order.available) == ("failed", 0, 60)
    assert shop.lots() == before
    assert shop.lines()[2:] == [("use", -30), ("restore", 30)]
    assert charges(owner) == [(47_000, "declined")]
    assert shop.names(order.order_id) == ["OrderPlaced", "PaymentFailed"]
    found = shop.house.orders.find(order.order_id)
    assert found is not None
    assert (found["status"], found["points_restored"], found["points_earned"]) == ("failed", 30, 0)


def test_points_may_pay_for_all_without_a_card_and_in_one_append(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    order = shop.buy(points=100, price=10_000, method=None)
    assert (order.status, order.cash_due_minor, order.points_earned) == ("paid", 0, 10)
    assert charges(owner) == []
    last = shop.events()[-4:]
    assert sorted(topic for *_, topic in last) == ["Earned.v1", "OrderPaid.v1", "OrderPlaced.v2", "Redeemed.v1"]
    [(transactions,)] = owner.rows(
        "SELECT count(DISTINCT xmin::text) FROM events WHERE position = ANY(%s)", ([n for n, *_ in last],)
    )
    assert transactions == 1


@pytest.mark.parametrize("method", [TIMEOUT, LOST])
def test_an_order_without_an_answer_stays_pending_and_holds_its_points(shop: Shop, method: str) -> None:
    shop.give(points=100)
    order = shop.buy(points=30, method=method)
    assert (order.status, order.points_earned, order.available) == ("pending", 0, 70)
    points = shop.points()
    assert (points["available"], points["held"], points["lifetime"]["earned"]) == (70, 30, 0)
    assert shop.left() == [70]


@pytest.mark.parametrize(
    ("news", "status", "left", "held"), [(Charged("ch_1"), "paid", [70, 50], 0), (Declined("no"), "failed", [100], 0)]
)
def test_a_pending_order_is_settled_once_by_whoever_brings_the_news(
    shop: Shop, news: Charged | Declined, status: str, left: list[int], held: int
) -> None:
    shop.give(points=100)
    order = shop.buy(points=30, method=TIMEOUT)
    settled = shop.house.settle_payment(shop.account(), order.order_id, news)
    assert settled.status == status
    length = len(shop.events())
    for again in (news, Declined("late"), Charged("ch_2")):
        assert shop.house.settle_payment(shop.account(), order.order_id, again).status == status
    assert len(shop.events()) == length
    assert (shop.left(), shop.points()["held"]) == (left, held)


def test_the_same_key_is_the_same_order(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    purchase = shop.purchase(points=30)
    first = shop.house.check_out(purchase)
    length = len(shop.events())
    assert shop.house.check_out(purchase) == first
    assert len(shop.events()) == length
    assert charges(owner) == [(47_000, "charged")]


def test_a_pending_order_sent_again_charges_the_card_no_second_time(shop: Shop, owner: Database) -> None:
    first = shop.buy(points=0, method=TIMEOUT, key="k")
    second = shop.buy(points=0, method=VISA, key="k")
    assert (first.status, second.status, first.order_id) == ("pending", "paid", second.order_id)
    assert charges(owner) == [(50_000, "charged")]


def test_the_same_key_for_another_request_is_refused(shop: Shop) -> None:
    shop.give(points=100)
    shop.buy(points=30, key="k")
    length = len(shop.events())
    assert refusal(lambda: shop.buy(points=40, key="k", fingerprint="another")) == "idempotency_key_reused"
    assert len(shop.events()) == length


@pytest.mark.parametrize(("method", "cash"), [(None, 0), (VISA, 40_000)])
def test_the_same_key_sent_many_times_at_once_is_one_order(
    shop: Shop, neighbour: House, owner: Database, method: str | None, cash: int
) -> None:
    shop.give(points=100)
    purchase = shop.purchase(points=100, price=10_000 + cash, method=method)

    def buy(house: House) -> Callable[[], object]:
        return lambda: house.check_out(purchase).order_id

    assert len(set(at_once([buy(house) for house in [shop.house, neighbour] * 4]))) == 1
    assert [kind for kind, _ in shop.lines()] == ["manual", "use", "earn"]
    assert charges(owner) == ([(cash, "charged")] if cash else [])


def test_two_members_never_mix(shop: Shop) -> None:
    shop.give("ann", 100)
    shop.give("bob", 7)
    first = shop.buy("ann", 30, key="same key")
    second = shop.buy("bob", 7, key="same key")
    assert first.order_id != second.order_id
    assert (shop.lines("ann"), shop.lines("bob")) == (
        [("manual", 100), ("use", -30), ("earn", 50)],
        [("manual", 7), ("use", -7), ("earn", 50)],
    )
    assert shop.house.check_out.outcome(second.order_id) == second
    assert shop.house.check_out.outcome(shop.account("bob")) is None
    assert refusal(lambda: shop.buy("bob", 51)) == "insufficient_points"


def test_a_total_that_the_client_did_not_expect_is_refused(shop: Shop) -> None:
    purchase = Purchase("ann", "k", "f", shop.items(), 0, VISA, expected_total_minor=49_999)
    assert refusal(lambda: shop.house.check_out(purchase)) == "total_changed"
    assert shop.events() == []


def test_an_order_is_quoted_as_it_is_then_charged(shop: Shop, owner: Database) -> None:
    shop.give(points=700)
    items = shop.items(33_333)
    before = snapshot_of_tables(owner)
    quote = shop.house.check_out.quote("ann", items, 30)
    assert snapshot_of_tables(owner) == before
    assert (quote.points_available, quote.points_usable, quote.points_to_use) == (700, 333, 30)
    order = shop.buy(points=30, price=33_333)
    assert (quote.total_minor, quote.cash_due_minor, quote.points_to_earn, quote.currency) == (
        order.total_minor,
        order.cash_due_minor,
        order.points_earned,
        order.currency,
    )


def test_a_quote_of_somebody_never_seen_writes_nothing(shop: Shop, owner: Database) -> None:
    items = shop.items()
    before = snapshot_of_tables(owner)
    quote = shop.house.check_out.quote("stranger", items, 0)
    assert (quote.points_available, quote.points_usable) == (0, 0)
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize(
    ("points", "price", "code"),
    [
        (501, 50_000, "points_exceed_total"),
        (201, 100_000, "insufficient_points"),
        (51, 10_000_000, "points_above_maximum"),
        (9, 50_000, "points_below_minimum"),
        (-1, 50_000, "invalid_request"),
    ],
)
def test_what_checkout_refuses_a_quote_refuses_and_neither_writes(
    shop: Shop, owner: Database, points: int, price: int, code: str
) -> None:
    shop.house.change_rules(Rule(max_redeem_per_order=50, min_redeem_per_order=10), None, "root")
    shop.give(points=200)
    purchase = shop.purchase(points=points, price=price)
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.check_out.quote("ann", purchase.items, points)) == code
    assert refusal(lambda: shop.house.check_out(purchase)) == code
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize("items", [((404_404, 1),), ((-1, 1),), ((2**70, 1),)])
def test_a_product_that_is_not_sold_is_refused_by_both(
    shop: Shop, owner: Database, items: tuple[tuple[int, int], ...]
) -> None:
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.check_out.quote("ann", items, 0)) == "unknown_product"
    assert refusal(lambda: shop.house.check_out(Purchase("ann", "k", "f", items, 0, VISA))) == "unknown_product"
    assert snapshot_of_tables(owner) == before


def test_cash_that_is_due_needs_a_payment_method(shop: Shop, owner: Database) -> None:
    purchase = shop.purchase(method=None)
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.check_out(purchase)) == "invalid_request"
    assert snapshot_of_tables(owner) == before


def test_pending_days_hold_back_what_an_order_earned(shop: Shop, clock: Clock) -> None:
    shop.house.change_rules(Rule(pending_days=7), None, "root")
    shop.buy()
    assert (shop.points()["available"], shop.points()["pending"]) == (0, 50)
    clock.move(days=7)
    assert (shop.points()["available"], shop.points()["pending"]) == (50, 0)
