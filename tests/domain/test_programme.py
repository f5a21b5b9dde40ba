"""The programme: versions of the rule, and which of them an order goes by."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from app.domain.programme import BACKDATING_TOLERANCE, PROGRAMME_ID, Programme, RulesChanged
from app.domain.rules import Rule
from tests.domain.samples import ADMIN, DAY, NOW
from tests.support.given import Given, given

DOUBLE, TRIPLE = Rule(earn_points=2), Rule(earn_points=3)


def changed(version: int, rule: Rule, effective_from: datetime, at: datetime = NOW) -> RulesChanged:
    return RulesChanged(at=at, version=version, rule=rule, effective_from=effective_from, by=ADMIN)


def given_programme(*history: RulesChanged) -> Given[Programme]:
    return given(Programme, *history)


def test_the_programme_is_one_stream() -> None:
    assert Programme().id == PROGRAMME_ID
    assert PROGRAMME_ID.bytes[:6] + PROGRAMME_ID.bytes[6:14] == b"milesp" + b"\x4cu\x83ca\x73h\x00"


def test_the_first_version_posted_is_the_second() -> None:
    programme = (
        given_programme()
        .when(lambda p: p.change(NOW, DOUBLE, None, ADMIN))
        .then(changed(2, DOUBLE, effective_from=NOW))
    )
    assert [version.version for version in programme.versions] == [1, 2]
    assert programme.numbered(2).rule == DOUBLE


def test_a_version_may_come_into_effect_later() -> None:
    programme = given_programme(changed(2, DOUBLE, NOW + DAY)).aggregate()
    assert programme.in_effect(NOW + DAY - timedelta(microseconds=1)).version == 1
    assert programme.in_effect(NOW + DAY).version == 2


def test_the_newest_of_several_versions_in_effect_stands() -> None:
    programme = given_programme(changed(2, DOUBLE, NOW + 2 * DAY), changed(3, TRIPLE, NOW + DAY)).aggregate()
    assert [programme.in_effect(NOW + n * DAY).version for n in range(4)] == [1, 3, 3, 3]


@pytest.mark.parametrize("ago", [timedelta(0), BACKDATING_TOLERANCE])
def test_a_version_may_be_backdated_by_the_tolerance(ago: timedelta) -> None:
    given_programme().when(lambda p: p.change(NOW, DOUBLE, NOW - ago, ADMIN)).then(changed(2, DOUBLE, NOW - ago))


def test_a_version_may_not_be_backdated_further() -> None:
    too_early = NOW - BACKDATING_TOLERANCE - timedelta(microseconds=1)
    given_programme().when(lambda p: p.change(NOW, DOUBLE, too_early, ADMIN)).then_refused(
        "invalid_request", errors={"effective_from": ["Must not lie in the past."]}
    )


def test_an_unworkable_rule_is_not_posted() -> None:
    given_programme(changed(2, DOUBLE, NOW)).when(
        lambda p: p.change(NOW, Rule(earn_per_amount=0), None, ADMIN)
    ).then_refused("invalid_request")


# -- the invariants of the docstring, each by its name


def test_an_empty_programme_has_the_default_rule_as_version_1() -> None:
    version = Programme().in_effect(NOW)
    assert (version.version, version.rule, version.created_at, version.created_by) == (1, Rule(), None, None)


@pytest.mark.parametrize(("placed_on", "version"), [(-9999, 1), (-1, 1), (0, 2), (4, 2), (5, 3), (99, 3)])
def test_an_order_goes_by_the_newest_version_in_effect_when_it_was_placed(placed_on: int, version: int) -> None:
    programme = given_programme(changed(2, DOUBLE, NOW), changed(3, TRIPLE, NOW + 5 * DAY)).aggregate()
    assert programme.in_effect(NOW + placed_on * DAY).version == version


def test_a_new_version_never_touches_what_exists() -> None:
    programme = given_programme(changed(2, DOUBLE, NOW)).aggregate()
    before = list(programme.versions)
    programme.change(NOW + DAY, TRIPLE, None, ADMIN)
    assert programme.versions[:2] == before
    assert programme.in_effect(NOW).rule == DOUBLE


@pytest.mark.parametrize("meant", [0, 1, 3])
def test_a_version_follows_the_one_that_was_meant_or_none(meant: int) -> None:
    programme = given_programme(changed(2, DOUBLE, NOW))
    programme.when(lambda p: p.change(NOW, TRIPLE, None, ADMIN, meant)).then_refused("rules_changed", newest=2)
    programme.when(lambda p: p.change(NOW, TRIPLE, None, ADMIN, 2)).then(changed(3, TRIPLE, NOW))
