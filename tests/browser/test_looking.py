"""The controls of what the other tests rely on: each fault that they look for, planted, and seen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.looking import Watch, looks
from tests.support.serving import Server

pytestmark = pytest.mark.slow


def test_what_is_planted_is_found(site: Server, browser: Browser) -> None:
    page = browser.new_page()
    watch = Watch(page, site.url)
    page.goto(f"{site.url}/shop/sign-in")
    assert (looks(page), watch.complaints()) == ([], [])
    page.evaluate("""() => {
        const planted = document.createElement("img");
        planted.style.width = "2000px";
        planted.src = "static/icon.svg";
        const faint = document.createElement("p");
        faint.textContent = "Hardly to be read";
        faint.style.color = "#888";
        document.querySelector("main").append(planted, faint);
    }""")
    found = " ".join(looks(page))
    assert all(sign in found for sign in ("390: scrolls sideways", "390: image-alt", "1280: color-contrast"))
    page.goto(f"{site.url}/products/0")
    page.evaluate("setTimeout(() => { throw new Error('planted'); })")
    page.evaluate(f"fetch('{site.url.replace('127.0.0.1', 'localhost')}/healthz').catch(() => 0)")
    page.wait_for_timeout(200)
    heard = " ".join(watch.complaints())
    assert all(sign in heard for sign in ("status of 404", "page error: planted", "another host was asked"))
    page.close()
