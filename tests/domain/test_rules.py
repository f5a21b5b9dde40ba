"""The rule's formulas, by tables: DOMAIN rules 1 and 2, and terms that cannot work."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from app.domain.errors import DomainError
from app.domain.rules import BOUNDS, MAX_COUNT, Rule


@pytest.mark.parametrize(
    ("rule", "total", "cash", "points"),
    [
        (Rule(), 50_000, 50_000, 50),
        (Rule(), 50_999, 50_999, 50),
        (Rule(), 51_000, 51_000, 51),
        (Rule(), 999, 999, 0),
        (Rule(), 0, 0, 0),
        (Rule(), 50_000, 0, 50),
        (Rule(earn_on="cash"), 50_000, 47_000, 47),
        (Rule(earn_on="cash"), 50_000, 0, 0),
        (Rule(), 500_000, 500_000, 500),
        (Rule(), 501_000, 501_000, 500),
        (Rule(), 10**15, 10**15, 500),
        (Rule(earn_points=3, earn_per_amount=700), 1_399, 1_399, 3),
        (Rule(earn_points=3, earn_per_amount=700), 1_400, 1_400, 6),
        (Rule(earn_points=3, max_earn_per_order=7), 9_000, 9_000, 7),
        (Rule(earn_points=0), 50_000, 50_000, 0),
        (Rule(max_earn_per_order=0), 50_000, 50_000, 0),
    ],
)
def test_what_an_order_earns(rule: Rule, total: int, cash: int, points: int) -> None:
    assert rule.points_to_earn(total, cash) == points


@pytest.mark.parametrize(
    ("value", "total", "points", "cash"), [(100, 50_000, 30, 47_000), (100, 50_000, 500, 0), (7, 100, 14, 2)]
)
def test_what_is_left_to_pay(value: int, total: int, points: int, cash: int) -> None:
    assert Rule(point_value=value).cash_due(total, points) == cash


TIGHT = Rule(min_redeem_per_order=10, max_redeem_per_order=20)


@pytest.mark.parametrize(
    ("points", "total", "available", "code"),
    [
        # Each refusal stands although all that come after it would be true, too, where that is possible.
        (101, 10_000, 5, "points_exceed_total"),
        (9, 800, 5, "points_exceed_total"),
        (100, 10_000, 99, "insufficient_points"),
        (9, 900, 5, "insufficient_points"),
        (21, 10_000, 99, "points_above_maximum"),
        (9, 10_000, 99, "points_below_minimum"),
        (-1, 10_000, 99, "invalid_request"),
        (-900, 0, 0, "invalid_request"),
    ],
)
def test_the_first_broken_rule_is_the_refusal(points: int, total: int, available: int, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        TIGHT.refuse_points(points, total, available)
    assert refused.value.code == code


@pytest.mark.parametrize(("points", "total", "available"), [(0, 0, 0), (10, 1_000, 10), (20, 10_000, 20)])
def test_points_at_the_very_bounds_are_taken(points: int, total: int, available: int) -> None:
    TIGHT.refuse_points(points, total, available)


@pytest.mark.parametrize(
    ("total", "available", "most"),
    [(10_000, 99, 20), (1_599, 99, 15), (10_000, 12, 12), (10_000, 9, 0), (999, 99, 0), (0, 0, 0)],
)
def test_the_most_that_an_order_may_take(total: int, available: int, most: int) -> None:
    assert TIGHT.most_usable(total, available) == most


@pytest.mark.parametrize("total", [0, 999, 1_000, 1_999, 5_000])
@pytest.mark.parametrize("available", [0, 9, 10, 15, 30])
def test_the_most_usable_is_accepted_and_one_more_is_not(total: int, available: int) -> None:
    most = TIGHT.most_usable(total, available)
    TIGHT.refuse_points(most, total, available)
    with pytest.raises(DomainError):
        TIGHT.refuse_points(most + 1, total, available)


def test_the_default_rule_works() -> None:
    Rule().refuse_if_unworkable()


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        *[({field: low - 1}, {field}) for field, (low, _) in BOUNDS.items() if field != "expiry_months"],
        ({"expiry_months": 0}, {"expiry_months", "pending_days"}),
        *[({field: high + 1}, {field}) for field, (_, high) in BOUNDS.items() if field != "pending_days"],
        ({"pending_days": 3_651, "expiry_months": 1_200}, {"pending_days"}),
        ({"earn_on": "points"}, {"earn_on"}),
        ({"min_redeem_per_order": 21, "max_redeem_per_order": 20}, {"min_redeem_per_order"}),
        ({"pending_days": 28, "expiry_months": 1}, {"pending_days"}),
        ({"earn_per_amount": 0, "max_earn_per_order": -1}, {"earn_per_amount", "max_earn_per_order"}),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_each_field_named(changes: dict[str, Any], fields: set[str]) -> None:
    # The largest minimum needs as large a maximum: one fault at a time.
    sound = {"max_redeem_per_order": MAX_COUNT} if changes == {"min_redeem_per_order": MAX_COUNT + 1} else {}
    with pytest.raises(DomainError) as refused:
        Rule(**sound | changes).refuse_if_unworkable()
    assert refused.value.code == "invalid_request"
    assert set(refused.value.facts["errors"]) == fields


@pytest.mark.parametrize(
    "rule",
    [
        msgspec.convert({field: low for field, (low, _) in BOUNDS.items()}, Rule),
        msgspec.convert({field: high for field, (_, high) in BOUNDS.items()}, Rule),
        Rule(max_redeem_per_order=0),
        Rule(min_redeem_per_order=20, max_redeem_per_order=20),
        Rule(pending_days=27, expiry_months=1),
    ],
)
def test_a_rule_at_its_bounds_works(rule: Rule) -> None:
    rule.refuse_if_unworkable()
