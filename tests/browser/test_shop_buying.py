"""A member uses the storefront: finds, pays with points and cash, and never buys twice."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.looking import Watch
from tests.browser.shopping import (
    ODD_NAME,
    ODD_PRODUCT,
    available,
    expect_paid,
    go_to_checkout,
    orders_made,
    pay_button,
    put_in_basket,
    sell,
    sign_in,
    silent_bank,
)
from tests.support.serving import Server

pytestmark = pytest.mark.slow


def test_a_member_finds_with_a_typo_filters_and_pays_with_points_and_cash(page: Page) -> None:
    sign_in(page, "asha.rao")
    before = available(page)
    orders_before = orders_made(page)

    page.goto("/shop/")
    page.get_by_label("Search").press_sequentially("steel watter bottle")
    expect(page.locator(".card h3").first).to_have_text("Steel Water Bottle 1 L")
    page.get_by_role("checkbox", name="Kitchen & Dining").check()
    expect(page).to_have_url("/shop/?q=steel+watter+bottle&category=Kitchen+%26+Dining")
    page.reload()
    expect(page.get_by_role("checkbox", name="Kitchen & Dining")).to_be_checked()
    page.get_by_role("link", name="Steel Water Bottle 1 L").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Steel Water Bottle 1 L")
    page.get_by_label("Quantity").fill("2")
    page.get_by_role("button", name="Add to basket").click()
    page.get_by_role("link", name="To the basket").click()

    expect(page.locator("#due")).to_have_text("₹1,000")
    slider = page.get_by_role("slider", name="Points to use")
    slider.focus()
    for _ in range(30):
        slider.press("ArrowRight")
    expect(page.locator("#due")).to_have_text("₹970")
    expect(slider).to_have_attribute("aria-valuetext", "30 points, ₹970 by card")
    page.get_by_role("button", name="Pay ₹970 and 30 points").dblclick()
    expect_paid(page)
    expect(page.locator("#basket-count")).to_be_empty()

    assert available(page) == before - 30 + 100
    assert page.locator("#feed li").first.inner_text().split("\n")[0] == "Earned"
    assert orders_made(page) == orders_before + 1
    page.locator("summary").first.click()
    expect(page.locator(".order").first).to_contain_text("2 \N{MULTIPLICATION SIGN} Steel Water Bottle 1 L")


def test_a_declined_card_leaves_points_and_basket_and_the_next_card_buys(page: Page, watch: Watch) -> None:
    watch.expects("402")
    sign_in(page, "ravi.menon")
    before = available(page)
    put_in_basket(page, "water bottle", "Steel Water Bottle 1 L")
    go_to_checkout(page, points=10)
    page.get_by_label("A card that is declined").check()
    pay_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("The card was declined. Nothing was charged")
    expect(page.locator("#basket-count")).to_contain_text("1")
    assert available(page) == before

    go_to_checkout(page, points=10)
    pay_button(page).click()
    expect_paid(page)


def test_a_pending_charge_is_shown_checked_and_settled(page: Page, site: Server) -> None:
    sign_in(page, "meera.iyer")
    put_in_basket(page, "water bottle", "Steel Water Bottle 1 L")
    go_to_checkout(page, points=10)
    page.get_by_label("No answer, charged").check()
    with silent_bank(page):
        pay_button(page).click()
        expect(page.get_by_role("heading", name="Checking with the bank")).to_be_focused()
        page.reload()  # it goes on where it was
        expect(page.get_by_role("heading", name="Checking with the bank")).to_be_visible()
        site.miles("recover")
    expect_paid(page)


def test_points_alone_buy_without_a_card(page: Page) -> None:
    sign_in(page, "meera.iyer")
    put_in_basket(page, "adjustable phone stand", "Adjustable Phone Stand")
    page.goto("/shop/basket")
    page.get_by_role("button", name="Use all I can").click()
    expect(page.locator("#due")).to_have_text("₹0")
    expect(page.get_by_role("radio")).to_have_count(0)
    with page.expect_request("**/checkout/") as sent:
        page.get_by_role("button", name="Pay 100 points").click()
    assert "payment_method" not in sent.value.post_data_json
    expect_paid(page)


def test_who_does_not_wait_finds_the_order_and_an_empty_basket(page: Page) -> None:
    sign_in(page, "somebody.hasty")
    put_in_basket(page, "water bottle", "Steel Water Bottle 1 L")
    go_to_checkout(page)
    page.get_by_label("No answer, never charged").check()
    with silent_bank(page):
        pay_button(page).click()
        page.get_by_role("button", name="Do not wait").click()
        expect(page.locator(".status")).to_have_text(re.compile("Being checked|Not paid"))
    page.goto("/shop/basket")
    expect(page.get_by_text("Your basket is empty.")).to_be_visible()


def test_fewer_things_take_fewer_points(page: Page, watch: Watch) -> None:
    watch.expects("422")  # the quote says that it is too many, and the slider goes down
    sign_in(page, "ravi.menon")
    put_in_basket(page, "adjustable phone stand", "Adjustable Phone Stand")
    page.goto("/shop/basket")
    quantity = page.get_by_label("Quantity of Adjustable Phone Stand")
    quantity.fill("2")
    quantity.press("Tab")
    expect(page.locator("#total")).to_have_text("₹200")
    page.get_by_label("Exactly").fill("150")
    expect(page.locator("#due")).to_have_text("₹50")
    quantity.fill("1")
    quantity.press("Tab")
    expect(page.get_by_role("button", name="Pay 100 points")).to_be_enabled()
    expect(page.get_by_label("Exactly")).to_have_value("100")
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("Your basket is empty.")).to_be_visible()


def test_an_answer_that_was_lost_never_buys_twice(page: Page, watch: Watch) -> None:
    watch.expects("ERR_FAILED")
    sign_in(page, "somebody.new")
    put_in_basket(page, "water bottle", "Steel Water Bottle 1 L")
    go_to_checkout(page)

    def lose_the_answer(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/checkout/", lose_the_answer)
    pay_button(page).click()
    expect(page.get_by_role("alert")).to_have_text(
        "We do not know whether it went through. Try again: it will not be charged twice."
    )
    page.unroute("**/checkout/")
    page.reload()
    page.get_by_role("button", name="Try again").click()
    expect_paid(page)
    assert orders_made(page) == 1


def test_a_price_that_changed_is_shown_before_it_is_paid(
    page: Page, watch: Watch, site: Server, tmp_path: Path
) -> None:
    watch.expects("409")
    sell(site, tmp_path, "CHANGING", "A thing of changing price", 10_000_000)
    sign_in(page, "somebody.rich")
    put_in_basket(page, "thing of changing price", "A thing of changing price")
    go_to_checkout(page)
    expect(page.locator("#total")).to_have_text("₹1,00,000")
    sell(site, tmp_path, "CHANGING", "A thing of changing price", 12_500_050)
    pay_button(page).click()
    expect(page.get_by_role("alert")).to_contain_text("the total is now ₹1,25,000.50, not ₹1,00,000")
    page.get_by_role("button", name="Pay ₹1,25,000.50").click()
    expect_paid(page)


def test_the_keyboard_alone_buys(page: Page) -> None:
    sign_in(page, "asha.rao")
    page.goto("/shop/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("water bottle")
    expect(page.locator(".card h3").first).to_contain_text("Water Bottle")
    tab_to(page, ".card h3 a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/product?id=*")
    expect(page.get_by_role("button", name="Add to basket")).to_be_visible()
    tab_to(page, "#add button")
    page.keyboard.press("Enter")
    tab_to(page, "#added a")
    page.keyboard.press("Enter")
    page.wait_for_url("**/basket")
    expect(pay_button(page)).to_be_enabled()
    tab_to(page, "#slider")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#less")).to_contain_text("(1 point)")
    expect(pay_button(page)).to_be_enabled()
    tab_to(page, "[name=method]")
    tab_to(page, "#pay")
    page.keyboard.press("Space")
    expect_paid(page)
    expect(page.get_by_role("heading", name="Thank you. It is paid.")).to_be_focused()


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until it is reached, as a keyboard user would."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} cannot be reached by the keyboard")


def test_odd_names_of_members_and_products_work_everywhere(page: Page, site: Server, tmp_path: Path) -> None:
    sell(site, tmp_path, "ODD-1", ODD_PRODUCT, 12_345_600)
    sign_in(page, ODD_NAME)
    put_in_basket(page, "quoted 100", ODD_PRODUCT)
    page.goto("/shop/?category=Odd+%26+%3Ci%3EEnds%3C%2Fi%3E")
    expect(page.get_by_role("checkbox", name="Odd & <i>Ends</i>")).to_be_checked()
    go_to_checkout(page)
    pay_button(page).click()
    expect_paid(page)
    expect(page.locator("#account bdi")).to_have_text(ODD_NAME)
    assert available(page) == 500
    assert orders_made(page) == 1
    page.locator("summary").click()
    expect(page.locator(".order")).to_contain_text(f"1 \N{MULTIPLICATION SIGN} {ODD_PRODUCT}")
    expect(page.locator(".order")).to_contain_text("₹1,23,456")
