"""Refunds on the real stack: what is refused, what the gateway refuses or leaves open, and each of them once."""

from __future__ import annotations

from functools import partial
from uuid import uuid4

import pytest

from app.database import Database
from app.domain.order import order_id
from app.usecases.import_orders import PastOrder
from app.usecases.refund_order import RefundWanted
from app.usecases.settle_payment import OrderOutcome
from app.wiring import House
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.refunds import REFUND_REFUSED, REFUND_TIMEOUT, given_back, order_row, refund
from tests.support.shop import DAY, DECLINED, LOST, TIMEOUT, Shop, at_once, refusal
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def order(shop: Shop) -> OrderOutcome:
    """₹500.00, paid with 30 of ann's 100 points and ₹470.00 by card, which earned 50."""
    shop.give(points=100)
    return shop.buy(points=30)


def assert_refused(shop: Shop, owner: Database, order: OrderOutcome, amount: int | None, code: str) -> None:
    before = snapshot_of_tables(owner)
    assert refusal(lambda: refund(shop, order.order_id, amount)) == code
    assert snapshot_of_tables(owner) == before


def test_a_whole_refund_gives_back_the_cash_and_the_points_and_takes_back_what_was_earned(
    shop: Shop, owner: Database, order: OrderOutcome
) -> None:
    outcome = refund(shop, order.order_id)
    assert (outcome.cash_refunded_minor, outcome.points_restored, outcome.points_revoked) == (47_000, 30, 50)
    assert (outcome.status, outcome.currency, outcome.order_id) == ("refunded", "INR", order.order_id)
    assert given_back(owner, order.order_id) == [47_000]
    assert shop.lines()[3:] == [("restore", 30), ("revoke", -50)]
    assert shop.left() == [100, 0]
    row = order_row(shop, order.order_id)
    assert (row["status"], row["cash_refunded"], row["points_restored"], row["points_revoked"]) == (
        "refunded", 47_000, 30, 50,
    )  # fmt: skip
    assert shop.names(order.order_id)[2:] == ["RefundRequested", "OrderRefunded"]
    assert wrongs(shop.house) == []


def test_an_order_that_points_paid_for_is_refunded_in_one_append_and_asks_no_gateway(
    shop: Shop, owner: Database
) -> None:
    shop.give(points=100)
    order = shop.buy(points=100, price=10_000, method=None)
    length = len(shop.events())
    outcome = refund(shop, order.order_id)
    assert (outcome.cash_refunded_minor, outcome.points_restored, outcome.points_revoked) == (0, 100, 10)
    assert given_back(owner, order.order_id) == []
    written = [position for position, *_ in shop.events()[length:]]
    [(transactions,)] = owner.rows("SELECT count(DISTINCT xmin::text) FROM events WHERE position = ANY(%s)", (written,))
    assert (len(written), transactions) == (4, 1)
    assert wrongs(shop.house) == []


def test_the_reason_and_the_actor_of_a_refund_stand_in_its_events_by_their_ids_alone(
    shop: Shop, order: OrderOutcome, owner: Database
) -> None:
    outcome = refund(shop, order.order_id, actor="iris")
    assert shop.house.directory.reasons_of([outcome.refund_id]) == {outcome.refund_id: "It had a dent."}
    [(state,)] = owner.rows("SELECT state FROM events WHERE topic LIKE 'RefundRequested%%'")
    assert str(outcome.refund_id) in state and str(shop.account("iris")) in state
    assert "dent" not in state and "iris" not in state


# -- refused


@pytest.mark.parametrize("amount", [50_001, 2**63 - 1, 2**80])
def test_more_than_is_left_is_refused(shop: Shop, owner: Database, order: OrderOutcome, amount: int) -> None:
    assert_refused(shop, owner, order, amount, "refund_exceeds_order")
    refund(shop, order.order_id, 49_999)
    assert_refused(shop, owner, order, 2, "refund_exceeds_order")
    assert refund(shop, order.order_id, 1).status == "refunded"


@pytest.mark.parametrize("amount", [0, -1])
def test_less_than_a_paisa_is_refused(shop: Shop, owner: Database, order: OrderOutcome, amount: int) -> None:
    assert_refused(shop, owner, order, amount, "invalid_request")


def test_a_refunded_order_has_nothing_left(shop: Shop, owner: Database, order: OrderOutcome) -> None:
    refund(shop, order.order_id)
    assert_refused(shop, owner, order, None, "order_not_refundable")
    assert_refused(shop, owner, order, 1, "refund_exceeds_order")


@pytest.mark.parametrize("amount", [None, 1, 50_000])
@pytest.mark.parametrize("method", [TIMEOUT, LOST, DECLINED])
def test_an_order_that_is_pending_or_failed_is_not_refunded(
    shop: Shop, owner: Database, method: str, amount: int | None
) -> None:
    shop.give(points=100)
    assert_refused(shop, owner, shop.buy(points=30, method=method), amount, "order_not_refundable")


def test_an_imported_order_is_refunded_where_it_was_paid_and_not_here(
    shop: Shop, owner: Database, clock: Clock
) -> None:
    assert shop.house.import_orders([(1, PastOrder("ann", "S-1", clock.at - 9 * DAY, 50_000))]).imported == 1
    imported = order_id(shop.account(), "import S-1")
    assert order_row(shop, imported)["status"] == "paid"
    before = snapshot_of_tables(owner)
    for amount in (None, 1, 50_000):
        assert refusal(partial(refund, shop, imported, amount)) == "order_not_refundable"
    assert snapshot_of_tables(owner) == before


def test_an_order_that_nobody_knows_is_unknown(shop: Shop, owner: Database, order: OrderOutcome) -> None:
    before = snapshot_of_tables(owner)
    for stranger in (uuid4(), shop.account()):
        assert refusal(partial(refund, shop, stranger)) == "unknown_order"
        assert shop.house.refund_order.outcome(stranger, stranger) is None
    assert snapshot_of_tables(owner) == before


# -- the gateway refuses, or does not answer


def test_a_refund_that_the_gateway_refuses_moves_nothing_and_the_same_key_hears_the_same(
    shop: Shop, owner: Database
) -> None:
    shop.give(points=100)
    order = shop.buy(points=30, method=REFUND_REFUSED)
    left, lines, row = shop.left(), shop.lines(), order_row(shop, order.order_id)
    for key in ("k", "k", "another"):
        assert refusal(partial(refund, shop, order.order_id, key=key)) == "refund_declined"
    assert (shop.left(), shop.lines(), order_row(shop, order.order_id)) == (left, lines, row)
    assert given_back(owner, order.order_id) == []
    assert shop.names(order.order_id)[2:] == ["RefundRequested", "RefundFailed"] * 2
    assert wrongs(shop.house) == []


def test_a_part_that_costs_no_paisa_is_given_back_without_the_gateway(shop: Shop, owner: Database) -> None:
    shop.give(points=100)
    order = shop.buy(points=100, price=10_001, method=REFUND_REFUSED)
    outcome = refund(shop, order.order_id, 5_000)
    assert (outcome.cash_refunded_minor, outcome.points_restored, outcome.status) == (0, 49, "partially_refunded")
    assert refusal(lambda: refund(shop, order.order_id)) == "refund_declined"
    assert order_row(shop, order.order_id)["status"] == "partially_refunded"
    assert given_back(owner, order.order_id) == []


@pytest.fixture
def open_refund(shop: Shop) -> OrderOutcome:
    """An order whose first refund, of ₹100.00 under the key `k`, the gateway made and did not answer."""
    shop.give(points=100)
    order = shop.buy(points=30, method=REFUND_TIMEOUT)
    pending = refund(shop, order.order_id, 10_000, key="k")
    assert (pending.status, pending.cash_refunded_minor, pending.points_restored, pending.points_revoked) == (
        "pending", 0, 0, 0,
    )  # fmt: skip
    return order


def test_a_refund_without_an_answer_moves_no_points_until_it_is_known_and_then_once(
    shop: Shop, neighbour: House, owner: Database, open_refund: OrderOutcome
) -> None:
    assert shop.lines() == [("manual", 100), ("use", -30), ("earn", 50)]
    assert order_row(shop, open_refund.order_id)["status"] == "paid"
    recoveries = at_once([partial(house.recover_payments, is_all=True) for house in [shop.house, neighbour] * 2])
    assert [failure for recovery in recoveries for failure in recovery.failures] == []
    assert shop.lines()[3:] == [("restore", 6), ("revoke", -10)]
    assert given_back(owner, open_refund.order_id) == [9_400]
    length = len(shop.events())
    assert shop.house.recover_payments(is_all=True).settled == {}
    assert len(shop.events()) == length
    assert wrongs(shop.house) == []


def test_the_same_key_asks_again_about_a_refund_without_an_answer_and_gives_it_once(
    shop: Shop, owner: Database, open_refund: OrderOutcome
) -> None:
    known = refund(shop, open_refund.order_id, 10_000, key="k")
    assert (known.status, known.cash_refunded_minor) == ("partially_refunded", 9_400)
    assert refund(shop, open_refund.order_id, 10_000, key="k") == known
    assert shop.house.refund_order.outcome(open_refund.order_id, known.refund_id) == known
    assert given_back(owner, open_refund.order_id) == [9_400]
    assert wrongs(shop.house) == []


def test_one_refund_at_a_time_while_one_is_pending(shop: Shop, owner: Database, open_refund: OrderOutcome) -> None:
    for amount in (1, 40_000, None):
        assert_refused(shop, owner, open_refund, amount, "order_not_refundable")
    shop.house.recover_payments(is_all=True)
    # The gateway does not answer the second one either, but it is asked for.
    assert refund(shop, open_refund.order_id, 10_000).status == "pending"


@pytest.mark.usefixtures("open_refund")
def test_a_pending_refund_is_up_for_review_after_72_hours_and_until_the_gateway_knows(shop: Shop, clock: Clock) -> None:
    clock.move(hours=72, microseconds=-1)
    assert shop.house.unsettled.counts(clock.at) == (1, 0)
    clock.move(microseconds=1)
    assert shop.house.unsettled.counts(clock.at) == (1, 1)
    assert shop.house.recover_payments().settled == {"partially_refunded": 1}
    assert shop.house.unsettled.counts(clock.at) == (0, 0)


@pytest.mark.parametrize("was_asked", [False, True], ids=["its charge was known at once", "its charge was asked about"])
def test_a_refund_of_an_old_order_waits_from_when_it_was_asked_for_and_is_not_up_for_review_at_once(
    shop: Shop, clock: Clock, was_asked: bool
) -> None:
    order = shop.buy(method=REFUND_TIMEOUT)
    if was_asked:  # by recovery, in vain, just before the gateway's reply settled the order
        shop.house.recoveries.asked(order.order_id, order.created_at, clock.at + DAY, "no route to host")
    clock.move(days=30)
    assert refund(shop, order.order_id).status == "pending"
    assert shop.house.unsettled.counts(clock.at) == (1, 0)
    clock.move(hours=72)
    assert shop.house.unsettled.counts(clock.at) == (1, 1)


# -- once


def test_the_same_key_is_the_same_refund_and_another_actors_key_is_another(shop: Shop, order: OrderOutcome) -> None:
    first = refund(shop, order.order_id, 10_000, key="k")
    assert refund(shop, order.order_id, 10_000, key="k") == first
    other = refund(shop, order.order_id, 10_000, key="k", actor="iris")
    assert other.refund_id != first.refund_id
    assert order_row(shop, order.order_id)["cash_refunded"] == 18_800


def test_one_key_from_two_processes_at_once_is_one_refund(
    shop: Shop, neighbour: House, owner: Database, order: OrderOutcome
) -> None:
    wanted = RefundWanted(order.order_id, 10_000, "It had a dent.", "root", "k")
    outcomes = at_once([partial(house.refund_order, wanted) for house in [shop.house, neighbour] * 4])
    assert len({outcome.refund_id for outcome in outcomes}) == 1
    assert {outcome.status for outcome in outcomes} <= {"pending", "partially_refunded"}
    assert given_back(owner, order.order_id) == [9_400]
    assert shop.lines()[3:] == [("restore", 6), ("revoke", -10)]
    assert wrongs(shop.house) == []
