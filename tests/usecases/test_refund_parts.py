"""Random orders, refunded in random parts: the parts sum to the whole to the last paisa and point."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from app.database import Database
from app.domain.rules import Rule
from app.usecases.settle_payment import OrderOutcome
from tests.support.books import wrongs
from tests.support.refunds import given_back, order_row, refund
from tests.support.shop import VISA, Shop

SEEDS = range(10)
ORDERS = 10
"""A seed: a hundred orders in all, under ten rules."""

MOST_PARTS = 7


@dataclass
class GivenBack:
    """What the refunds of an order came to so far."""

    amount: int = 0
    cash: int = 0
    restored: int = 0
    revoked: int = 0
    parts: int = 0


def some_rule(chance: random.Random) -> Rule:
    """Terms under which shares hardly ever divide, and earnings are often capped."""
    return Rule(
        earn_points=chance.choice([1, 3, 7]),
        earn_per_amount=chance.choice([100, 777, 1000]),
        point_value=chance.choice([1, 7, 100]),
        max_earn_per_order=chance.choice([11, 500, 100_000]),
        max_redeem_per_order=100_000,
        pending_days=chance.choice([0, 0, 5]),
        earn_on=chance.choice(["total", "cash"]),
    )


def some_order(shop: Shop, chance: random.Random, rule: Rule, user: str) -> OrderOutcome:
    """An order of some odd price, paid with points alone, with none, or with both."""
    held = chance.randrange(1, 3_000)
    shop.give(user, held // 2 + 1)
    shop.give(user, held - held // 2)
    if chance.random() < 0.25:
        points = chance.randrange(1, held)
        return shop.buy(user, points, price=points * rule.point_value, method=None)
    price = chance.choice([chance.randrange(1, 300), chance.randrange(1, 1_000_000)])
    most = rule.most_usable(price, held)
    return shop.buy(user, chance.choice([0, most, chance.randrange(most + 1)]), price=price, method=VISA)


def refund_a_part(shop: Shop, chance: random.Random, order: OrderOutcome, so_far: GivenBack) -> None:
    """One more part, of any size; the last one may be asked for without an amount."""
    left = order.total_minor - so_far.amount
    sizes = [1, chance.randrange(1, left + 1), left, None]
    size = chance.choices(sizes, [3, 6, 1, 1])[0] if so_far.parts < MOST_PARTS else chance.choice([left, None])
    outcome = refund(shop, order.order_id, size)
    so_far.amount += left if size is None else size
    so_far.cash += outcome.cash_refunded_minor
    so_far.restored += outcome.points_restored
    so_far.revoked += outcome.points_revoked
    so_far.parts += 1
    assert outcome.status == ("refunded" if so_far.amount == order.total_minor else "partially_refunded")


def assert_sums(shop: Shop, owner: Database, order: OrderOutcome, so_far: GivenBack) -> None:
    """Each sum is its whole times what was refunded by what there was, rounded down (DOMAIN rule 8)."""
    wholes = (order.cash_due_minor, order.points_used, order.points_earned)
    shares = [whole * so_far.amount // order.total_minor for whole in wholes]
    assert [so_far.cash, so_far.restored, so_far.revoked] == shares
    row = order_row(shop, order.order_id)
    assert [row["cash_refunded"], row["points_restored"], row["points_revoked"]] == shares
    assert sum(given_back(owner, order.order_id)) == so_far.cash


@pytest.mark.parametrize("seed", SEEDS)
def test_the_parts_of_a_random_order_sum_to_the_whole(shop: Shop, owner: Database, seed: int) -> None:
    chance, sizes = random.Random(seed), random.Random(f"parts of {seed}")
    rule = some_rule(chance)
    shop.house.change_rules(rule, None, "root")
    for number in range(ORDERS):
        user = f"member-{number}"
        order = some_order(shop, chance, rule, user)
        so_far = GivenBack()
        while so_far.amount < order.total_minor:
            refund_a_part(shop, sizes, order, so_far)
            assert_sums(shop, owner, order, so_far)
        whole = (order.cash_due_minor, order.points_used, order.points_earned)
        assert (so_far.cash, so_far.restored, so_far.revoked) == whole
        assert order_row(shop, order.order_id)["status"] == "refunded"
        assert_as_if_it_had_never_been(shop, user)
    assert wrongs(shop.house) == []


def assert_as_if_it_had_never_been(shop: Shop, user: str) -> None:
    """The member has the points that they were given, in the very lots, and neither pending points nor a debt."""
    given = [lot["points"] for lot in shop.lots(user) if lot["source"] == "manual"]
    assert shop.left(user) == [*given, *[0] * (len(shop.lots(user)) - len(given))]
    points = shop.points(user)
    assert (points["available"], points["pending"], points["held"], points["debt"]) == (sum(given), 0, 0, 0)
    assert sum(points for _, points in shop.lines(user)) == sum(given)


def test_the_random_orders_are_of_every_kind(shop: Shop) -> None:
    kinds = set()
    for seed in SEEDS:
        chance = random.Random(seed)
        rule = some_rule(chance)
        shop.house.change_rules(rule, None, "root")
        for number in range(ORDERS):
            order = some_order(shop, chance, rule, f"member-{seed}-{number}")
            kinds |= {("cash", order.cash_due_minor > 0), ("points", order.points_used > 0)}
            kinds |= {("earned", order.points_earned > 0), ("capped", order.points_earned == rule.max_earn_per_order)}
            kinds.add(("odd", order.total_minor % 100 > 0))
    assert len(kinds) == 10
