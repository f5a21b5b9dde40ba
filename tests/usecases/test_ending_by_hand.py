"""Where the gateway cannot help: it is another now, its books are wrong, or it never answers. Then a person decides."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.config import Settings
from app.database import Database
from app.payments.sandbox import SandboxGateway
from app.usecases.hear_from_gateway import GatewayNews
from app.usecases.payment_gateway import Refunded, RefundRefused
from app.usecases.refund_order import RefundWanted
from app.usecases.settle_refund import RefundOutcome
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.shop import LOST, TIMEOUT, VISA, Shop, refusal

REFUND_TIMEOUT = "pm_sandbox_refund_timeout"


class OtherGateway(SandboxGateway):
    """Another company, whose books are its own."""

    name = "other"


@pytest.fixture
def switched(settings: Settings, clock: Clock) -> Iterator[House]:
    """The same shop after it went to another gateway."""
    assert settings.database_url
    built = build(settings, clock=clock, gateway=OtherGateway(settings.database_url))
    yield built
    built.close()


def refund(shop: Shop, order_id: object, amount: int | None = None) -> RefundOutcome:
    """The admin refunds."""
    return shop.house.refund_order(RefundWanted(order_id, amount, "A dent.", "root", shop.key()))  # type: ignore[arg-type]


def status(house: House, order_id: object) -> str:
    """An order's status."""
    found = house.orders.find(order_id)  # type: ignore[arg-type]
    assert found is not None
    return str(found["status"])


def reviews(house: House) -> list[object]:
    """The orders up for review."""
    return [item["order_id"] for item in house.unsettled.reviews(house.clock(), 100).items]


def test_an_order_charged_at_one_gateway_is_not_settled_by_the_word_of_another(
    shop: Shop, switched: House, owner: Database
) -> None:
    shop.give(points=100)
    order = shop.buy(points=30, method=TIMEOUT, key="k")
    owner.execute("DELETE FROM sandbox_charges")  # the other one's books know nothing of it
    assert switched.recover_payments(is_all=True).waiting == 1
    assert switched.check_out(shop.purchase(points=30, method=VISA, key="k")).status == "pending"
    assert owner.rows("SELECT count(*) FROM sandbox_charges") == [(0,)], "nothing was voided or charged there"
    assert (status(switched, order.order_id), reviews(switched)) == ("pending", [order.order_id])
    assert switched.recover_payments.give_up(order.order_id) is None
    assert switched.recover_payments.give_up(order.order_id, by_hand=True) == "failed"
    assert shop.available() == 100


def test_what_one_gateway_took_another_does_not_give_back(shop: Shop, switched: House) -> None:
    paid, free = shop.buy(), None
    shop.give(points=100)
    free = shop.buy(points=100, price=10_000, method=None)
    wanted = RefundWanted(paid.order_id, None, "A dent.", "root", "r")
    assert refusal(lambda: switched.refund_order(wanted)) == "order_not_refundable"
    assert switched.refund_order(RefundWanted(free.order_id, None, "A dent.", "root", "r")).status == "refunded"
    assert switched.reconcile(Clock().move(days=-9000)).orders == 0


def test_a_charge_of_a_wrong_amount_is_ended_by_a_person_who_gave_the_money_back(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    order = shop.buy(points=100, method=TIMEOUT)
    owner.execute("UPDATE sandbox_charges SET amount_minor = 1")
    assert shop.house.recover_payments(is_all=True).waiting == 1
    assert shop.house.recover_payments.give_up(order.order_id) is None
    assert shop.house.recover_payments.give_up(order.order_id, by_hand=True) == "failed"
    assert (shop.available(), shop.points()["held"]) == (100, 0)
    assert shop.differences() == []


def test_a_persons_word_counts_only_where_the_gateway_does_not_know(shop: Shop) -> None:
    charged, lost = shop.buy(method=TIMEOUT), shop.buy(method=LOST)
    assert shop.house.recover_payments.give_up(charged.order_id, by_hand=True) == "paid"
    assert shop.house.recover_payments.give_up(lost.order_id, by_hand=True) == "failed"
    for settled in (charged, lost):
        assert refusal(lambda o=settled: shop.house.recover_payments.give_up(o.order_id)) == "order_not_pending"  # type: ignore[misc]


def test_a_refund_that_nobody_will_ever_know_of_is_ended_by_a_person_and_the_next_one_may_follow(
    shop: Shop, switched: House
) -> None:
    order = shop.buy(method=REFUND_TIMEOUT)
    assert refund(shop, order.order_id, 10_000).status == "pending"
    assert switched.recover_payments(is_all=True).waiting == 1
    assert switched.recover_payments.give_up(order.order_id) is None
    assert switched.recover_payments.give_up(order.order_id, by_hand=True) == "failed"
    assert (status(shop.house, order.order_id), shop.lines()) == ("paid", [("earn", 50)])
    assert refusal(lambda: shop.house.recover_payments.give_up(order.order_id)) == "order_not_pending"
    assert refund(shop, order.order_id, 5_000).status == "pending", "asked of the gateway anew"


@pytest.mark.parametrize(
    ("first", "then"),
    [(Refunded("re_1"), RefundRefused("no")), (RefundRefused("no"), Refunded("re_1"))],
    ids=["made, then refused", "refused, then made"],
)
def test_news_of_a_refund_that_contradicts_what_stands_goes_to_a_person(
    shop: Shop, first: Refunded | RefundRefused, then: Refunded | RefundRefused
) -> None:
    order = shop.buy(method=REFUND_TIMEOUT)
    refund_id = refund(shop, order.order_id).refund_id
    settle = shop.house.settle_refund
    stands = settle(shop.account(), order.order_id, refund_id, first)
    assert settle(shop.account(), order.order_id, refund_id, first) == stands
    assert reviews(shop.house) == []
    assert settle(shop.account(), order.order_id, refund_id, then) == stands
    assert reviews(shop.house) == [order.order_id]
    assert shop.differences() == []


def test_a_refund_that_failed_after_it_was_made_goes_to_a_person_though_another_is_pending(shop: Shop) -> None:
    order = shop.buy(method=REFUND_TIMEOUT)
    made = refund(shop, order.order_id, 10_000)
    shop.house.recover_payments(is_all=True)
    pending = refund(shop, order.order_id, 10_000)
    assert pending.status == "pending"
    news = GatewayNews("refund_failed", order.order_id, "ch", 10_000, "INR", refund_id=made.refund_id)
    assert shop.house.hear_from_gateway(news) == "review"
    assert reviews(shop.house) == [order.order_id]
    about_the_other = GatewayNews("refund_failed", order.order_id, "ch", 10_000, "INR", refund_id=pending.refund_id)
    assert shop.house.hear_from_gateway(about_the_other) == "asked"


def test_how_often_was_asked_about_a_charge_is_nothing_to_a_refund_of_its_order(shop: Shop, clock: Clock) -> None:
    order = shop.buy(method=REFUND_TIMEOUT)
    for _ in range(9):
        shop.house.recoveries.asked(order.order_id, order.created_at, clock.at, "no route to host")
    clock.move(days=1)
    refund(shop, order.order_id)
    assert shop.house.recover_payments().settled == {}
    clock.move(seconds=90)
    assert shop.house.recover_payments().settled == {"refunded": 1}
