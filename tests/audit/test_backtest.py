"""What if: real figures are the reports', any proposal adds up on any history, and the run itself leaves no trace."""

from __future__ import annotations

import random
from datetime import timedelta

import msgspec
import pytest

from app.audit.backtest import Figures, Outcome
from app.audit.simulation import terms
from app.database import Database
from app.domain.errors import DomainError
from app.domain.rules import Rule
from app.wiring import House
from tests.audit.lives import live_mixed
from tests.audit.what_ifs import RULES, changed, differing, what_if
from tests.support.clock import Clock
from tests.support.shop import DAY, Shop
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)


def reported(shop: Shop) -> Figures:
    """The same figures as the summary report has them."""
    value = shop.house.loyalty.programme().in_effect(shop.house.clock()).rule.point_value
    shop.house.daily.catch_up()
    summary = shop.house.daily.summary(None, None, value)
    names = ("earned", "redeemed", "restored", "revoked", "expired", "adjusted", "debt")
    outstanding = summary["outstanding"]
    granted = shop.house.database.rows("SELECT coalesce(sum(granted), 0)::bigint FROM daily")[0][0]
    return Figures(
        issued=summary["earned"] + granted,
        outstanding=outstanding["points"],
        liability=outstanding["value"],
        **{name: summary[name] for name in names},
    )


# -- histories at random


@pytest.mark.parametrize("seed", range(4))
def test_the_real_figures_are_the_reports_once_what_lapsed_is_swept(shop: Shop, clock: Clock, seed: int) -> None:
    shop.house.change_rules(RULES[1], None, "root")
    live_mixed(shop, clock, random.Random(100 + seed), 100)
    shop.give("ann", 7, clock.at + DAY)
    clock.move(days=2)
    before, unswept = reported(shop), what_if(shop, Rule())
    assert unswept.unswept >= 7
    value = RULES[1].point_value
    assert unswept.real == Figures(
        **{
            **msgspec.structs.asdict(before),
            "expired": before.expired + unswept.unswept,
            "outstanding": before.outstanding - unswept.unswept,
            "liability": before.liability - unswept.unswept * value,
        }
    )
    shop.house.expire_points()
    swept = what_if(shop, Rule())
    assert (swept.real, swept.unswept, swept.proposed) == (reported(shop), 0, unswept.proposed)


@pytest.mark.parametrize("seed", range(3))
def test_any_proposal_on_any_history_leaves_points_that_add_up(shop: Shop, clock: Clock, seed: int) -> None:
    chance = random.Random(200 + seed)
    live_mixed(shop, clock, chance, 60)
    shop.house.change_rules(RULES[2], None, "root")
    live_mixed(shop, clock, chance, 60)
    for rule in (*RULES, Rule(earn_points=0), Rule(earn_points=40, max_earn_per_order=100_000, expiry_months=24)):
        for since in (None, clock.at - timedelta(days=90)):
            outcome = what_if(shop, rule, since)
            for it in (outcome.real, outcome.proposed):
                came_less_went = it.earned + it.restored + it.adjusted - it.redeemed - it.revoked - it.expired
                assert came_less_went == it.outstanding - it.debt
            assert outcome.orders > 0
            # Fewer than ten members are here, so all that are affected are named.
            by = outcome.difference
            assert sum(member.difference for member in outcome.members) == by.outstanding - by.debt


def test_where_no_order_is_reached_nothing_differs_but_what_a_point_pays(shop: Shop, clock: Clock) -> None:
    live_mixed(shop, clock, random.Random(11), 60)
    outcome = what_if(shop, RULES[3], clock.at + DAY)
    assert (outcome.orders, outcome.orders_affected) == (0, 0)
    assert differing(outcome) == {"liability": outcome.real.outstanding * (37 - 100)}


# -- who, and how


def test_the_ten_members_most_affected_are_named_the_most_affected_first(shop: Shop) -> None:
    for n in range(1, 13):
        shop.buy(f"member {n}", price=1_000 * n)
    shop.give("untouched", 50)
    shop.house.forget_member("member 7")
    outcome = changed(shop, earn_points=0)
    assert [member.user for member in outcome.members] == [None if n == 7 else f"member {n}" for n in range(12, 2, -1)]
    assert [member.difference for member in outcome.members] == list(range(-12, -2))
    assert len({member.account_id for member in outcome.members}) == 10


def test_chunks_of_any_size_give_the_same(shop: Shop, clock: Clock) -> None:
    live_mixed(shop, clock, random.Random(7), 80)
    outcomes = [what_if(shop, Rule(earn_points=2), chunk=chunk) for chunk in (1, 2, 3, 4, 5, 200)]
    assert all(outcome == outcomes[0] for outcome in outcomes)
    seen: list[tuple[int, int]] = []
    what_if(shop, Rule(), chunk=2, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(n, 4) for n in range(1, 5)]


def test_it_sees_one_moment_whatever_is_bought_meanwhile(shop: Shop) -> None:
    for user in ("ann", "bob", "cem"):
        shop.buy(user)
    before = what_if(shop, Rule(earn_points=2))

    def buy(done: int, total: int) -> None:
        for user in ("ann", "bob", "cem", f"new {done}"):
            shop.buy(user)

    assert what_if(shop, Rule(earn_points=2), chunk=1, progress=buy) == before
    assert what_if(shop, Rule(earn_points=2)).orders == 3 + 12


def test_an_empty_log_gives_nothing(shop: Shop) -> None:
    outcome = what_if(shop, Rule())
    assert outcome == Outcome(shop.house.clock(), None)


def test_it_writes_nothing_and_could_not(shop: Shop, clock: Clock, owner: Database) -> None:
    live_mixed(shop, clock, random.Random(3), 60)
    before = snapshot_of_tables(owner)
    ends: list[str | None] = []

    def look(done: int, total: int) -> None:
        held = owner.rows(
            "SELECT DISTINCT mode FROM pg_locks WHERE relation IS NOT NULL AND pid <> pg_backend_pid()"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        ends.extend(mode for (mode,) in held)

    what_if(shop, Rule(earn_points=2), progress=look)
    assert set(ends) == {"AccessShareLock"}
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize("field", ["earn_per_amount", "point_value", "expiry_months"])
def test_a_rule_that_cannot_work_is_refused_by_the_domain(shop: Shop, owner: Database, field: str) -> None:
    before = snapshot_of_tables(owner)
    with pytest.raises(DomainError) as refused:
        changed(shop, **{field: 0})
    assert refused.value.code == "invalid_request"
    assert field in refused.value.facts["errors"]
    assert snapshot_of_tables(owner) == before


def test_the_programme_that_is_asked_stays_as_it_is(shop: Shop) -> None:
    programme = shop.house.loyalty.programme()
    versions = list(programme.versions)
    asked = terms(programme, Rule(earn_points=9), None, shop.house.settings.zone)
    assert programme.versions == versions
    assert asked.programme.in_effect(shop.house.clock()) == versions[-1]
    assert asked.proposal.rule == Rule(earn_points=9)
