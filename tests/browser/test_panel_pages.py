"""Each page of the panel: how it looks at both sizes, in the light and in the dark, what axe finds, what it weighs."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.looking import Watch, keep_screenshots, looks, weight_of_first_load
from tests.browser.paneling import enter
from tests.support.serving import Server

pytestmark = pytest.mark.slow

FIRST_LOAD_BYTES = 100_000

PAGES = {
    "home": "",
    "members": "members",
    "members-none": "members?user=zzz",
    "member": "member?user=meera.iyer",
    "member-new": "member?user=nobody",
    "member-feed": "member/feed?user=meera.iyer",
    "member-orders": "member/orders?user=meera.iyer",
    "member-statement": "member/statement?user=meera.iyer",
    "transactions": "transactions",
    "orders": "orders",
    "reviews": "orders/reviews",
    "rules": "rules",
    "rules-new": "rules/new",
    "products": "products",
    "products-none": "products?q=zzz",
    "product": "products/edit?sku=KIT-001",
    "product-new": "products/new",
    "product-file": "products/import",
    "expired": "expired",
    "jobs": "jobs",
    "audit": "audit",
    "audit-verified": "audit/verified",
    "audit-checkpoints": "audit/checkpoints",
    "audit-events": "audit/events",
    "audit-event": "audit/events/3",
    "audit-readings": "audit/readings",
}
"""Name of the picture -> the page."""


def test_every_page_is_sound_at_both_sizes_in_the_light_and_in_the_dark(page: Page, watch: Watch, site: Server) -> None:
    amiss = {}
    page.goto("/panel/login")
    amiss["login"] = looks(page)
    keep_screenshots(page, "panel-login")
    enter(page, site)
    for name, path in PAGES.items():
        page.goto(f"/panel/{path}")
        amiss[name] = looks(page)
        keep_screenshots(page, f"panel-{name}")
    page.goto("/panel/orders?status=paid")
    page.locator("td a.id").first.click()
    expect(page.locator("#preview")).to_contain_text("would go back")
    amiss["order"] = looks(page)
    keep_screenshots(page, "panel-order")
    page.goto("/panel/rules/new")
    page.get_by_role("button", name="Backtest").click()
    expect(page.locator("#backtest")).to_contain_text("Outstanding")
    amiss["rules-backtest"] = looks(page)
    keep_screenshots(page, "panel-rules-backtest")
    watch.expects("404")
    page.goto("/panel/nothing-here")
    amiss["missing"] = looks(page)
    keep_screenshots(page, "panel-missing")
    assert {name: found for name, found in amiss.items() if found} == {}


def test_no_page_weighs_much_when_it_is_first_opened(open_page: OpenPage, site: Server) -> None:
    page, _ = open_page()
    enter(page, site)
    cookies = page.context.cookies()
    weights = {}
    for name, path in PAGES.items():
        page, _ = open_page()
        page.context.add_cookies(cookies)
        weights[name] = weight_of_first_load(page, f"/panel/{path}", "h1")
    assert {name: weight for name, weight in weights.items() if not 5_000 < weight < FIRST_LOAD_BYTES} == {}
