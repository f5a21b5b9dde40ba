"""What a refund does to the points: grace for lapsed lots, taking back from lot after lot, and debt."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from app.domain.rules import Rule
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.refunds import refund
from tests.support.shop import DAY, DECLINED, Shop, refusal


def spend(shop: Shop, points: int, user: str = "ann") -> None:
    """Buy with points alone, so that nothing is charged; the order earns what its total says."""
    shop.buy(user, points, price=points * 100, method=None)


# -- restoring


def test_points_return_to_the_very_lots_that_they_came_from(shop: Shop, clock: Clock) -> None:
    shop.give(points=20, expires_at=clock.at + 5 * DAY)
    shop.give(points=40, expires_at=clock.at + 9 * DAY)
    order = shop.buy(points=30)
    assert shop.left() == [0, 30, 50]
    refund(shop, order.order_id, 16_667)
    assert shop.left() == [0, 40, 34], "what was taken last goes back first"
    refund(shop, order.order_id)
    assert shop.left() == [20, 40, 0]
    assert wrongs(shop.house) == []


def test_what_belongs_to_a_lot_that_lapsed_meanwhile_comes_back_for_the_days_of_grace(shop: Shop, clock: Clock) -> None:
    shop.give(points=20, expires_at=clock.at + 5 * DAY)
    shop.give(points=40)
    order = shop.buy(points=30)
    clock.at = datetime(2026, 1, 25, 20, 0, tzinfo=UTC)  # in Asia/Kolkata it is the 26th
    refund(shop, order.order_id)
    assert shop.left() == [0, 40, 0, 20]
    grace = shop.lots()[-1]
    assert (grace["points"], grace["source"], grace["available_at"]) == (20, "restore", clock.at)
    # 14 days from then, to the end of the day: 9 February in Asia/Kolkata.
    assert grace["expires_at"] == datetime(2026, 2, 9, 18, 30, tzinfo=UTC)
    assert shop.available() == 60
    clock.at = grace["expires_at"]
    assert shop.available() == 40
    assert wrongs(shop.house) == []


def test_the_days_of_grace_are_those_of_the_orders_own_rule_version(shop: Shop, clock: Clock) -> None:
    shop.house.change_rules(Rule(restore_grace_days=3), None, "root")
    shop.give(points=20, expires_at=clock.at + DAY)
    order = shop.buy(points=20)
    clock.move(days=1)
    shop.house.change_rules(Rule(restore_grace_days=300), None, "root")
    refund(shop, order.order_id)
    assert shop.lots()[-1]["expires_at"] == datetime(2026, 1, 19, 18, 30, tzinfo=UTC)


def test_the_unswept_rest_of_a_lapsed_lot_stays_lapsed_when_a_part_of_it_comes_back(shop: Shop, clock: Clock) -> None:
    shop.give(points=100, expires_at=clock.at + DAY)
    order = shop.buy(points=30)
    clock.move(days=1)
    refund(shop, order.order_id)
    assert (shop.left(), shop.available()) == ([70, 0, 30], 30)
    assert shop.house.expire_points().points == 70
    assert (shop.left(), shop.available()) == ([0, 0, 30], 30)
    assert wrongs(shop.house) == []


# -- revoking


def test_what_an_order_earned_is_taken_from_its_own_lot_first(shop: Shop, clock: Clock) -> None:
    shop.give(points=20, expires_at=clock.at + DAY)
    order = shop.buy()
    refund(shop, order.order_id)
    assert shop.left() == [20, 0]
    assert shop.points()["lifetime"]["revoked"] == 50


def test_then_from_pending_lots_and_then_from_the_others_in_burn_order(shop: Shop, clock: Clock) -> None:
    order = shop.buy()  # earns lot 1
    spend(shop, 45)  # leaves 5 of it, earns lot 2: 4
    shop.house.change_rules(Rule(pending_days=9), None, "root")
    shop.buy(price=20_000)  # earns lot 3: 20, pending
    shop.give(points=7, expires_at=clock.at + 2 * DAY)  # lot 4
    shop.give(points=100, expires_at=clock.at + DAY)  # lot 5
    assert shop.left() == [5, 4, 20, 7, 100]
    refund(shop, order.order_id, 16_000)
    assert shop.left() == [0, 4, 9, 7, 100], "16: 5 of its own lot, 11 of the pending one"
    refund(shop, order.order_id, 10_000)
    assert shop.left() == [0, 4, 0, 7, 99], "10: 9 of the pending one, 1 of what lapses first"
    refund(shop, order.order_id)
    assert shop.left() == [0, 4, 0, 7, 75]
    assert shop.points()["debt"] == 0
    assert wrongs(shop.house) == []


def test_what_is_not_there_any_more_becomes_debt_and_the_line_says_so(shop: Shop) -> None:
    order = shop.buy()
    spend(shop, 45)  # leaves 5, earns 4
    refund(shop, order.order_id)
    points = shop.points()
    assert (points["available"], points["debt"], points["lifetime"]["revoked"]) == (0, 41, 50)
    line = shop.feed()[-1]
    assert (line["type"], line["points"], line["debt_added"], line["balance_after"]) == ("revoke", -9, 41, 0)
    assert wrongs(shop.house) == []


def own_lot_of_50_lapsed(shop: Shop, clock: Clock, *, is_swept: bool) -> UUID:
    """An order whose lot of 50 lost 20 to a purchase before it lapsed, and a member with 100 more points."""
    shop.house.change_rules(Rule(expiry_months=1), None, "root")
    order = shop.buy()
    spend(shop, 20)
    shop.house.change_rules(Rule(), None, "root")
    clock.move(days=40)
    shop.give(points=100)
    if is_swept:
        assert shop.house.expire_points().points == 30 + 2
    return order.order_id


def test_points_of_its_own_lot_that_expired_are_not_asked_for_again(shop: Shop, clock: Clock) -> None:
    order = own_lot_of_50_lapsed(shop, clock, is_swept=True)
    outcome = refund(shop, order)
    assert (outcome.cash_refunded_minor, outcome.points_revoked) == (50_000, 20)
    assert shop.left() == [0, 0, 80]
    assert wrongs(shop.house) == []


def test_points_of_its_own_lot_that_lapsed_are_not_asked_for_again_though_no_sweep_took_them(
    shop: Shop, clock: Clock
) -> None:
    order = own_lot_of_50_lapsed(shop, clock, is_swept=False)
    outcome = refund(shop, order)
    assert outcome.points_revoked == 20
    assert shop.left() == [30, 2, 80]
    assert shop.house.expire_points().points == 32
    assert wrongs(shop.house) == []


def test_a_sweep_between_two_parts_changes_nothing_about_what_is_asked_for(shop: Shop, clock: Clock) -> None:
    order = own_lot_of_50_lapsed(shop, clock, is_swept=False)
    assert refund(shop, order, 20_000).points_revoked == 20
    shop.house.expire_points()
    assert refund(shop, order).points_revoked == 0
    assert shop.left() == [0, 0, 80]
    assert wrongs(shop.house) == []


# -- debt


def in_debt(shop: Shop, user: str = "ann") -> int:
    """The member spent what an order earned, and that order was refunded; gives the points owed."""
    order = shop.buy(user, price=200_000)
    shop.buy(user, 200, price=20_050)
    refund(shop, order.order_id)
    debt: int = shop.points(user)["debt"]
    assert (debt, shop.available(user)) == (180, 0)
    return debt


def test_debt_blocks_redeeming_and_is_repaid_by_the_next_earning(shop: Shop) -> None:
    debt = in_debt(shop)
    assert refusal(lambda: shop.buy(points=1)) == "insufficient_points"
    shop.buy(price=150_000)
    assert (shop.points()["debt"], shop.available()) == (debt - 150, 0)
    line = shop.feed()[-1]
    assert (line["type"], line["points"], line["debt_repaid"], line["balance_after"]) == ("earn", 0, 150, 0)
    assert refusal(lambda: shop.buy(points=1)) == "insufficient_points"
    shop.buy(price=50_000)
    assert (shop.points()["debt"], shop.available()) == (0, 20)
    assert shop.buy(points=20).points_used == 20
    assert wrongs(shop.house) == []


def test_an_adjustment_repays_debt_first_and_none_can_take_from_a_member_in_debt(shop: Shop) -> None:
    debt = in_debt(shop)
    assert refusal(lambda: shop.give(points=-1)) == "insufficient_points"
    shop.give(points=debt + 7)
    assert (shop.points()["debt"], shop.available()) == (0, 7)
    assert shop.feed()[-1]["debt_repaid"] == debt
    assert wrongs(shop.house) == []


def test_a_restore_repays_debt_first(shop: Shop) -> None:
    order = shop.buy(price=200_000)
    other = shop.buy(points=200, price=20_050)
    refund(shop, order.order_id)
    assert shop.points()["debt"] == 180
    refund(shop, other.order_id, 10_025)
    assert [(line["type"], line["points"], line["debt_repaid"]) for line in shop.feed()[-2:]] == [
        ("restore", 0, 100),
        ("revoke", 0, 0),
    ]
    assert shop.feed()[-1]["debt_added"] == 10
    assert shop.points()["debt"] == 90
    refund(shop, other.order_id)
    assert (shop.points()["debt"], shop.available(), shop.points()["lifetime"]["redeemed"]) == (0, 0, 200)
    assert wrongs(shop.house) == []


def test_points_that_a_declined_card_gives_back_repay_debt_too(shop: Shop, clock: Clock) -> None:
    shop.give(points=500)
    order = shop.buy(price=200_000)
    spend(shop, 500)
    held = shop.buy(points=250, price=25_001, method="pm_sandbox_lost")
    assert (held.status, shop.points()["held"], shop.available()) == ("pending", 250, 0)
    refund(shop, order.order_id)
    assert shop.points()["debt"] == 200
    assert shop.house.recover_payments(is_all=True).settled == {"failed": 1}
    assert (shop.points()["debt"], shop.available()) == (0, 50)
    assert wrongs(shop.house) == []


def test_a_declined_order_moves_no_debt_where_it_took_no_points(shop: Shop) -> None:
    debt = in_debt(shop)
    assert shop.buy(method=DECLINED).status == "failed"
    assert shop.points()["debt"] == debt
