"""Explain: the lots sum to what there is, each leads back to where it came from, and every point is somewhere."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from app.audit.explanation import Explanation, TracedLot
from app.audit.history import NOW, Moment
from app.domain.rules import Rule
from app.wiring import House
from tests.audit.lives import USERS, lived
from tests.audit.pasts import DAY
from tests.support.clock import Clock
from tests.support.imports import bought, brought, import_accounts, import_orders
from tests.support.refunds import refund
from tests.support.shop import DECLINED, TIMEOUT, Shop

TOTALS = {
    "earn": "earned",
    "use": "redeemed",
    "restore": "restored",
    "revoke": "revoked",
    "expire": "expired",
    "manual": "adjusted",
}


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


def explained(shop: Shop, user: str = "ann", moment: Moment = NOW) -> Explanation:
    """An account that there is."""
    explanation = shop.house.explanations.of(user, moment)
    assert explanation is not None
    return explanation


def lot(shop: Shop, number: int, user: str = "ann") -> TracedLot:
    """One of the member's lots."""
    return next(lot for lot in explained(shop, user).lots if lot.lot == number)


def moves(of: TracedLot) -> list[tuple[str, int]]:
    """What moved a lot."""
    return [(move.type, move.points) for move in of.movements]


def sum_up(explanation: Explanation) -> Counter[str]:
    """Every total of the lifetime, from lots and debts alone."""
    sums: Counter[str] = Counter()
    for each in explanation.lots:
        sums[each.trace[0].type] += each.points
        for move in each.movements:
            sums[move.type] += move.points
    for change in explanation.debts:
        # What repaid debt was credited all the same; what became debt was revoked.
        sums[change.type] -= change.points
    return sums


@pytest.mark.parametrize("seed", range(12))
def test_what_is_explained_is_what_there_is_for_every_account_of_a_random_history(
    shop: Shop, clock: Clock, seed: int
) -> None:
    explained_lots = 0
    for _ in lived(shop, clock, seed):
        for user in USERS:
            if not shop.house.accounts.account_of(user):
                continue
            explanation, page = explained(shop, user), shop.points(user)
            assert (explanation.available, explanation.pending) == (page["available"], page["pending"])
            assert (explanation.debt, explanation.position) == (page["debt"], page["position"])
            check(explanation, shop.lots(user))
            explained_lots += len(explanation.lots)
    assert explained_lots > 20


def check(explanation: Explanation, lots: list[dict[str, Any]]) -> None:
    """Whether an explanation is sound in itself, and speaks of the lots that there are."""
    assert [(each.lot, each.points, each.remaining) for each in explanation.lots] == [
        (row["lot"], row["points"], row["remaining"]) for row in lots
    ]
    by_state = Counter[str]()
    for each in explanation.lots:
        assert each.points + sum(move.points for move in each.movements) == each.remaining
        assert each.trace[-1].type in ("earn", "manual")
        assert [made.type for made in each.trace[:-1]] == ["restore"] * (len(each.trace) - 1)
        by_state[each.state] += each.remaining
        assert (each.state == "empty") == (each.remaining == 0)
        check_earning(each)
    assert by_state["available"] == explanation.available
    assert by_state["pending"] == explanation.pending
    assert by_state["lapsed"] == explanation.lapsed
    assert by_state.total() == explanation.balance
    assert sum(change.points for change in explanation.debts) == explanation.debt
    sums = sum_up(explanation)
    for kind, total in TOTALS.items():
        sign = -1 if kind in ("use", "revoke", "expire") else 1
        assert sign * sums[kind] == getattr(explanation.lifetime, total), kind


def check_earning(of: TracedLot) -> None:
    """Whether an order's terms give the points that it earned, and its lot what debt left of them."""
    made = of.trace[0]
    if made.earning:
        earning, rule = made.earning, made.earning.rule
        assert earning.points == made.points == min(earning.uncapped, rule.max_earn_per_order)
        assert earning.points == rule.points_to_earn(earning.total, earning.cash_due)
        assert of.points == made.points - made.debt_repaid
    else:
        assert made.type != "earn"


def test_earned_points_lead_to_their_order_and_its_arithmetic(shop: Shop) -> None:
    shop.house.change_rules(Rule(earn_points=3, earn_per_amount=700, earn_on="cash"), None, "root")
    shop.give(points=100)
    order = shop.buy(points=30, price=10_000)
    (made,) = lot(shop, 2).trace
    assert made.earning is not None
    assert (made.order_id, made.points, made.earning.rule_version) == (order.order_id, 30, 2)
    said = made.earning
    assert (said.total, said.cash_due, said.points_used, said.currency) == (10_000, 7_000, 30, "INR")
    assert (said.amount, said.uncapped, said.is_capped) == (7_000, 30, False)
    assert [(item.name, item.quantity, item.unit_price) for item in said.items] == [("Kettle", 1, 10_000)]


def test_a_rule_that_came_later_explains_nothing_before_it(shop: Shop) -> None:
    shop.buy()
    shop.house.change_rules(Rule(earn_points=9), None, "root")
    (made,) = lot(shop, 1).trace
    assert made.earning is not None
    assert (made.earning.rule_version, made.earning.rule) == (1, Rule())


@pytest.mark.parametrize(("price", "uncapped", "is_capped"), [(500_000, 500, False), (501_000, 501, True)])
def test_points_that_the_cap_kept_back_are_said_to_be(shop: Shop, price: int, uncapped: int, is_capped: bool) -> None:
    shop.buy(price=price)
    (made,) = lot(shop, 1).trace
    assert made.earning is not None
    assert (made.earning.uncapped, made.earning.is_capped, made.points) == (uncapped, is_capped, 500)


def test_what_came_back_after_its_lot_had_lapsed_is_traced_through_all_its_lots(shop: Shop, clock: Clock) -> None:
    shop.give(points=40, expires_at=clock() + 2 * DAY, reason="hello")
    orders = []
    for _ in range(2):
        orders.append(shop.buy(points=30, method="pm_sandbox_lost").order_id)
        clock.move(days=40)
        shop.house.recover_payments(is_all=True)
    last = lot(shop, 3)
    assert [(made.lot, made.parent, made.type, made.order_id) for made in last.trace] == [
        (3, 2, "restore", orders[1]),
        (2, 1, "restore", orders[0]),
        (1, None, "manual", None),
    ]
    assert (last.trace[-1].reason, last.trace[-1].actor) == ("hello", "root")
    assert (last.remaining, last.state) == (30, "available")
    assert (lot(shop, 2).state, moves(lot(shop, 2))) == ("empty", [("use", -30)])
    assert (lot(shop, 1).state, lot(shop, 1).remaining) == ("lapsed", 10)


def test_spent_revoked_expired_and_taken_points_say_where_they_went(shop: Shop, clock: Clock) -> None:
    order = shop.buy()
    spent = shop.buy(points=10)
    shop.give(points=-5, reason="a mistake")
    refund(shop, order.order_id, 10_000)
    clock.move(days=400)
    shop.house.expire_points()
    first = lot(shop, 1)
    assert moves(first) == [("use", -10), ("manual", -5), ("revoke", -10), ("expire", -25)]
    assert [move.order_id for move in first.movements] == [spent.order_id, None, order.order_id, None]
    assert [move.reason for move in first.movements] == [None, "a mistake", "It had a dent.", None]
    assert [move.actor for move in first.movements] == [None, "root", None, None]
    assert first.movements[2].refund_id is not None


def test_points_that_came_back_to_their_lot_are_a_movement_of_it(shop: Shop) -> None:
    shop.give(points=100)
    shop.buy(points=30, method=DECLINED)
    assert moves(lot(shop, 1)) == [("use", -30), ("restore", 30)]


def test_what_became_debt_and_what_repaid_it_is_accounted_for(shop: Shop) -> None:
    order = shop.buy()
    shop.buy(points=50, price=5_000, method=None)
    refund(shop, order.order_id)
    owed = shop.points()["debt"]
    shop.give(points=7)
    later = shop.buy(price=100_000)
    explanation = explained(shop)
    assert [(change.type, change.points) for change in explanation.debts] == [
        ("revoke", owed),
        ("manual", -7),
        ("earn", 7 - owed),
    ]
    assert [change.order_id for change in explanation.debts] == [order.order_id, None, later.order_id]
    assert explanation.lots[-1].trace[0].debt_repaid == owed - 7
    assert (explanation.debt, explanation.balance) == (0, 100 + 7 - owed)


def test_imports_lead_to_their_references(shop: Shop) -> None:
    import_accounts(shop.house, brought(reference="L-9"))
    import_orders(shop.house, bought(reference="S-7"))
    balance, order = (each.trace[0] for each in explained(shop).lots)
    assert (balance.actor, "reference L-9" in (balance.reason or "")) == ("miles-import", True)
    assert order.reason == "Imported order (reference S-7)"
    assert order.earning is not None
    assert (order.earning.amount, order.earning.items) == (50_000, [])


def test_pending_lapsed_and_empty_lots_are_told_apart(shop: Shop, clock: Clock) -> None:
    shop.give(points=5, expires_at=clock() + DAY)
    clock.move(days=2)
    shop.house.change_rules(Rule(pending_days=9), None, "root")
    shop.buy()
    shop.give(points=8, expires_at=clock() + DAY)
    shop.give(points=-8)
    shop.give(points=20)
    explanation = explained(shop)
    assert [each.state for each in explanation.lots] == ["lapsed", "pending", "empty", "available"]
    assert (explanation.available, explanation.pending, explanation.lapsed) == (20, 50, 5)
    assert explanation.balance == 75


def test_any_moment_can_be_explained(shop: Shop, clock: Clock) -> None:
    shop.give(points=100)
    before = clock()
    clock.move(days=1)
    shop.buy(points=30, method=TIMEOUT)
    then = explained(shop, moment=Moment(as_of=before))
    assert (then.available, then.as_of, [moves(each) for each in then.lots]) == (100, before, [[]])
    assert explained(shop, moment=Moment(as_of=before - timedelta(microseconds=1))).lots == []
    assert explained(shop).available == 70


def test_nobody_is_explained_who_never_was_and_a_forgotten_member_is_by_account(shop: Shop) -> None:
    shop.give(points=10, reason="for ann herself")
    account_id = shop.account()
    assert [shop.house.explanations.of(name) for name in ("zed", "root", "")] == [None] * 3
    shop.house.database.execute("UPDATE directory SET user_id = NULL WHERE account_id = %s", (account_id,))
    shop.house.database.execute("UPDATE reasons SET body = ''")
    explanation = explained(shop, str(account_id))
    assert (explanation.user, explanation.account_id, explanation.available) == (None, account_id, 10)
    assert explanation.lots[0].trace[0].reason is None


def test_an_explanation_writes_nothing(shop: Shop) -> None:
    shop.give(points=10)
    events = shop.events()
    explained(shop)
    shop.house.history.as_it_stood("ann", NOW)
    assert shop.events() == events
