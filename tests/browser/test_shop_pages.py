"""Each page of the storefront: how it looks, what it weighs, and what it says when there is nothing or no way on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.looking import Watch, keep_screenshots, looks, weight_of_first_load
from tests.browser.shopping import available, go_to_checkout, pay_button, put_in_basket, sign_in, silent_bank
from tests.support.serving import Server

pytestmark = pytest.mark.slow

FIRST_LOAD_BYTES = 100_000


def test_every_page_is_sound_at_both_sizes_in_the_light_and_in_the_dark(page: Page) -> None:
    amiss = {}

    def look(name: str, ready: str = "h1") -> None:
        expect(page.locator(ready).first).to_be_visible()
        amiss[name] = looks(page)
        keep_screenshots(page, f"shop-{name}")

    page.goto("/shop/basket")
    look("basket-empty", ".empty")
    page.goto("/shop/sign-in")
    look("sign-in", "#by-name")
    sign_in(page, "ravi.menon")
    page.goto("/shop/")
    look("browse", ".card:not(.skeleton)")
    page.goto("/shop/?q=qqqqzzzz")
    expect(page.get_by_text("Nothing found for “qqqqzzzz”.")).to_be_visible()
    look("browse-nothing")
    put_in_basket(page, "kettle", "Kettle")
    look("product")
    go_to_checkout(page, points=5)
    look("basket")
    page.get_by_label("No answer, never charged").check()
    with silent_bank(page):
        pay_button(page).click()
        expect(page.get_by_role("heading", name="Checking with the bank")).to_be_visible()
        look("pending")
        page.get_by_role("button", name="Do not wait").click()
    expect(page.locator(".order")).to_be_visible()
    look("order")
    available(page)
    look("points", "#feed li")
    assert {name: found for name, found in amiss.items() if found} == {}


def test_no_page_weighs_much_when_it_is_first_opened(open_page: OpenPage, site: Server) -> None:
    token = site.miles("token", "asha.rao", "--role", "customer").stdout.strip()
    weights = {}
    pages = {
        "": ".card:not(.skeleton)",
        "product?id=1": "#add",
        "basket": ".empty",
        "points": "#feed li",
        "orders": ".order",
        "sign-in": "#by-name",
    }
    for name, ready in pages.items():
        page, _ = open_page()
        page.add_init_script(f"sessionStorage.setItem('miles.token', JSON.stringify('{token}'))")
        weights[name] = weight_of_first_load(page, f"/shop/{name}", ready)
    assert {name: weight for name, weight in weights.items() if not 5_000 < weight < FIRST_LOAD_BYTES} == {}


def test_filters_live_in_the_address_so_that_back_finds_them_again(page: Page) -> None:
    page.goto("/shop/")
    page.get_by_role("checkbox", name="Audio").check()
    expect(page.locator("#found")).to_have_text("14 products")
    page.get_by_role("spinbutton", name="to", exact=True).fill("1000")
    page.get_by_label("Sort by").select_option("Price, low to high")
    expect(page).to_have_url("/shop/?sort=price&max_price=100000&category=Audio")
    expect(page.locator("[aria-busy]")).to_have_count(0)  # what is found now takes the place of what was
    page.locator(".card a").first.click()
    page.get_by_role("link", name="Back to the shop").click()
    expect(page.get_by_role("checkbox", name="Audio")).to_be_checked()
    page.get_by_role("button", name="Clear the filters").click()
    expect(page).to_have_url("/shop/?sort=price")
    page.go_back()
    expect(page.get_by_role("spinbutton", name="to", exact=True)).to_have_value("1000")


def test_more_is_loaded_and_found_again_after_a_reload(page: Page) -> None:
    page.goto("/shop/")
    expect(page.locator(".card:not(.skeleton)")).to_have_count(24)
    page.get_by_role("button", name="Load more").click()
    expect(page.locator(".card")).to_have_count(48)
    page.reload()
    expect(page.locator(".card:not(.skeleton)")).to_have_count(48)


def test_a_page_that_fails_says_what_to_do_and_does_it(page: Page, watch: Watch) -> None:
    watch.expects("ERR_FAILED")
    page.route("**/products/search?*", lambda route: route.abort())
    page.goto("/shop/")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The shop cannot be reached. Check your connection and try again.")
    page.unroute("**/products/search?*")
    alert.get_by_role("button", name="Try again").click()
    expect(page.locator(".card:not(.skeleton)")).to_have_count(24)


def test_a_basket_whose_member_cannot_be_asked_goes_on_once_they_can(page: Page, watch: Watch) -> None:
    watch.expects("ERR_FAILED")
    sign_in(page, "asha.rao")
    put_in_basket(page, "water bottle", "Steel Water Bottle 1 L")
    page.route("**/user/points", lambda route: route.abort())
    page.goto("/shop/basket")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The shop cannot be reached.")
    page.unroute("**/user/points")
    alert.get_by_role("button", name="Try again").click()
    expect(pay_button(page)).to_be_enabled()
    expect(alert).to_have_count(0)


def test_what_is_not_sold_any_more_is_said_and_the_rest_can_be_bought(page: Page, watch: Watch) -> None:
    watch.expects("404", "422")
    sign_in(page, "asha.rao")
    put_in_basket(page, "water bottle", "Steel Water Bottle 1 L")
    gone = {"id": 999_999, "name": "A thing of the past", "brand": "", "category": "", "price": 100, "currency": "INR"}
    page.evaluate(
        """gone => {
            const lines = JSON.parse(localStorage.getItem("miles.basket"));
            localStorage.setItem("miles.basket", JSON.stringify([...lines, { ...gone, image_url: "", quantity: 1 }]));
        }""",
        gone,
    )
    page.goto("/shop/basket")
    expect(page.locator(".line.gone")).to_contain_text("Not sold any more")
    expect(page.locator("#total")).to_have_text("₹500")
    expect(pay_button(page)).to_be_enabled()
    page.goto("/shop/product?id=999999")
    expect(page.get_by_role("heading", name="This is not sold here")).to_be_visible()


def test_a_sign_in_that_ended_leads_to_a_new_one_and_back(page: Page, watch: Watch) -> None:
    watch.expects("401")
    sign_in(page, "asha.rao")
    page.evaluate("sessionStorage.setItem('miles.token', JSON.stringify('worn.out.token'))")
    page.goto("/shop/orders")
    expect(page.get_by_text("Your sign-in has ended. Sign in again.")).to_be_visible()
    page.get_by_role("button", name="asha.rao").click()
    page.wait_for_url("**/shop/orders")
    expect(page.locator(".order").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()


def test_where_nobody_signs_in_by_name_a_token_does(page: Page, watch: Watch, site: Server) -> None:
    watch.expects("401", "403")
    page.route("**/sign-in/options", lambda route: route.fulfill(json={"by_name": False}))
    page.goto("/shop/sign-in?back=//elsewhere.example/")
    tokens = {role: site.miles("token", "asha.rao", "--role", role).stdout for role in ("auditor", "customer")}
    submit = page.locator("#token-form button")
    page.get_by_role("textbox", name="Token").fill("no token")
    submit.click()
    expect(page.get_by_role("alert")).to_contain_text("This token is refused")
    page.get_by_role("textbox", name="Token").fill(tokens["auditor"])
    submit.click()
    expect(page.get_by_role("alert")).to_contain_text("not a customer's")
    page.get_by_role("textbox", name="Token").fill(f"Bearer {tokens['customer']}")
    submit.click()
    expect(page.locator("#account bdi")).to_have_text("asha.rao")
    expect(page).to_have_url("/shop/")


def test_where_the_browser_keeps_nothing_the_shop_shows_and_says_so(page: Page) -> None:
    for store in ("sessionStorage", "localStorage"):
        page.add_init_script(f"Object.defineProperty(window, '{store}', {{ get() {{ throw new Error('off'); }} }})")
    page.goto("/shop/product?id=1")
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#basket-count")).to_contain_text("1")
    page.goto("/shop/sign-in")
    page.get_by_role("button", name="asha.rao").click()
    expect(page.get_by_role("alert")).to_contain_text("This browser keeps nothing for this site.")
