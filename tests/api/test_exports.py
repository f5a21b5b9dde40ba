"""The whole feed as CSV and NDJSON: what the pages say, filtered alike, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from tests.support.http import NDJSON, Api, answered, bought, quoted, unpacked

FEED = "/admin/transactions"
HEADER = [
    "id",
    "user",
    "type",
    "points",
    "reference",
    "order_id",
    "reason",
    "actor",
    "expires_at",
    "created_at",
    "balance_after",
    "debt_repaid",
    "debt_added",
]
FORMULAS = [
    "=cmd|'/c calc'!A0",
    "@SUM(1+1)",
    "+1",
    "-1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    '=HYPERLINK("http://x","y")',
]
DECENT = ["sorry", "a, b", 'say "hi"', "two\nlines", " =1", "'=1", "Café 水筒 👋", "1+1", "n=1", "\\N", "NULL"]


def exported(api: Api, kind: str, query: str = "") -> str:
    response = api.admin.get(FEED + query, {"Accept": kind})
    assert response.status_code == 200
    assert response.content_type == f"{kind}; charset=utf-8"
    assert "Content-Length" not in response.headers, "it is streamed"
    assert response.headers["Content-Disposition"].startswith("attachment; filename=transactions.")
    return response.get_data().decode("utf-8")


def rows(api: Api, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported(api, "text/csv", query), newline=""), strict=True))


def lines(api: Api, query: str = "") -> list[Any]:
    return [json.loads(line) for line in exported(api, NDJSON, query).splitlines()]


def as_row(item: dict[str, Any]) -> dict[str, str]:
    """An item of a page as a row of the CSV should have it."""
    return {name: "" if item[name] is None else str(item[name]) for name in HEADER}


@pytest.fixture
def moved(api: Api) -> Api:
    """A house where points moved in several ways, for two members."""
    product = api.on_sale()
    for user in ("ann", "bob"):
        api.grant(user, 200, reason=f"welcome, {user}")
        caller = api.as_customer(user)
        answered(caller.post("/checkout/", bought(product, points=30), key="o1"), 201)
        assert caller.post("/checkout/", bought(product, payment_method="pm_card_chargeDeclined"), key="o2").status_code
    api.grant("ann", -10, reason="too much")
    return api


def test_both_exports_say_what_the_pages_say(moved: Api) -> None:
    items = moved.admin.items(f"{FEED}?limit=3")
    assert len(items) == 7
    assert lines(moved) == items
    assert rows(moved) == [as_row(item) for item in items]


@pytest.mark.parametrize("query", ["?user=ann", "?type=use", "?user=bob&type=manual", "?user=zed", "?type=revoke"])
def test_filters_apply_to_exports(moved: Api, query: str) -> None:
    items = moved.admin.items(FEED + query)
    assert lines(moved, query) == items
    assert rows(moved, query) == [as_row(item) for item in items]
    assert len(items) < 7


def test_an_export_is_whole_whatever_the_limit(moved: Api) -> None:
    assert len(lines(moved, "?limit=1")) == len(rows(moved, "?limit=1")) == 7


def test_an_export_goes_on_past_what_is_read_at_once(api: Api) -> None:
    statement = (
        "INSERT INTO transactions SELECT n, gen_random_uuid(), 'earn', 1, NULL, NULL, NULL, NULL, now(), n, 0, 0"
        " FROM generate_series(1, 2500) AS n"
    )
    api.house.database.execute(statement)
    api.house.database.execute("INSERT INTO directory SELECT account_id, 'u' || id FROM transactions")
    assert [line["id"] for line in lines(api)] == list(range(2500, 0, -1))
    assert [row["user"] for row in rows(api)] == [f"u{n}" for n in range(2500, 0, -1)]


def test_an_export_of_nothing_is_the_header_alone(api: Api) -> None:
    assert exported(api, "text/csv") == ",".join(HEADER) + "\r\n"
    assert exported(api, NDJSON) == ""


@pytest.mark.parametrize("formula", FORMULAS)
def test_a_reason_that_a_spreadsheet_would_run_is_escaped_in_csv_and_left_alone_in_ndjson(
    api: Api, formula: str
) -> None:
    api.grant("ann", 1, reason=formula)
    assert [row["reason"] for row in rows(api)] == [f"'{formula}"]
    assert [line["reason"] for line in lines(api)] == [formula]


def test_a_user_and_an_actor_that_a_spreadsheet_would_run_are_escaped(api: Api) -> None:
    admin = api.as_roles("@root", "admin")
    user = '=HYPERLINK("x")'
    body = {"points": 1, "reason": "hello"}
    answered(admin.post(f"/admin/accounts/{quoted(user)}/adjustments", body, key="k"), 201)
    [row] = rows(api, f"?user={quoted(user)}")
    assert (row["user"], row["actor"]) == (f"'{user}", "'@root")


def test_what_no_spreadsheet_would_run_is_exported_as_it_is(api: Api) -> None:
    for reason in DECENT:
        api.grant("ann", 1, reason=reason)
    assert [row["reason"] for row in rows(api)] == DECENT[::-1]
    assert [line["reason"] for line in lines(api)] == DECENT[::-1]


def test_points_below_zero_stay_numbers(moved: Api) -> None:
    assert {row["points"] for row in rows(moved, "?type=use")} == {"-30"}


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/json", "application/json"),
        ("text/html", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/x-ndjson", "application/x-ndjson; charset=utf-8"),
        ("application/json;q=0.1, text/*", "text/csv; charset=utf-8"),
    ],
)
def test_the_kind_of_answer_is_what_the_reader_accepts(api: Api, accept: str, kind: str) -> None:
    assert api.admin.get(FEED, {"Accept": accept}).content_type == kind


@pytest.mark.parametrize("kind", ["text/csv", NDJSON])
def test_an_export_is_packed_as_the_reader_accepts(moved: Api, kind: str) -> None:
    for encoding in ("gzip", "br", "zstd"):
        response = moved.admin.get(FEED, {"Accept": kind, "Accept-Encoding": encoding})
        assert response.headers["Content-Encoding"] == encoding
        assert unpacked(response).decode() == exported(moved, kind)
