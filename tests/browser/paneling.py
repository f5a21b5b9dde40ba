"""What an admin does in the panel, for the tests that tell what comes of it."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.support.serving import Server

LOCAL_ADMIN = "admin@localhost"
ENTRANCE = re.compile(r"http://\S+/panel/enter/\S+")


def enter(page: Page, site: Server, email: str = LOCAL_ADMIN) -> None:
    """Log in by a link, as `miles panel link` prints it."""
    page.goto(site.miles("panel", "link", email).stdout.strip())
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("heading", name="How the programme stands")).to_be_visible()


def printed_link(site: Server) -> str:
    """The link that `bin/serve` printed."""
    found = ENTRANCE.search(site.said.read_text())
    assert found
    return found[0]


def give(page: Page, user: str, points: int, reason: str) -> None:
    """Adjust a member's points by the form on their page, seeing first what will happen."""
    page.goto("/panel/member?" + f"user={user}")
    page.get_by_label("Points", exact=True).fill(str(points))
    page.get_by_label("Reason").fill(reason)
    expect(page.locator("#preview")).to_contain_text(f"After it {points:,} can be spent.")
    page.get_by_role("button", name="Adjust").click()
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("status").first).to_contain_text(f"+{points:,} points for {user}")
