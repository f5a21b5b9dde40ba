"""Expired points in the panel: what lapsed, what waits for the sweep, what will lapse."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.support.clock import Clock
from tests.support.panel import Panel, links_of, words
from tests.support.shop import Shop
from tests.support.statements import counted_statements


def test_nothing_yet_says_so_in_each_part(panel: Panel) -> None:
    page = words(panel.as_auditor().page("/panel/expired"))
    for said in (
        "None: whatever has lapsed was swept.",
        "No points lapse within 30 days.",
        "No points have ever expired.",
    ):
        assert said in page


def test_points_are_told_as_they_come_near_lapse_and_are_swept(panel: Panel, clock: Clock) -> None:
    shop, viewer = Shop(panel.house), panel.as_auditor()
    end_of_day = clock() + timedelta(hours=12)  # 18:30 UTC, which is midnight in Kolkata
    shop.give("ann", 100, end_of_day + timedelta(days=3))
    shop.give("bob", 40, end_of_day + timedelta(days=3))
    shop.give("bob", 7, end_of_day + timedelta(days=4))
    shop.give("bob", 9, end_of_day + timedelta(days=31))
    page = words(viewer.page("/panel/expired"))
    assert "18 Jan 2026 140 2 19 Jan 2026 7 1 In all 147" in page
    clock.move(days=4)
    viewer = panel.as_auditor()
    page = words(viewer.page("/panel/expired"))
    assert "140 points of 2 members have lapsed and wait for the next sweep." in page
    assert "19 Jan 2026 7 1 15 Feb 2026 9 1 In all 16" in page
    assert "No points have ever expired." in page
    panel.house.expire_points()
    page = words(viewer.page("/panel/expired"))
    assert "None: whatever has lapsed was swept." in page
    assert "bob expired -40" in page and "ann expired -100" in page


def test_lapses_go_on_page_by_page(panel: Panel, clock: Clock) -> None:
    shop = Shop(panel.house)
    for n in range(51):
        shop.give(f"user{n}", 5, clock() + timedelta(days=1))
    clock.move(days=2)
    panel.house.expire_points()
    viewer = panel.as_admin()
    page = viewer.page("/panel/expired")
    assert page.count('id="line-') == 50
    (further,) = [link for link in links_of(page) if "after=" in link]
    page = viewer.page(further)
    assert page.count('id="line-') == 1
    assert "Lapsing within" not in page
    assert "No points have ever expired before these." in words(viewer.page("/panel/expired?after=1"))


@pytest.mark.parametrize("query", ["", "after=99999999999999999999", "after=x"])
def test_a_page_takes_at_most_five_statements(panel: Panel, query: str) -> None:
    viewer = panel.as_admin()
    viewer.page("/panel/expired")
    with counted_statements() as sent:
        viewer.page(f"/panel/expired?{query}")
    assert len(sent) <= 5, "\n".join(sent)
