"""What if, worked out by hand: one small history and one changed term at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.audit.backtest import Figures
from app.domain.rules import Rule
from app.wiring import House
from tests.audit.what_ifs import NOTHING, changed, differing, named, what_if
from tests.support.clock import Clock
from tests.support.imports import bought, brought, import_orders
from tests.support.refunds import refund
from tests.support.shop import DAY, DECLINED, TIMEOUT, VISA, Shop


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)


def test_a_small_history_worked_out_by_hand(shop: Shop, clock: Clock) -> None:
    """₹500.00 with 30 of 100 points; half of it is refunded. Under the proposal 20 points pay ₹40.00 of it."""
    shop.give("ann", 100)
    order = shop.buy("ann", 30)
    rule = Rule(earn_points=2, earn_on="cash", point_value=200, max_redeem_per_order=20)
    outcome = what_if(shop, rule)
    assert (outcome.orders, outcome.orders_affected) == (1, 1)
    assert outcome.real == Figures(
        issued=150, earned=50, redeemed=30, adjusted=100, outstanding=120, liability=120 * 100
    )
    assert outcome.proposed == Figures(
        issued=192, earned=2 * 46, redeemed=20, adjusted=100, outstanding=172, liability=172 * 200
    )
    refund(shop, order.order_id, 25_000)
    outcome = what_if(shop, rule)
    assert (outcome.real.restored, outcome.real.revoked, outcome.real.outstanding) == (15, 25, 110)
    assert (outcome.proposed.restored, outcome.proposed.revoked, outcome.proposed.outstanding) == (10, 46, 136)
    assert named(outcome) == [("ann", 110, 136, 26)]


def test_twice_the_points_earn_twice_where_no_cap_bites(shop: Shop) -> None:
    for price in (10_000, 33_333, 50_000, 0):
        shop.buy("ann", price=price, method=VISA)
    outcome = changed(shop, earn_points=2)
    assert (outcome.real.earned, outcome.proposed.earned) == (10 + 33 + 50, 2 * (10 + 33 + 50))
    assert outcome.orders_affected == 3, "what earned nothing earns twice as much"
    assert changed(shop, earn_points=2, max_earn_per_order=50).proposed.earned == 20 + 50 + 50


def test_points_that_would_not_have_been_earned_cannot_be_spent_later(shop: Shop) -> None:
    shop.buy("ann")  # earns 50
    shop.buy("ann", 50)
    outcome = changed(shop, earn_points=0)
    assert (outcome.proposed.redeemed, outcome.proposed.outstanding, outcome.orders_affected) == (0, 0, 2)
    outcome = changed(shop, earn_per_amount=2_500)  # earns 20
    assert (outcome.proposed.redeemed, outcome.proposed.outstanding) == (20, 20)


def test_points_that_are_not_ripe_cannot_be_spent(shop: Shop, clock: Clock) -> None:
    shop.buy("ann")
    clock.move(days=3)
    shop.buy("ann", 50)
    assert changed(shop, pending_days=3).difference == NOTHING
    assert changed(shop, pending_days=4).proposed.redeemed == 0


@pytest.mark.parametrize(
    ("fields", "used"),
    [
        ({"max_redeem_per_order": 30}, 30),
        ({"max_redeem_per_order": 29}, 29),
        ({"max_redeem_per_order": 0}, 0),
        ({"min_redeem_per_order": 30}, 30),
        ({"min_redeem_per_order": 31}, 0),
        ({"point_value": 50_000}, 1),
        ({"point_value": 50_000, "min_redeem_per_order": 2}, 0),
    ],
)
def test_an_order_takes_what_the_proposal_allows_and_nothing_below_its_minimum(
    shop: Shop, fields: dict[str, int], used: int
) -> None:
    shop.give("ann", 100)
    shop.buy("ann", 30)
    assert changed(shop, **fields).proposed.redeemed == used


def test_a_shorter_life_lets_points_lapse_at_their_own_instant(shop: Shop, clock: Clock) -> None:
    """Earned on 15 January (of the programme): a month later, at the end of 15 February in Kolkata, they are gone."""
    shop.buy("ann")  # 50
    clock.at = datetime.fromisoformat("2026-02-15T18:29:59Z")
    shop.buy("bob", price=10_000)
    assert changed(shop, expiry_months=1).difference == NOTHING
    clock.move(seconds=1)
    outcome = changed(shop, expiry_months=1)
    assert differing(outcome) == {"expired": 50, "outstanding": -50, "liability": -5_000}
    assert named(outcome) == [("ann", 50, 0, -50)]
    shop.buy("ann", 30)  # under the proposal there is nothing left to spend
    outcome = changed(shop, expiry_months=1)
    assert (outcome.proposed.redeemed, outcome.proposed.outstanding) == (0, 10 + 50)


def test_a_longer_life_keeps_what_was_swept(shop: Shop, clock: Clock) -> None:
    shop.buy("ann")
    clock.move(days=400)
    assert shop.house.expire_points().points == 50
    assert differing(changed(shop, expiry_months=24)) == {"expired": -50, "outstanding": 50, "liability": 5_000}


def test_a_correction_takes_no_more_than_there_would_be(shop: Shop) -> None:
    shop.buy("ann")
    shop.give("ann", -40)
    assert changed(shop, earn_points=0).proposed == Figures()
    fewer = changed(shop, earn_per_amount=2_000).proposed
    assert (fewer.earned, fewer.adjusted, fewer.outstanding) == (25, -25, 0)


def test_a_grant_keeps_its_own_expiry_whatever_the_proposal_says(shop: Shop, clock: Clock) -> None:
    shop.give("ann", 100)
    shop.give("ann", 100, clock.at + 40 * DAY)
    clock.move(days=50)
    assert changed(shop, expiry_months=1).difference == NOTHING


def test_a_grant_that_went_to_debt_lives_as_long_as_grants_did_then_where_there_is_none(
    shop: Shop, clock: Clock
) -> None:
    order = shop.buy("ann")  # 50
    shop.buy("ann", 50, price=5_000, method=None)  # spent; earns 5
    refund(shop, order.order_id)  # 45 of debt
    shop.give("ann", 20)
    real = changed(shop).real
    assert (real.debt, real.outstanding) == (25, 0)
    outcome = changed(shop, earn_points=0)
    assert (outcome.proposed.debt, outcome.proposed.outstanding) == (0, 20)
    clock.move(days=364)
    assert changed(shop, earn_points=0).proposed.outstanding == 20
    clock.move(days=2)
    assert changed(shop, earn_points=0).proposed.outstanding == 0


def test_a_refund_that_finds_less_becomes_debt(shop: Shop) -> None:
    first = shop.buy("ann")  # 50, or 100
    shop.give("ann", 10)
    shop.buy("ann", 60, price=6_000, method=None)
    refund(shop, first.order_id)
    outcome = changed(shop, max_redeem_per_order=60)
    assert (outcome.real.debt, outcome.proposed.debt) == (44, 44)
    assert changed(shop, earn_points=2).proposed.debt == 100 - (110 - 60) - 12


def test_an_order_that_points_had_paid_for_may_owe_cash_and_is_refunded_all_the_same(shop: Shop) -> None:
    shop.give("ann", 100)
    order = shop.buy("ann", 100, price=10_000, method=None)
    refund(shop, order.order_id, 5_000)
    outcome = changed(shop, max_redeem_per_order=40, earn_on="cash")
    assert (outcome.real.redeemed, outcome.real.restored, outcome.real.earned) == (100, 50, 10)
    assert (outcome.proposed.redeemed, outcome.proposed.restored, outcome.proposed.earned) == (40, 20, 6)


def test_a_failed_order_gives_back_what_it_would_have_taken(shop: Shop) -> None:
    shop.give("ann", 100)
    shop.buy("ann", 30, method=DECLINED)
    outcome = changed(shop, max_redeem_per_order=20)
    assert (outcome.proposed.redeemed, outcome.proposed.restored, outcome.proposed.outstanding) == (20, 20, 100)


def test_a_pending_order_holds_what_it_would_have_taken(shop: Shop) -> None:
    shop.give("ann", 100)
    shop.buy("ann", 30, method=TIMEOUT)
    outcome = changed(shop, max_redeem_per_order=20, earn_points=9)
    assert (outcome.proposed.redeemed, outcome.proposed.outstanding, outcome.proposed.earned) == (20, 80, 0)


def test_a_restored_lot_lives_as_long_as_the_proposals_grace(shop: Shop, clock: Clock) -> None:
    shop.give("ann", 50, clock.at + 10 * DAY)
    order = shop.buy("ann", 50, price=10_000)
    clock.move(days=20)
    refund(shop, order.order_id)
    clock.move(days=5)
    assert changed(shop, restore_grace_days=4).proposed.outstanding == 0
    assert changed(shop, restore_grace_days=6).proposed.outstanding == 50


def test_what_lapsed_is_not_taken_back_once_another_refund_swept_it(shop: Shop, clock: Clock) -> None:
    old = shop.buy("ann")  # 50, which lapse in a month under the proposal
    clock.move(days=40)
    new = shop.buy("ann")  # 50
    shop.buy("ann", 50, price=5_000, method=None)  # spends those; earns 5
    refund(shop, new.order_id)  # 45 of debt, which leaves nothing unswept beside it
    refund(shop, old.order_id)
    proposed = changed(shop, expiry_months=1).proposed
    assert (proposed.expired, proposed.revoked, proposed.debt, proposed.outstanding) == (50, 50, 45, 0)


def test_orders_before_since_go_by_the_rule_that_they_went_by(shop: Shop, clock: Clock) -> None:
    shop.buy("ann")
    old = shop.buy("ann", 10)
    clock.move(days=1)
    since = clock.at
    shop.buy("ann")
    outcome = changed(shop, since=since, earn_points=3, max_redeem_per_order=5)
    assert (outcome.orders, outcome.orders_affected) == (1, 1)
    assert (outcome.real.earned, outcome.proposed.earned) == (150, 250)
    assert (outcome.since, outcome.proposed.redeemed) == (since, 10)
    refund(shop, old.order_id)
    assert differing(changed(shop, since=since, earn_points=3)) == {
        "issued": 100, "earned": 100, "outstanding": 100, "liability": 10_000,
    }  # fmt: skip
    assert changed(shop, since=since + timedelta(microseconds=1), earn_points=3).difference == NOTHING


def test_orders_under_other_rules_than_todays_are_compared_with_what_they_did(shop: Shop) -> None:
    shop.buy("ann")
    shop.house.change_rules(Rule(earn_points=3), None, "root")
    shop.buy("ann")
    outcome = what_if(shop, Rule(earn_points=2))
    assert (outcome.real.earned, outcome.proposed.earned) == (50 + 150, 100 + 100)
    assert (outcome.orders_affected, outcome.difference) == (2, NOTHING)


def test_what_was_imported_earns_as_of_when_it_was_paid(shop: Shop, clock: Clock) -> None:
    old, recent = clock.at - 300 * DAY, clock.at - 10 * DAY
    import_orders(shop.house, bought("ann", "S-1", old, 50_000), bought("ann", "S-2", recent, 50_000))
    shop.house.import_accounts([(1, brought("ann", 40))], "root")
    outcome = changed(shop, earn_points=2, expiry_months=6)
    assert (outcome.proposed.earned, outcome.proposed.expired, outcome.proposed.outstanding) == (200, 100, 140)
