"""The order: pending, then paid or failed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

import pytest

from app.domain.order import Order, order_id, total_of
from app.domain.order_events import Line, OrderPaid, PaymentFailed
from app.domain.rules import Rule
from tests.domain.samples import DAY, NOW, lot, placed
from tests.support.given import ID, given

LATER = NOW + DAY
PAID = OrderPaid(at=LATER, charge_id="ch_1", cash_minor=47_000, points_earned=50, lot=lot(2, 50))
FAILED = PaymentFailed(at=LATER, reason="card_declined", points_restored=30)


def pay(order: Order) -> None:
    order.pay(LATER, "ch_1", lot(2, 50))


def fail(order: Order) -> None:
    order.fail(LATER, "card_declined")


def test_an_order_is_placed_pending() -> None:
    order = Order.place(ID, placed())
    assert [recorded.event for recorded in order.collect_events()] == [placed()]
    assert (order.status, order.points_earned, order.points_restored) == ("pending", 0, 0)


def test_a_paid_order_remembers_its_charge_and_the_lot_that_it_earned() -> None:
    order = given(Order, placed()).when(pay).then(PAID)
    assert (order.status, order.charge_id, order.lot) == ("paid", "ch_1", lot(2, 50))


def test_a_failed_order_gives_back_the_points_that_it_took_and_earns_nothing() -> None:
    order = given(Order, placed()).when(fail).then(FAILED)
    assert (order.status, order.points_restored, order.points_earned, order.lot) == ("failed", 30, 0, None)


# -- the invariants of the docstring, each by its name


def test_cash_due_is_the_total_less_the_points_at_their_value_and_never_below_nothing() -> None:
    terms = placed()
    assert Rule().cash_due(terms.total_minor, terms.points_used) == terms.cash_due_minor == 47_000
    with pytest.raises(AssertionError):
        Order.place(ID, placed(cash_due_minor=-1))
    assert Order.place(ID, placed(cash_due_minor=0)).placed.cash_due_minor == 0


def test_an_order_takes_the_points_that_it_says() -> None:
    with pytest.raises(AssertionError):
        Order.place(ID, placed(points_used=31))


@pytest.mark.parametrize("again", [pay, fail])
@pytest.mark.parametrize(("settled", "status"), [(PAID, "paid"), (FAILED, "failed")])
def test_an_order_is_paid_or_failed_once(
    settled: OrderPaid | PaymentFailed, status: str, again: Callable[[Order], None]
) -> None:
    given(Order, placed(), settled).when(again).then_refused("order_not_pending", order_status=status)


def test_an_order_earns_what_was_promised_when_it_was_placed() -> None:
    order = given(Order, placed(points_promised=7)).when(pay).aggregate
    assert order.points_earned == 7


# -- its id and its total


def test_one_member_and_one_key_make_one_order_id() -> None:
    member, other = uuid4(), uuid4()
    assert order_id(member, "k") == order_id(member, "k")
    assert len({order_id(member, "k"), order_id(member, "K"), order_id(other, "k")}) == 3


def test_a_total_is_the_sum_of_quantities_at_their_prices() -> None:
    lines = [
        Line(product_id=n, name="", quantity=quantity, unit_price_minor=price)
        for n, (quantity, price) in enumerate([(3, 1999), (1, 0), (2, 50_000)])
    ]
    assert total_of(lines) == 3 * 1999 + 2 * 50_000
