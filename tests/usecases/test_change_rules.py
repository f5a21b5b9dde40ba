"""Rules on the real stack: versions, when they come into effect, and what keeps the old one."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from app.database import Database
from app.domain import calendar
from app.domain.rules import Rule
from app.usecases.payment_gateway import Charged, Declined
from app.wiring import House
from tests.support.clock import Clock
from tests.support.shop import TIMEOUT, Shop, at_once, refusal
from tests.support.tables import snapshot_of_tables

DOUBLE = Rule(earn_points=2)


def test_an_empty_programme_runs_on_version_1(shop: Shop, clock: Clock) -> None:
    assert shop.house.loyalty.programme().in_effect(clock.at).version == 1
    assert shop.buy().points_earned == 50


def test_the_first_version_posted_is_2_and_stands_at_once(shop: Shop, clock: Clock) -> None:
    posted = shop.house.change_rules(DOUBLE, None, "root")
    assert (posted.version, posted.rule, posted.effective_from) == (2, DOUBLE, clock.at)
    assert shop.buy().points_earned == 100


def test_a_version_waits_for_its_day(shop: Shop, clock: Clock) -> None:
    shop.house.change_rules(DOUBLE, clock.at + timedelta(days=1), "root")
    items = shop.items()
    clock.move(days=1, microseconds=-1)
    assert (shop.house.check_out.quote("ann", items, 0).points_to_earn, shop.buy().points_earned) == (50, 50)
    clock.move(microseconds=1)
    assert (shop.house.check_out.quote("ann", items, 0).points_to_earn, shop.buy().points_earned) == (100, 100)


def test_an_order_is_settled_under_the_version_that_it_was_placed_under(shop: Shop, clock: Clock) -> None:
    order = shop.buy(method=TIMEOUT)
    shop.house.change_rules(Rule(earn_points=9, expiry_months=1, pending_days=20), None, "root")
    clock.move(days=1)
    assert shop.house.settle_payment(shop.account(), order.order_id, Charged("ch")).points_earned == 50
    [lot] = shop.lots()
    assert (lot["points"], lot["available_at"]) == (50, clock.at)
    assert lot["expires_at"] == calendar.expiry(clock.at, 12, shop.house.settings.zone)


def test_grace_is_that_of_the_version_that_the_order_was_placed_under(shop: Shop, clock: Clock) -> None:
    shop.give(points=30, expires_at=clock.at + timedelta(days=1))
    order = shop.buy(points=30, method=TIMEOUT)
    shop.house.change_rules(Rule(restore_grace_days=99), None, "root")
    clock.move(days=2)
    shop.house.settle_payment(shop.account(), order.order_id, Declined("no"))
    lapsed, grace = shop.lots()
    assert (lapsed["remaining"], grace["remaining"], grace["source"]) == (0, 30, "restore")
    assert grace["expires_at"] == calendar.grace(clock.at, 14, shop.house.settings.zone)


def test_an_unworkable_rule_writes_nothing(shop: Shop, clock: Clock, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.change_rules(Rule(earn_per_amount=0), None, "root")) == "invalid_request"
    too_early = clock.at - timedelta(minutes=2)
    assert refusal(lambda: shop.house.change_rules(DOUBLE, too_early, "root")) == "invalid_request"
    assert snapshot_of_tables(owner) == before


def test_versions_posted_at_once_are_numbered_one_by_one(shop: Shop, neighbour: House) -> None:
    shop.give()  # so that root is known already
    houses = [shop.house, neighbour] * 2
    posted = at_once([partial(house.change_rules, Rule(earn_points=n), None, "root") for n, house in enumerate(houses)])
    assert sorted(version.version for version in posted) == [2, 3, 4, 5]
    assert {version.version: version.rule for version in posted} == {
        version.version: version.rule for version in shop.house.loyalty.programme().versions[1:]
    }


def test_a_version_that_follows_another_than_was_meant_is_refused_and_writes_nothing(
    shop: Shop, owner: Database
) -> None:
    change = shop.house.change_rules
    assert change(DOUBLE, None, "root", newest=1).version == 2
    before = snapshot_of_tables(owner)
    for meant in (1, 3, 0):
        assert refusal(partial(change, Rule(earn_points=3), None, "root", newest=meant)) == "rules_changed"
    assert snapshot_of_tables(owner) == before
    assert change(DOUBLE, None, "root", newest=2).version == 3
    assert change(DOUBLE, None, "root").version == 4


def test_of_versions_that_follow_the_same_one_only_the_first_is_made(shop: Shop, neighbour: House) -> None:
    shop.give()  # so that root is known already
    houses = [shop.house, neighbour] * 3
    codes = at_once([partial(refusal, partial(house.change_rules, DOUBLE, None, "root", newest=1)) for house in houses])
    assert sorted(codes, key=str) == [None, *["rules_changed"] * 5]
    assert len(shop.house.loyalty.programme().versions) == 2
