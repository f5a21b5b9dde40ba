"""Recovery on the real stack: it asks until the gateway knows, and settles nothing by a guess or by waiting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from app.config import Settings
from app.database import Database
from app.payments.sandbox import SandboxGateway
from app.usecases.hear_from_gateway import GatewayNews
from app.usecases.payment_gateway import Absent, Bill, Charged, Declined, Unknown
from app.usecases.recover_payments import FIRST_PAUSE, LONGEST_PAUSE
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.shop import LOST, TIMEOUT, VISA, Shop
from tests.support.tables import snapshot_of_tables

ALL = {"is_all": True}


class SilentGateway(SandboxGateway):
    """The sandbox on a line that can be cut: nothing is heard of it, whatever it did."""

    is_silent = False
    asked = 0

    def outcome(self, bill: Bill) -> Charged | Declined | Absent | Unknown:
        self.asked += 1
        return Unknown("no route to host") if self.is_silent else super().outcome(bill)

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        news = super().charge(bill, payment_method)
        return Unknown("no route to host") if self.is_silent else news


@pytest.fixture
def gateway(settings: Settings) -> SilentGateway:
    assert settings.database_url
    return SilentGateway(settings.database_url)


@pytest.fixture
def shop(settings: Settings, clock: Clock, gateway: SilentGateway) -> Iterator[Shop]:
    """A shop whose gateway can fall silent."""
    house = build(settings, clock=clock, gateway=gateway)
    yield Shop(house)
    house.close()


def status(shop: Shop, order_id: object) -> str:
    """An order's status, as its page says."""
    found = shop.house.orders.find(order_id)  # type: ignore[arg-type]
    assert found is not None
    return str(found["status"])


def reviews(house: House) -> list[tuple[object, str]]:
    """Order and reason of what is up for review."""
    return [(item["order_id"], item["reason"]) for item in house.unsettled.reviews(house.clock(), 100).items]


def test_a_charge_that_happened_makes_the_order_paid(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    order = shop.buy(points=30, method=TIMEOUT)
    recovery = shop.house.recover_payments(is_all=True)
    assert (recovery.settled, recovery.waiting, recovery.failures) == ({"paid": 1}, 0, [])
    assert status(shop, order.order_id) == "paid"
    assert (shop.left(), shop.points()["held"]) == ([70, 50], 0)
    assert owner.rows("SELECT count(*) FROM recoveries") == [(0,)]
    assert shop.differences() == []


def test_a_charge_that_never_happened_is_made_impossible_and_the_points_come_back(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    purchase = shop.purchase(points=30, method=LOST, key="k")
    order = shop.house.check_out(purchase)
    assert shop.house.recover_payments(is_all=True).settled == {"failed": 1}
    assert (shop.left(), shop.points()["held"]) == ([100], 0)
    assert owner.rows("SELECT outcome FROM sandbox_charges") == [("voided",)]
    # The request that was thought lost arrives after all.
    late = shop.house.gateway.charge(Bill(order.order_id, 47_000, "INR", order.created_at), VISA)
    assert late == Declined("voided")
    assert shop.house.check_out(replace(purchase, payment_method=VISA)).status == "failed"


def test_an_order_is_left_to_the_request_that_placed_it_at_first(
    shop: Shop, gateway: SilentGateway, clock: Clock
) -> None:
    shop.buy(method=TIMEOUT)
    assert shop.house.recover_payments().settled == {}
    clock.move(seconds=89)
    assert shop.house.recover_payments().settled == {}
    assert gateway.asked == 0
    clock.move(seconds=1)
    assert shop.house.recover_payments().settled == {"paid": 1}


def test_as_long_as_nobody_knows_the_order_stays_as_it_is_and_is_asked_about_ever_more_rarely(
    shop: Shop, gateway: SilentGateway, clock: Clock, owner: Database
) -> None:
    shop.give(points=100)
    gateway.is_silent = True
    order = shop.buy(points=30)
    pauses = []
    for _ in range(12):
        clock.move(hours=2)
        assert shop.house.recover_payments().waiting == 1
        assert shop.house.recover_payments().waiting == 0, "asked again at once"
        ((next_at,),) = owner.rows("SELECT next_at FROM recoveries")
        pauses.append(next_at - clock.at)
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    assert pauses == sorted(pauses)
    assert (status(shop, order.order_id), shop.available(), shop.points()["held"]) == ("pending", 70, 30)


def test_after_72_hours_it_is_up_for_review_and_still_as_it_was_until_the_gateway_knows(
    shop: Shop, gateway: SilentGateway, clock: Clock
) -> None:
    shop.give(points=100)
    gateway.is_silent = True
    order = shop.buy(points=30)
    clock.move(hours=72, microseconds=-1)
    shop.house.recover_payments()
    assert reviews(shop.house) == []
    assert shop.house.unsettled.counts(clock.at) == (1, 0)
    clock.move(microseconds=1)
    assert reviews(shop.house) == [(order.order_id, "nobody has known for 72 hours")]
    assert shop.house.unsettled.counts(clock.at) == (1, 1)
    clock.move(days=300)
    shop.house.recover_payments()
    assert (status(shop, order.order_id), shop.points()["held"]) == ("pending", 30)
    gateway.is_silent = False
    assert shop.house.recover_payments(is_all=True).settled == {"paid": 1}
    assert reviews(shop.house) == []
    assert shop.house.unsettled.counts(clock.at) == (0, 0)


def test_one_order_that_fails_stops_no_other(
    shop: Shop, gateway: SilentGateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [shop.buy(user, method=TIMEOUT).order_id for user in ("ann", "bob", "cem")]
    broken = sorted(orders)[1]
    asks = gateway.outcome

    def ask(bill: Bill) -> Charged | Declined | Absent | Unknown:
        if bill.order_id == broken:
            raise RuntimeError("no luck")
        return asks(bill)

    monkeypatch.setattr(gateway, "outcome", ask)
    recovery = shop.house.recover_payments(is_all=True)
    assert (recovery.settled, recovery.failures) == ({"paid": 2}, [(broken, "RuntimeError: no luck")])
    assert status(shop, broken) == "pending"


def test_more_orders_than_one_batch_are_all_asked_about(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.usecases.recover_payments.BATCH", 2)
    for user in "abcde":
        shop.buy(user, method=TIMEOUT)
    assert shop.house.recover_payments(is_all=True).settled == {"paid": 5}


def test_a_second_run_finds_nothing_and_writes_nothing(shop: Shop, owner: Database) -> None:
    shop.buy(method=TIMEOUT)
    shop.house.recover_payments(is_all=True)
    before = snapshot_of_tables(owner)
    assert shop.house.recover_payments(is_all=True).settled == {}
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize(("amount", "currency"), [(46_999, "INR"), (47_000, "USD")])
def test_news_of_another_amount_or_currency_is_for_review_and_never_makes_an_order_paid(
    shop: Shop, amount: int, currency: str
) -> None:
    shop.give(points=100)
    order = shop.buy(points=30, method=LOST)
    news = GatewayNews("charged", order.order_id, "ch_x", amount, currency)
    length = len(shop.events())
    assert shop.house.hear_from_gateway(news) == "review"
    assert (status(shop, order.order_id), len(shop.events())) == ("pending", length)
    assert reviews(shop.house) == [(order.order_id, f"charged {amount} {currency}, not what the order owes")]
    shop.house.recover_payments(is_all=True)
    assert len(reviews(shop.house)) == 1, "a contradiction stays until a person has looked"
    assert shop.house.recoveries.clear(order.order_id)
    assert reviews(shop.house) == []
    assert not shop.house.recoveries.clear(order.order_id)


def test_a_nudge_about_a_pending_order_asks_the_gateway_and_about_another_nobody(
    shop: Shop, gateway: SilentGateway, clock: Clock
) -> None:
    order = shop.buy(method=TIMEOUT)
    nudge = GatewayNews("ask", order.order_id, "ch", 0, "INR")
    assert shop.house.hear_from_gateway(nudge) == "asked"
    assert status(shop, order.order_id) == "paid"
    assert shop.house.hear_from_gateway(nudge) == "known"
    assert gateway.asked == 1
    for stranger in (uuid4(), shop.account()):
        assert shop.house.hear_from_gateway(GatewayNews("charged", stranger, "ch", 1, "INR")) == "unknown_order"
    clock.move(seconds=timedelta(days=1).total_seconds())
    assert shop.house.recover_payments().settled == {}
