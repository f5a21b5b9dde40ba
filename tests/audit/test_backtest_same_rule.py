"""What if: the rule that was there all along changes nothing, on any history, whatever the hosts' clocks said."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta

import pytest

from app.audit.backtest import Outcome
from app.wiring import House
from tests.audit.lives import live_mixed
from tests.audit.what_ifs import NOTHING, RULES, changed, what_if
from tests.support.clock import Clock
from tests.support.refunds import REFUND_REFUSED, REFUND_TIMEOUT, refund
from tests.support.shop import DAY, LOST, Shop, refusal

HOSTS = {0.0: 6, -2.0: 2, 5 * 86_400.0: 2}
"""Most are right, some a little behind, and some five days ahead."""


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)


def differs(outcome: Outcome) -> bool:
    """Whether anything would have gone another way."""
    return (outcome.difference, outcome.orders_affected, outcome.members) != (NOTHING, 0, [])


@pytest.mark.parametrize("seed", range(8))
def test_the_rule_that_was_there_all_along_changes_nothing(shop: Shop, clock: Clock, seed: int) -> None:
    rule = RULES[seed % len(RULES)]
    shop.house.change_rules(rule, None, "root")
    live_mixed(shop, clock, random.Random(seed), 200)
    refund(shop, shop.buy(method=REFUND_TIMEOUT).order_id)
    refused = shop.buy(method=REFUND_REFUSED).order_id
    assert refusal(lambda: refund(shop, refused)) == "refund_declined"
    outcome = what_if(shop, rule)
    assert not differs(outcome)
    assert outcome.orders == shop.house.database.rows("SELECT count(*) FROM orders")[0][0] > 20
    assert outcome.real.revoked > 0 and outcome.real.restored > 0 and outcome.real.redeemed > 0
    ends = Counter(topic.partition(".")[0] for _, _, topic in shop.events())
    assert ends["RefundRequested"] > ends["OrderRefunded"] + ends["RefundFailed"], "some nobody answered"
    assert ends["OrderRefunded"] > 0 and ends["RefundFailed"] > 0


@pytest.mark.parametrize("seed", range(8))
def test_nor_does_it_where_the_hosts_clocks_differ(shop: Shop, clock: Clock, seed: int) -> None:
    rule = RULES[seed % len(RULES)]
    shop.house.change_rules(rule, None, "root")
    clock.move(days=1)  # so that the slowest host goes by it, too
    live_mixed(shop, clock, random.Random(1000 + seed), 200, HOSTS)
    clock.move(days=5)
    assert not differs(what_if(shop, rule))
    for other in RULES:
        by = what_if(shop, other).difference
        assert by.earned + by.restored + by.adjusted - by.redeemed - by.revoked - by.expired == by.outstanding - by.debt


@pytest.mark.parametrize("seed", range(8))
def test_a_rule_changes_nothing_since_the_very_moment_that_it_took_effect(shop: Shop, clock: Clock, seed: int) -> None:
    chance, new = random.Random(2000 + seed), RULES[(seed + 1) % len(RULES)]
    shop.house.change_rules(RULES[seed % len(RULES)], None, "root")
    live_mixed(shop, clock, chance, 90)
    clock.move(seconds=1)
    since = clock.at
    shop.house.change_rules(new, None, "root")
    shop.buy("ann")
    live_mixed(shop, clock, chance, 90)
    assert not differs(what_if(shop, new, since))
    assert what_if(shop, new, since).orders > what_if(shop, new, since + timedelta(microseconds=1)).orders


def test_points_that_a_fast_clock_would_call_lapsed_are_spent_by_a_slow_one(shop: Shop, clock: Clock) -> None:
    shop.give("ann", 10, clock.at + timedelta(seconds=1))
    clock.move(seconds=2)
    shop.give("ann", 5)
    clock.move(seconds=-2)
    shop.buy("ann", 10)
    assert not differs(changed(shop))


def test_points_that_a_fast_clock_swept_are_not_spent_by_a_slow_one(shop: Shop, clock: Clock) -> None:
    shop.give("ann", 10, clock.at + DAY)
    shop.give("ann", 10)
    clock.move(days=2)
    assert shop.house.expire_points().points == 10
    clock.move(days=-2)
    shop.buy("ann", 10)
    clock.move(days=2)
    assert not differs(changed(shop))


def test_orders_whose_points_come_back_for_another_time_are_affected(shop: Shop, clock: Clock) -> None:
    """By a refund, and by a payment that failed; the other orders go as they went."""
    shop.give("ann", 100, clock.at + 10 * DAY)
    order = shop.buy("ann", 50, price=10_000)
    shop.buy("ann", 50, price=10_000, method=LOST)
    shop.buy("ann")
    clock.move(days=20)
    shop.house.recover_payments(is_all=True)
    assert changed(shop, restore_grace_days=4).orders_affected == 1
    refund(shop, order.order_id)
    assert changed(shop, restore_grace_days=4).orders_affected == 2
    assert changed(shop, restore_grace_days=14).orders_affected == 0
