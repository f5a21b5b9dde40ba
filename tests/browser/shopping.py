"""What a shopper does in the storefront, for the tests that tell what comes of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import APIResponse, Locator, Page, Route, expect

from tests.support.serving import Server

ODD_NAME = """O'Brien|100%<script>🎉"""
ODD_PRODUCT = """<script>alert("1")</script> 100% | 'Quoted' 🎉"""


def sell(site: Server, folder: Path, sku: str, name: str, price: int) -> None:
    """Put a product on sale, or change its price."""
    product = {"sku": sku, "name": name, "brand": "<b>Brand</b>", "category": "Odd & <i>Ends</i>", "price": price}
    file = folder / f"{sku}.ndjson"
    file.write_text(json.dumps(product))
    site.miles("catalog", "import", str(file))


def sign_in(page: Page, name: str) -> None:
    """Choose a name, from wherever one is."""
    page.goto("/shop/sign-in")
    page.get_by_label("Or any other").fill(name)
    page.locator("#name-form").get_by_role("button", name="Sign in").click()
    expect(page.locator("#account bdi")).to_have_text(name)
    expect(page).not_to_have_url("sign-in")


def put_in_basket(page: Page, words: str, name: str) -> None:
    """Find a product by words, and put one into the basket."""
    page.goto("/shop/")
    page.get_by_label("Search").fill(words)
    page.get_by_role("link", name=name).first.click()
    page.get_by_role("button", name="Add to basket").click()
    expect(page.locator("#added")).to_contain_text("in your basket")


def go_to_checkout(page: Page, points: int = 0) -> None:
    """Open the basket and choose how many points to use."""
    page.goto("/shop/basket")
    if points:
        page.get_by_label("Exactly").fill(str(points))
    expect(page.locator("#less")).to_contain_text(f"({points} point")
    expect(pay_button(page)).to_be_enabled()


def pay_button(page: Page) -> Locator:
    """The one that buys."""
    return page.locator("#pay")


@contextmanager
def silent_bank(page: Page) -> Iterator[None]:
    """While it lasts, the page hears what checkout answered first: the scheduler may settle an order at any moment."""
    first: list[APIResponse] = []

    def answer(route: Route) -> None:
        if not first:
            first.append(route.fetch())
        route.fulfill(response=first[0])

    page.route("**/checkout/", answer)
    yield
    page.unroute("**/checkout/")


def expect_paid(page: Page) -> None:
    """The receipt is there."""
    expect(page.get_by_role("heading", name="Thank you. It is paid.")).to_be_visible(timeout=20_000)


def available(page: Page) -> int:
    """The member's points, as their own page says."""
    page.goto("/shop/points")
    expect(page.locator("#available")).not_to_be_empty()
    return int(page.locator("#available").inner_text().split()[0].replace(",", ""))


def orders_made(page: Page) -> int:
    """How many orders the member has."""
    page.goto("/shop/orders")
    expect(page.locator(".order").or_(page.locator(".empty")).first).to_be_visible()
    return page.locator(".order").count()
