"""Rules in the panel: every version, a new one seen at work, tried on the real history, and published once."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from app.database import Database
from app.domain.rules import Rule
from app.panel.rule_words import Change, changes, sentences, worked
from tests.support.clock import Clock
from tests.support.panel import ADMIN, Panel, Viewer, books, forms_of, links_of, shown, words
from tests.support.shop import DAY, Shop, refusal

NOW, KOLKATA = datetime(2026, 1, 15, 6, 30, tzinfo=UTC), ZoneInfo("Asia/Kolkata")


def text(html: str) -> str:
    """What a reader sees."""
    return unescape(words(html))


def filled(viewer: Viewer, **changes: str) -> dict[str, str]:
    """The new version's form as it begins, with some fields changed."""
    return {**forms_of(viewer.page("/panel/rules/new"))[1].fields, **changes}


def part(viewer: Viewer, name: str, **changes: str) -> str:
    """A part of the page that only computes."""
    asked = urlencode(filled(viewer, **changes))
    return text(shown(viewer.get(f"/panel/rules/{name}?{asked}", is_part=True)))


def publish(viewer: Viewer, **changes: str) -> Any:
    """Press the button."""
    return viewer.post("/panel/rules", filled(viewer, **changes))


# -- in words


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (
            Rule(),
            [
                "1 point for each ₹10.00 of the total, at most 500 an order.",
                "A point pays ₹1.00; an order takes 1 to 500 of them, or none.",
                "Points can be spent at once and expire 12 months after they were earned, at the end of the day."
                " Those that come back after that live for 14 more days.",
            ],
        ),
        (
            Rule(earn_points=3, earn_on="cash", max_redeem_per_order=0, pending_days=1, restore_grace_days=0),
            [
                "3 points for each ₹10.00 of what is paid by card, at most 500 an order.",
                "A point pays ₹1.00, but orders take none.",
                "Points can be spent 1 day after they were earned and expire 12 months after they were earned, at the"
                " end of the day. Those that come back after that live that day.",
            ],
        ),
        (Rule(earn_points=0), ["Orders earn no points."]),
        (Rule(max_earn_per_order=0), ["Orders earn no points."]),
    ],
)
def test_a_rule_in_plain_sentences(rule: Rule, said: list[str]) -> None:
    assert sentences(rule, "INR")[: len(said)] == said


def test_what_changed_field_by_field() -> None:
    after = Rule(point_value=50, earn_on="cash", max_earn_per_order=100_000)
    assert changes(Rule(), after, "INR") == [
        Change("Of", "the total", "what is paid by card"),
        Change("Most points that an order earns", "500", "1,00,000"),
        Change("A point pays", "₹1.00", "₹0.50"),
    ]
    assert changes(after, after, "INR") == []


@pytest.mark.parametrize(
    ("rule", "total", "used", "said"),
    [
        (
            Rule(),
            50_000,
            30,
            "30 points pay ₹30.00; ₹470.00 is due by card. It earns 50 points, worth ₹50.00. They can be spent at once"
            " and expire at the end of 15 January 2027.",
        ),
        (
            Rule(earn_on="cash", pending_days=7, expiry_months=1, point_value=200),
            50_000,
            1,
            "1 point pays ₹2.00; ₹498.00 is due by card. It earns 49 points, worth ₹98.00. They can be spent from"
            " 22 January 2026 at 12:00 on and expire at the end of 15 February 2026.",
        ),
        (Rule(), 999, 0, "₹9.99 is due by card. It earns no points."),
    ],
)
def test_a_worked_example(rule: Rule, total: int, used: int, said: str) -> None:
    assert " ".join(worked(rule, total, used, NOW, KOLKATA, "INR")) == said


@pytest.mark.parametrize(
    ("used", "code"), [(501, "points_exceed_total"), (500, "points_above_maximum"), (1, "points_below_minimum")]
)
def test_an_example_that_cannot_be_is_refused_as_the_order_would_be(used: int, code: str) -> None:
    rule = Rule(max_redeem_per_order=400, min_redeem_per_order=2)
    assert refusal(lambda: worked(rule, 50_000, used, NOW, KOLKATA, "INR")) == code


# -- the pages


def test_every_version_says_what_it_changed_when_and_by_whom(panel: Panel, clock: Clock) -> None:
    panel.house.change_rules(Rule(earn_points=2), None, "root")
    panel.house.change_rules(Rule(earn_points=2, point_value=50), clock.at + DAY, "<script>alert(1)")
    viewer = panel.as_auditor()
    page = viewer.page("/panel/rules")
    assert "<script>alert" not in page
    read = text(page)
    assert "In effect now: version 2 2 points for each ₹10.00 of the total, at most 500 an order." in read
    assert (
        "3 not yet in effect 2026-01-16 06:30 UTC 2026-01-15 06:30 UTC <script>alert(1) A point pays: ₹1.00 → ₹0.50"
        in read
    )
    assert "2 in effect 2026-01-15 06:30 UTC 2026-01-15 06:30 UTC root Points earned: 1 → 2" in read
    assert "1 past the beginning" in read
    clock.move(days=1)
    assert "In effect now: version 3" in text(panel.as_auditor().page("/panel/rules"))


def test_an_empty_programme_shows_the_rule_it_begins_with(panel: Panel) -> None:
    page = text(panel.as_admin().page("/panel/rules"))
    assert "In effect now: version 1" in page and "1 in effect the beginning" in page


def test_many_versions_are_paged_through(panel: Panel) -> None:
    for number in range(60):
        panel.house.change_rules(Rule(earn_points=number), None, "root")
    viewer = panel.as_admin()
    first = viewer.page("/panel/rules")
    (older,) = [link for link in links_of(first) if "after=" in link]
    second = viewer.page(older)
    assert 'id="version-61"' in first and 'id="version-12"' in first and 'id="version-11"' not in first
    assert 'id="version-11"' in second and 'id="version-1"' in second


def test_the_form_begins_with_the_newest_version_though_it_is_not_yet_in_effect(panel: Panel, clock: Clock) -> None:
    panel.house.change_rules(Rule(earn_points=7, point_value=12_345, earn_on="cash"), clock.at + DAY, "root")
    fields = filled(panel.as_admin())
    assert (fields["earn_points"], fields["point_value"], fields["earn_on"]) == ("7", "123.45", "cash")
    assert (fields["newest"], fields["effective_from"]) == ("2", "")
    assert "csrf_token" not in fields, "it would stand in the addresses that a GET asks for"


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_an_example_is_worked_out_and_writes_nothing(panel: Panel, owner: Database, role: str) -> None:
    viewer = panel.as_admin() if role == "admin" else panel.as_auditor()
    viewer.page("/panel/rules")  # so that who reads is known
    before = books(owner)
    said = part(viewer, "example", earn_points="3", example_total="1,000.00", example_points="100")
    assert said.startswith("100 points pay ₹100.00; ₹900.00 is due by card. It earns 300 points, worth ₹300.00.")
    said = part(viewer, "example", effective_from="2026-03-01T00:00", expiry_months="1")
    assert said.endswith("expire at the end of 1 April 2026.")
    assert part(viewer, "example", point_value="x") == "A point pays: It must be an amount such as 50.00, please."
    assert part(viewer, "example", example_points="501") == "with points: The points are worth more than the order."
    assert text(viewer.page(f"/panel/rules/new?{urlencode(filled(viewer, earn_points='4'))}")).count("200 points") == 1
    assert books(owner) == before


@pytest.mark.parametrize("role", ["admin", "auditor"])
def test_a_backtest_shows_what_would_have_come_of_it_and_writes_nothing(
    panel: Panel, owner: Database, clock: Clock, role: str
) -> None:
    shop = Shop(panel.house)
    shop.give(points=100)
    shop.buy(points=30)
    viewer = panel.as_admin() if role == "admin" else panel.as_auditor()
    part(viewer, "backtest")  # so that who reads is known
    before = books(owner)
    said = part(viewer, "backtest", earn_points="3")
    assert "1 orders would have gone another way; 1 go by these rules." in said
    assert "Issued 150 250 +100 Redeemed 30 30 0 Expired 0 0 0 Outstanding 120 220 +100 Debt 0 0 0" in said
    assert "Liability ₹120.00 ₹220.00 +₹100.00" in said and "ann 120 220 +100" in said
    said = part(viewer, "backtest", earn_points="3", since="2026-01-16")
    assert "0 orders would have gone another way; 0 go by these rules." in said
    assert "No member would have more or fewer points." in said
    assert "Must not exceed" in part(viewer, "backtest", min_redeem_per_order="900")
    whole = viewer.page(f"/panel/rules/backtest?{urlencode(filled(viewer, earn_points='3'))}")
    assert "/panel/member?user=ann" in links_of(whole) and "<!doctype html>" in whole
    assert books(owner) == before


def test_a_backtest_of_an_empty_house_is_empty(panel: Panel) -> None:
    said = part(panel.as_admin(), "backtest")
    assert "Outstanding 0 0 0" in said and "No member would have more or fewer points." in said


# -- published


def test_what_is_published_is_the_rule_that_was_typed(panel: Panel, clock: Clock) -> None:
    viewer = panel.as_admin()
    changes = {"earn_per_amount": "₹12.50", "point_value": "0.75", "earn_on": "cash", "pending_days": "3"}
    answer = publish(viewer, **changes, effective_from="2026-02-01T00:00")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/panel/rules")
    made = panel.house.loyalty.programme().newest
    assert made.rule == Rule(earn_per_amount=1250, point_value=75, earn_on="cash", pending_days=3)
    assert made.effective_from == datetime(2026, 1, 31, 18, 30, tzinfo=UTC), "where the programme is"
    assert made.created_by is not None
    assert panel.house.directory.users_of([made.created_by]) == {made.created_by: ADMIN}
    assert "Version 2 is published." in viewer.page("/panel/rules")
    assert publish(viewer).status_code == 303
    assert panel.house.loyalty.programme().newest.effective_from == clock.at


@pytest.mark.parametrize(
    ("fields", "name", "said"),
    [
        ({"earn_points": "-1"}, "earn_points", "A whole number from 0 to 1000000000, please."),
        ({"earn_points": "1.5"}, "earn_points", "A whole number from 0 to 1000000000, please."),
        ({"earn_points": ""}, "earn_points", "A whole number from 0 to 1000000000, please."),
        ({"earn_per_amount": "0"}, "earn_per_amount", "From ₹0.01 to ₹1,00,00,000.00, please."),
        ({"earn_per_amount": ""}, "earn_per_amount", "An amount of money, please."),
        ({"point_value": "1.001"}, "point_value", "It must be an amount such as 50.00, please."),
        ({"earn_on": "whim"}, "earn_on", "Not a valid choice."),
        ({"min_redeem_per_order": "501"}, "min_redeem_per_order", "Must not exceed max_redeem_per_order."),
        ({"pending_days": "336"}, "pending_days", "Points would lapse before they could be spent."),
        ({"effective_from": "2026-01-15T11:00"}, "effective_from", "Must not lie in the past."),
        ({"effective_from": "0001-01-01T00:00"}, "effective_from", "A year from 1900 to 9000, please."),
        ({"effective_from": "9999-12-31T23:59"}, "effective_from", "A year from 1900 to 9000, please."),
        ({"effective_from": "soon"}, "effective_from", "Not a valid datetime value."),
    ],
)
def test_a_refusal_stands_beside_its_field_and_publishes_nothing(
    panel: Panel, owner: Database, fields: dict[str, str], name: str, said: str
) -> None:
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    page = shown(publish(viewer, **fields), 422)
    assert said in page.split(f'<p class="error" id="{name}-error">')[1].split("</p>")[0]
    assert books(owner) == before


@pytest.mark.parametrize("meant", ["1", "", "x", "9"])
def test_a_version_is_published_only_after_the_one_that_the_form_was_opened_on(
    panel: Panel, owner: Database, meant: str
) -> None:
    viewer = panel.as_admin()
    fields = filled(viewer, earn_points="2")
    assert viewer.post("/panel/rules", fields).status_code == 303
    before = books(owner)
    page = text(shown(viewer.post("/panel/rules", {**fields, "newest": meant}), 422))
    assert "Another version was published since this form was opened" in page or "Not a valid integer" in page
    assert books(owner) == before


def test_an_auditor_and_a_form_without_its_token_publish_nothing(panel: Panel, owner: Database) -> None:
    viewer, auditor = panel.as_admin(), panel.as_auditor()
    assert "Publish" not in words(auditor.page("/panel/rules/new"))
    fields = filled(viewer)
    auditor.token()
    before = books(owner)
    shown(auditor.post("/panel/rules", fields), 403)
    shown(viewer.post("/panel/rules", fields, token=None), 403)
    assert books(owner) == before


@pytest.mark.parametrize("page", ["orders", "transactions"])
@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31", "soon"])
def test_a_day_that_no_calendar_here_counts_breaks_no_list(panel: Panel, page: str, day: str) -> None:
    panel.as_admin().page(f"/panel/{page}?since={day}&until={day}")


def test_what_is_beside_the_rule_keeps_none_from_being_published(panel: Panel) -> None:
    viewer = panel.as_admin()
    fields = forms_of(viewer.page("/panel/rules/new"))[1].fields
    answer = viewer.post("/panel/rules", {**fields, "example_total": "", "example_points": "x", "since": "soon"})
    assert answer.status_code == 303
    assert panel.house.loyalty.programme().newest.version == 2
