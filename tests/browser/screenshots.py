"""README's three pictures: the panel's first page, a member in it, and a checkout in the storefront.

bin/screenshots    takes them anew, on a fresh house, into docs/pictures
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.browser.paneling import enter
from tests.browser.shopping import go_to_checkout, put_in_basket, sign_in
from tests.support.chromium import HOW, chromium
from tests.support.serving import PROJECT, Server, serving

PICTURES = PROJECT / "docs" / "pictures"
SIZE = {"width": 1280, "height": 800}


def take(page: Page, site: Server) -> None:
    """All three."""
    enter(page, site)
    keep(page, "panel")
    page.goto("/panel/member?user=meera.iyer")
    page.get_by_label("Points", exact=True).fill("50")
    page.get_by_label("Reason").fill("Birthday")
    page.locator("#preview", has_text="After it").wait_for()
    keep(page, "member")
    sign_in(page, "meera.iyer")
    put_in_basket(page, "headphones", "Wireless Headphones Raag 300")
    go_to_checkout(page, points=150)
    keep(page, "storefront")


def keep(page: Page, name: str) -> None:
    """The page as it stands."""
    page.wait_for_load_state("networkidle")
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(PICTURES / f"{name}.png")


def main() -> int:
    """Take them; gives the exit status."""
    found = chromium()
    if found is None:
        print(HOW, file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder) / "home") as site, sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        take(browser.new_page(base_url=site.url, viewport=SIZE, timezone_id="Asia/Kolkata", locale="en-IN"), site)
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
