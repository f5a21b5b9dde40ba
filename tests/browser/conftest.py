"""A real server and a real Chromium, and pages that fail a test when anything goes wrong in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.looking import SIZES, Watch
from tests.support.chromium import HOW, chromium, is_demanded
from tests.support.serving import Server, serving

WIDTH = 1280

expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`bin/serve` on its embedded default, with the sample catalogue and the story."""
    with serving(tmp_path_factory.mktemp("site") / "home") as server:
        yield server


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; each page has a context of its own."""
    found = chromium()
    if found is None and not is_demanded():
        pytest.skip(HOW)
    with sync_playwright() as playwright:
        # Without its sandbox, which a container forbids: it sees no page but ours.
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


OpenPage = Callable[..., tuple[Page, Watch]]


@pytest.fixture
def open_page(site: Server, browser: Browser) -> Iterator[OpenPage]:
    """Opens pages in contexts of their own; fails the test for what was complained of in any of them."""
    watches: list[Watch] = []
    contexts = []

    def opened(**options: object) -> tuple[Page, Watch]:
        size = {"width": WIDTH, "height": SIZES[WIDTH]}
        context = browser.new_context(base_url=site.url, viewport=size, timezone_id="Europe/Berlin", **options)
        context.set_default_timeout(30_000)  # ours is not the only work on the machine
        contexts.append(context)
        page = context.new_page()
        watches.append(Watch(page, site.url))
        return page, watches[-1]

    yield opened
    for context in contexts:
        context.close()
    assert [complaint for watch in watches for complaint in watch.complaints()] == []


@pytest.fixture
def opened(open_page: OpenPage) -> tuple[Page, Watch]:
    """A page, and the watch over it."""
    return open_page()


@pytest.fixture
def page(opened: tuple[Page, Watch]) -> Page:
    """A page."""
    return opened[0]


@pytest.fixture
def watch(opened: tuple[Page, Watch]) -> Watch:
    """The watch over `page`."""
    return opened[1]
