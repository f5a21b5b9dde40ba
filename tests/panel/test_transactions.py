"""The feed in the panel: live, narrowed, as a file."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

import pytest

from app.usecases.refund_order import RefundWanted
from tests.support.clock import Clock
from tests.support.panel import Panel, Viewer, links_of, words
from tests.support.shop import DECLINED, Shop


@pytest.fixture
def shop(panel: Panel) -> Shop:
    """A shop in which something happened: a gift, a purchase, a declined card, a refund."""
    shop = Shop(panel.house)
    shop.give(points=200)
    paid = shop.buy(points=30)
    shop.buy(user="bob", method=DECLINED)
    panel.house.refund_order(RefundWanted(paid.order_id, 25_000, "The cap was cracked", "root", "r"))
    return shop


def rows(viewer: Viewer, **filters: Any) -> list[str]:
    """The feed's lines, as words."""
    page = viewer.page(f"/panel/transactions?{urlencode(filters)}")
    return [words(row) for row in page.partition("<tbody")[2].split("<tr ")[1:]]


def test_every_line_leads_to_its_order_and_its_member(panel: Panel, shop: Shop) -> None:
    page = panel.as_admin().page("/panel/transactions")
    order = panel.house.orders.page(10, user="ann").items[0]["order_id"]
    links = links_of(page)
    assert links.count(f"/panel/orders/{order}") == 4
    assert links.count("/panel/member?user=ann") == 5


@pytest.mark.parametrize(
    ("filters", "kinds"),
    [
        ({}, ["taken back", "given back", "earned", "used", "by hand"]),
        ({"type": "use"}, ["used"]),
        ({"user": "bob"}, []),
        ({"user": "nobody"}, []),
        ({"reason": "CAP was"}, ["taken back", "given back"]),
        ({"since": "2026-01-15", "until": "2026-01-15"}, ["taken back", "given back", "earned", "used", "by hand"]),
        ({"since": "2026-01-16"}, []),
        ({"until": "2026-01-14"}, []),
        ({"order_id": "not an id"}, []),
        ({"reason": "%"}, []),
    ],
)
def test_the_feed_is_narrowed(panel: Panel, shop: Shop, filters: dict[str, str], kinds: list[str]) -> None:
    viewer = panel.as_auditor()
    lines = rows(viewer, **filters)
    assert len(lines) == len(kinds)
    assert all(kind in line for kind, line in zip(kinds, lines, strict=True))
    assert ("Nothing here" in viewer.page(f"/panel/transactions?{urlencode(filters)}")) is not bool(kinds)


def test_the_lines_of_one_order(panel: Panel, shop: Shop) -> None:
    order = panel.house.orders.page(10, user="ann").items[0]["order_id"]
    assert len(rows(panel.as_admin(), order_id=f" {order} ")) == 4


def poll_of(page: str) -> str:
    """Where the page asks for newer lines."""
    return unescape(page.partition('hx-get="')[2].partition('"')[0])


def test_new_lines_come_by_themselves_and_only_they_stand_out(panel: Panel, shop: Shop) -> None:
    viewer = panel.as_admin()
    poll = poll_of(viewer.page("/panel/transactions"))
    assert viewer.get(poll, is_part=True).status_code == 204
    shop.give(user="eve", points=7)
    part = viewer.get(poll, is_part=True)
    assert part.status_code == 200
    lines = part.get_data(as_text=True).split("<tr ")[1:]
    assert len(lines) == 6
    assert ["new" in line.split(">")[0] for line in lines] == [True, *[False] * 5]
    assert viewer.get(poll_of(part.get_data(as_text=True)), is_part=True).status_code == 204


def test_what_is_filtered_stays_filtered_when_it_is_live(panel: Panel, shop: Shop) -> None:
    viewer = panel.as_admin()
    poll = poll_of(viewer.page("/panel/transactions?user=ann"))
    shop.give(user="eve", points=7)
    assert viewer.get(poll, is_part=True).status_code == 204


def test_older_pages_stand_still(panel: Panel, clock: Clock) -> None:
    shop = Shop(panel.house)
    for number in range(60):
        clock.at += timedelta(seconds=1)
        shop.give(user=f"m{number:02}")
    viewer = panel.as_admin()
    first = viewer.page("/panel/transactions")
    (older,) = [link for link in links_of(first) if "after=" in link]
    second = viewer.page(older)
    assert "m09" in second and "m10" not in second
    assert "hx-get" not in second and "after=" not in " ".join(links_of(second))


def test_the_file_holds_what_is_filtered_and_runs_nothing(panel: Panel, shop: Shop) -> None:
    shop.give(user="=cmd()", points=5)
    viewer = panel.as_admin()
    (csv_of_manual,) = [link for link in links_of(viewer.page("/panel/transactions?type=manual")) if ".csv" in link]
    answer = viewer.get(csv_of_manual)
    assert answer.headers["Content-Disposition"] == "attachment; filename=transactions.csv"
    lines = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [(line["user"], line["points"]) for line in lines] == [("'=cmd()", "5"), ("ann", "200")]


@pytest.mark.parametrize("asked", ["since=2026-13-45", "type=none", "until=9999-12-31"])
def test_a_filter_that_cannot_be_shows_nothing_and_gives_no_file(panel: Panel, shop: Shop, asked: str) -> None:
    viewer = panel.as_admin()
    assert "<tr " not in viewer.page(f"/panel/transactions?{asked}").partition("<tbody")[2]
    assert 'class="error"' in viewer.page(f"/panel/transactions?{asked}")
    assert viewer.get(f"/panel/transactions.csv?{asked}").headers["Location"] == f"/panel/transactions?{asked}"
    assert viewer.get(f"/panel/transactions/newer?{asked}", is_part=True).status_code == 204


def test_no_line_falls_between_what_is_live_and_what_is_older(panel: Panel, clock: Clock) -> None:
    shop = Shop(panel.house)
    viewer = panel.as_admin()
    poll = poll_of(viewer.page("/panel/transactions"))
    for number in range(60):
        clock.at += timedelta(seconds=1)
        shop.give(user=f"m{number:02}")
    live = viewer.get(poll, is_part=True).get_data(as_text=True)
    (older,) = [link for link in links_of(live) if "after=" in link]
    assert older.startswith("/panel/transactions?") and "seen" not in older
    assert "50 new lines." in live and "Nothing here" not in live
    assert "m10" in live and "m09" not in live
    assert "m09" in viewer.page(older) and "m10" not in viewer.page(older)
