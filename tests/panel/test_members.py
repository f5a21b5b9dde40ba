"""Members in the panel: found, looked at, and corrected."""

from __future__ import annotations

from datetime import UTC, datetime
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from app.database import Database
from app.projections.transactions import Filters
from app.usecases.adjust_points import Adjustment
from app.usecases.refund_order import RefundWanted
from tests.support.clock import Clock
from tests.support.panel import ADMIN, Panel, Viewer, books, links_of, shown, words
from tests.support.shop import Shop

ODD = [
    "O'Brien",
    'say "hi"',
    "a|b",
    "100%",
    "50%25",
    "<script>alert(1)",
    "🎉",
    "a&b=c",
    "..",
]


def give(panel: Panel, user: str, points: int, reason: str = "Welcome") -> None:
    """Points by hand, past the panel."""
    panel.house.adjust_points(Adjustment(user, points, reason, "root", f"{user} {points} {reason}"))


def adjust(viewer: Viewer, user: str = "ann", **fields: Any) -> Any:
    """Send the form on a member's page, and confirm what it says would happen."""
    return viewer.submit(f"/panel/member?user={quote(user, safe='')}", action="/panel/member?", **fields)


def test_an_adjustment_goes_by_the_use_case_under_the_admins_own_name(panel: Panel) -> None:
    viewer = panel.as_admin()
    answer = adjust(viewer, points="200", reason="Welcome gift")
    assert answer.headers["Location"] == "/panel/member?user=ann"
    page = words(viewer.page("/panel/member?user=ann"))
    assert "+200 points for ann: 200 can be spent now." in page
    assert "by hand +200 200" in page and "Welcome gift desk@example.com" in page
    (line,) = panel.house.transactions.page(10, None, Filters(user="ann")).items
    assert (line["points"], line["reason"], line["actor"]) == (200, "Welcome gift", ADMIN)


def test_an_expiry_is_the_end_of_that_day_where_the_programme_is(panel: Panel) -> None:
    viewer = panel.as_admin()
    adjust(viewer, points="5", reason="x", expires_on="2026-03-01")
    account_id = panel.house.accounts.account_of("ann")
    assert account_id is not None
    (lot,) = panel.house.lots.of(account_id)
    assert lot["expires_at"] == datetime(2026, 3, 1, 18, 30, tzinfo=UTC)


def test_what_would_happen_is_shown_and_nothing_is_written(panel: Panel, owner: Database) -> None:
    viewer = panel.as_admin()
    give(panel, "ann", 100)
    viewer.token()
    before = books(owner)
    shows = words(shown(viewer.post("/panel/member/preview?user=ann", {"points": "-30", "reason": "r", "key": "k"})))
    assert shows == "30 points would be taken from ann, those first that expire first. After it 70 can be spent."
    shows = words(shown(viewer.post("/panel/member/preview?user=bob", {"points": "30", "reason": "r", "key": "k"})))
    assert shows.startswith(
        "30 points would be given to bob, good until the end of 15 Jan 2027 . After it 30 can be spent."
    )
    assert books(owner) == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"points": "-101", "reason": "r"}, "There are not that many points to take."),
        ({"points": "0", "reason": "r"}, "Must be from 1 to 1000000000, or as much below zero."),
        ({"points": "1.5", "reason": "r"}, "A whole number from -1000000000 to 1000000000, please."),
        ({"points": "", "reason": "r"}, "A whole number from -1000000000 to 1000000000, please."),
        ({"points": "2000000000", "reason": "r"}, "A whole number from -1000000000 to 1000000000, please."),
        ({"points": "5", "reason": ""}, "Why? 1 to 500 characters, please."),
        ({"points": "5", "reason": "r" * 501}, "Why? 1 to 500 characters, please."),
        ({"points": "5", "reason": "r", "expires_on": "2026-01-14"}, "Must lie ahead."),
        ({"points": "-5", "reason": "r", "expires_on": "2026-03-01"}, "Only points that are given can expire."),
        ({"points": "5", "reason": "r", "expires_on": "soon"}, "Not a valid date value."),
    ],
)
def test_a_refusal_stands_beside_its_field_and_changes_nothing(
    panel: Panel, owner: Database, fields: dict[str, str], said: str
) -> None:
    viewer = panel.as_admin()
    give(panel, "ann", 100)
    before = books(owner)
    page = shown(adjust(viewer, **fields), 422)
    assert f'<p class="error" id="points-error">{said}' in page or said in words(page)
    assert 'aria-invalid="true"' in page
    assert books(owner) == before


def test_a_form_that_is_sent_twice_adjusts_once(panel: Panel) -> None:
    viewer = panel.as_admin()
    fields = {"points": "50", "reason": "Welcome", "key": "the-key-of-this-form"}
    asked = viewer.post("/panel/member?user=ann", fields)
    assert viewer.resubmit(asked, "/panel/member?").status_code == 303
    again = shown(viewer.resubmit(asked, "/panel/member?"), 422)
    assert "This was done already, and was not done again." in words(again)
    assert panel.house.accounts.points("ann", panel.house.clock())["available"] == 50


def test_an_auditor_sees_all_and_changes_nothing(panel: Panel, owner: Database) -> None:
    give(panel, "ann", 100)
    viewer = panel.as_auditor()
    page = viewer.page("/panel/member?user=ann")
    assert "100" in page and "Give or take points" not in page
    viewer.token()
    before = books(owner)
    for path in ("/panel/member?user=ann", "/panel/member/preview?user=ann", "/panel/members", "/panel/nothing"):
        assert "You may not do that" in shown(viewer.post(path, {"points": "5", "reason": "x", "key": "k"}), 403)
    assert books(owner) == before


@pytest.mark.parametrize("user", ODD)
def test_an_odd_user_id_works_everywhere(panel: Panel, user: str) -> None:
    viewer = panel.as_admin()
    assert adjust(viewer, user, points="70", reason=f"for {user}").status_code == 303
    asked = quote(user, safe="")
    for path in ("member", "member/feed", "member/orders", "member/statement", "members", "transactions"):
        page = viewer.page(f"/panel/{path}?user={asked}")
        assert "<script>a" not in page
    for listing in ("members", "transactions"):
        links = links_of(viewer.page(f"/panel/{listing}?user={asked}"))
        (there,) = {link for link in links if link.startswith("/panel/member?")}
        assert f"{user} Points Movements Orders" in unescape(words(viewer.page(there)))
        assert "+70" in viewer.page(there)


def test_a_note_of_markup_is_shown_as_text(panel: Panel) -> None:
    viewer = panel.as_admin()
    note = "<script>alert('x')</script>"
    adjust(viewer, points="5", reason=note)
    for path in ("/panel/member?user=ann", "/panel/transactions", "/panel/member/statement?user=ann"):
        page = viewer.page(path)
        assert note not in page
        assert "&lt;script&gt;" in page


def test_a_member_not_seen_before_has_a_page_that_says_so(panel: Panel) -> None:
    viewer = panel.as_admin()
    for path in ("member", "member/feed", "member/orders", "member/statement"):
        assert 'class="empty"' in viewer.page(f"/panel/{path}?user=nobody")


@pytest.mark.parametrize("user", ["", "a/b", "x" * 129, "\n"])
def test_what_is_no_user_id_is_not_there(panel: Panel, user: str) -> None:
    shown(panel.as_admin().get(f"/panel/member?user={quote(user, safe='')}"), 404)


def test_members_are_found_by_how_their_ids_begin_and_paged_through(panel: Panel) -> None:
    viewer = panel.as_admin()
    assert "No accounts yet." in viewer.page("/panel/members")
    for number in range(60):
        give(panel, f"m{number:02}", 100 + number)
    first = viewer.page("/panel/members?sort=-available")
    assert first.index("m59") < first.index("m10")
    more = next(line for line in first.splitlines() if 'rel="next"' in line).split('href="')[1].split('"')[0]
    rest = viewer.page(more.replace("&amp;", "&"))
    assert "m09" in rest and "m10" not in rest and 'rel="next"' not in rest
    found = viewer.get("/panel/members?user=m1", is_part=True).get_data(as_text=True)
    assert found.startswith('<div id="found">') and found.count("<tr>") == 11
    assert "Open that member all the same" in viewer.page("/panel/members?user=zoe")


def test_each_lot_says_its_state(panel: Panel, clock: Clock) -> None:
    shop = Shop(panel.house)
    shop.give(points=40)
    clock.move(days=400)
    shop.give(points=60)
    shop.buy(user="ann", points=60)
    page = words(panel.as_admin().page("/panel/member?user=ann"))
    for said in ("lapsed 40 40", "empty 0 60", "available 50 50"):
        assert said in page


def test_what_will_happen_is_shown_before_it_is_done_and_again_where_the_figures_changed(panel: Panel) -> None:
    viewer = panel.as_admin()
    asked = viewer.post("/panel/member?user=ann", {"points": "100", "reason": "Welcome", "key": "k"})
    assert "100 points would be given to ann" in words(shown(asked))
    again = viewer.resubmit(asked, "/panel/member?", points="10000")
    assert "10,000 points would be given to ann" in words(shown(again))
    assert panel.house.accounts.account_of("ann") is None
    viewer.resubmit(again, "/panel/member?")
    assert panel.house.accounts.points("ann", panel.house.clock())["available"] == 10_000


def test_points_that_repay_debt_are_told_as_such(panel: Panel) -> None:
    shop = Shop(panel.house)
    order = shop.buy().order_id
    shop.buy(points=50, price=5_000)
    panel.house.refund_order(RefundWanted(order, None, "r", "root", "k"))
    viewer = panel.as_admin()
    owed = panel.house.accounts.points("ann", panel.house.clock())["debt"]
    assert owed > 10
    for points, said in ((3, "3 of them repay debt."), (owed + 5, f"{owed} of them repay debt, the rest good until")):
        told = viewer.post("/panel/member/preview?user=ann", {"points": str(points), "reason": "", "key": "k"})
        assert f"{points} points would be given to ann; {said}" in words(shown(told))


def test_a_form_without_its_key_is_refused(panel: Panel) -> None:
    viewer = panel.as_admin()
    refused = viewer.post("/panel/member?user=ann", {"points": "5", "reason": "x"})
    assert "The form came without its key: reload the page." in words(shown(refused, 422))
