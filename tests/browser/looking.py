"""How a test looks at a page: what the browser complains of, what axe finds, what it weighs, and what it looks like."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, Response

PROJECT = Path(__file__).resolve().parent.parent.parent
SCREENSHOTS = PROJECT / "screenshots"
SIZES = {390: 844, 1280: 800}
"""Widths of a phone and of a desktop, with their heights. Who looks at both leaves a page at the desktop's."""

_REFUSED = re.compile(r"the server responded with a status of (\d+)")


class Watch:
    """What went wrong in a page while a test used it. A test says which refusals and losses it asks for."""

    def __init__(self, page: Page, origin: str) -> None:
        self._origin = origin
        self._expected: set[str] = set()
        self._said: list[str] = []
        self._foreign: list[str] = []
        page.on("console", lambda message: self._hear(message.type, message.text))
        page.on("pageerror", lambda error: self._said.append(f"page error: {error}"))
        page.on("request", lambda request: self._see(request.url))

    def expects(self, *refusals: str) -> None:
        """Statuses that the browser may report as failed, and names of network errors."""
        self._expected.update(refusals)

    def complaints(self) -> list[str]:
        """Everything that nobody expected."""
        return [*self._said, *(f"another host was asked: {url}" for url in self._foreign)]

    def _hear(self, kind: str, text: str) -> None:
        refused = _REFUSED.search(text)
        is_expected = (refused and refused[1] in self._expected) or any(
            f"net::{name}" in text for name in self._expected
        )
        if kind in ("error", "warning") and not is_expected:
            self._said.append(f"console {kind}: {text}")

    def _see(self, url: str) -> None:
        if not url.startswith(f"{self._origin}/"):
            self._foreign.append(url)


@cache
def _axe() -> str:
    return (files("axe_playwright_python") / "axe.min.js").read_text()


def violations(page: Page, *rules: str) -> list[str]:
    """What axe finds on the page as it stands, by all rules or by these.

    It comes in through the debugger, which no policy of the page's stops.
    """
    page.evaluate(_axe())
    options = {"runOnly": rules, "resultTypes": ["violations"]} if rules else {"resultTypes": ["violations"]}
    run = "options => axe.run(options).then(results => results.violations)"
    found: list[dict[str, Any]] = page.evaluate(run, options)
    return [f"{each['id']}: {each['help']}: {node['html'][:200]}" for each in found for node in each["nodes"]]


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def looks(page: Page) -> list[str]:
    """What is amiss at either size, in the light and in the dark."""
    amiss = []
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        if scrolls_sideways(page):
            amiss.append(f"{width}: scrolls sideways")
        amiss += [f"{width}: {violation}" for violation in violations(page)]
        page.emulate_media(color_scheme="dark")  # in which nothing but the colours differs
        amiss += [f"{width} dark: {violation}" for violation in violations(page, "color-contrast")]
        page.emulate_media(color_scheme="light")
    return amiss


def keep_screenshots(page: Page, name: str) -> None:
    """The page at both sizes, as `screenshots/<name>-<width>.png`."""
    SCREENSHOTS.mkdir(exist_ok=True)
    for width, height in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png", full_page=True)


def weight_of_first_load(page: Page, url: str, ready: str) -> int:
    """Bytes that came over the wire for a page that was never loaded before, until `ready` is on it."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - Playwright marks what it is given
    page.goto(url)
    page.locator(ready).first.wait_for()
    sizes = [answer.request.sizes() for answer in answers]
    return sum(size["responseBodySize"] + size["responseHeadersSize"] for size in sizes)
