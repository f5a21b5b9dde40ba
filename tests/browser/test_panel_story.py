"""The whole story by hand: an admin in the panel, a member in the shop, and an auditor who looks on."""

from __future__ import annotations

import subprocess
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.looking import Watch
from tests.browser.paneling import enter, give, printed_link
from tests.browser.shopping import available, go_to_checkout, pay_button, put_in_basket, sign_in
from tests.support.serving import PROJECT, Server

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


def add_user(site: Server, email: str, role: str) -> None:
    """As an operator does it."""
    command = [PROJECT / "bin" / "miles", "panel", "add-user", email, "--role", role]
    subprocess.run(command, env=site.environment, input=f"{PASSWORD}\n", text=True, check=True, capture_output=True)


def log_in(page: Page, email: str) -> None:
    """With e-mail and password."""
    page.goto("/panel/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="How the programme stands")).to_be_visible()


def test_the_link_that_the_server_printed_lets_in_once(page: Page, site: Server) -> None:
    page.goto(printed_link(site))
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_text("admin@localhost")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_text("You are logged out.")).to_be_visible()
    page.goto(printed_link(site))
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_text("This link was used before")).to_be_visible()


def test_the_whole_story(open_page: OpenPage, site: Server) -> None:
    add_user(site, "desk@example.com", "admin")
    admin, _ = open_page()
    log_in(admin, "desk@example.com")
    set_rules(admin)
    give(admin, "priya", 200, "Welcome gift")

    feed, _ = open_page()
    enter(feed, site)
    feed.goto("/panel/transactions?user=priya")
    expect(feed.locator("#lines tr")).to_have_count(1)

    member, watch = open_page()
    buy_with_points_and_cash(member)
    expect(feed.locator("#lines tr")).to_have_count(3)
    expect(feed.locator("#lines tr.new")).to_have_count(2)
    expect(feed.locator("#lines tr").nth(0)).to_contain_text("+50")
    expect(feed.locator("#lines tr").nth(1)).to_contain_text("-30")

    read_the_order_and_refund_half(feed)
    expect(feed.get_by_text("partly refunded").first).to_be_visible()

    watch.expects("402")
    before = available(member)
    put_in_basket(member, "kettle", "Kettle")
    go_to_checkout(member, points=20)
    member.get_by_label("A card that is declined").check()
    pay_button(member).click()
    expect(member.get_by_text("declined", exact=False).first).to_be_visible()
    assert available(member) == before
    admin.goto("/panel/transactions?user=priya")
    expect(admin.locator("#lines tr").nth(0)).to_contain_text("given back")
    expect(admin.locator("#lines tr").nth(1)).to_contain_text("used")


def set_rules(page: Page) -> None:
    """Points live two years. (What other tests on this server count, stays.)"""
    page.get_by_role("link", name="Rules").click()
    page.get_by_role("link", name="New version").click()
    page.get_by_label("Months until they expire").fill("24")
    expect(page.locator("#example")).to_contain_text(str(date.today().year + 2))
    page.get_by_role("button", name="Publish").click()
    expect(page.get_by_role("status").first).to_contain_text("ersion")


def buy_with_points_and_cash(page: Page) -> None:
    """A bottle of ₹500 for 30 points and ₹470."""
    sign_in(page, "priya")
    put_in_basket(page, "steel watter bottle", "Steel Water Bottle 1 L")
    go_to_checkout(page, points=30)
    pay_button(page).click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


def read_the_order_and_refund_half(page: Page) -> None:
    """From a line of the feed to its order, which tells its story; then give half of it back."""
    page.locator("#lines a.id").first.click()
    story = page.locator(".timeline")
    expect(story).to_contain_text("30 points")
    expect(story).to_contain_text("50 points were earned")
    page.get_by_label("Amount of the total").fill("250")
    page.get_by_label("Reason").fill("The cap was cracked")
    expect(page.locator("#preview")).to_contain_text("15")
    page.get_by_role("button", name="Refund").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.locator(".timeline")).to_contain_text("The cap was cracked")


def test_an_auditor_reads_everything_and_changes_nothing(open_page: OpenPage, site: Server) -> None:
    add_user(site, "iris@example.com", "auditor")
    page, watch = open_page()
    log_in(page, "iris@example.com")
    for link in page.locator("nav[aria-label=Pages] a").all_inner_texts():
        page.get_by_label("Pages").get_by_role("link", name=link).click()
        expect(page.locator("h1")).to_be_visible()
        assert page.locator("main form[method=post]").count() == 0, link
    watch.expects("403")
    for path in ("member?user=asha.rao", "rules", "products/import", "orders/reviews"):
        status = page.evaluate(
            """async path => (await fetch(`/panel/${path}`, {
                method: "POST",
                body: new URLSearchParams({ csrf_token: document.querySelector("[name=csrf_token]").value }),
            })).status""",
            path,
        )
        assert status == 403, path


def test_what_a_session_that_ended_leaves_open_leads_to_the_login(page: Page, watch: Watch, site: Server) -> None:
    enter(page, site)
    page.goto("/panel/members")
    page.context.clear_cookies()
    watch.expects("401")
    page.get_by_label("User id begins with").fill("asha")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
