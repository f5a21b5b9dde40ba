"""Accounts for admins: found by odd ids and prefixes, sorted, filtered, corrected; read by auditors, by no member."""

from __future__ import annotations

import pytest

from app.database import Database
from tests.support.http import Api, account_of, adjustments_of, answered, bought, quoted, refused
from tests.support.tables import snapshot_of_tables

ODD = [
    "o'brien",
    'say "hi"',
    "100%",
    "a_b",
    "a|b",
    "a\\b",
    "two words",
    " ",
    "👋🏽",
    "अनु",
    "%",
    "_",
    "%s",
    "{user}",
    "a?b",
    "a#b",
    "a&b=c",
    "a+b",
    "a;b",
    "a,b",
    "<b>",
    "..",
    "null",
    "-1",
    "=1+1",
    "x" * 128,
    "é" * 128,
]
BAD = ["a/b", "x" * 129, "a\x00b", "a\nb", "a\x7fb", "a\u202eb"]


def names(api: Api, query: str) -> list[str]:
    return [account["user"] for account in api.admin.items(f"/admin/accounts{query}")]


def test_an_account_with_any_id_is_adjusted_read_listed_and_found_in_the_feed(api: Api) -> None:
    for number, user in enumerate(ODD, 1):
        assert api.grant(user, number, key=f"k{number}")["user"] == user
    assert sorted(names(api, "?limit=100")) == sorted(ODD)
    for number, user in enumerate(ODD, 1):
        account = answered(api.auditor.get(account_of(user)))
        assert (account["user"], account["available"]) == (user, number)
        [line] = api.admin.items(f"/admin/transactions?user={quoted(user)}")
        assert (line["user"], line["points"]) == (user, number)
        assert answered(api.as_customer(user).get("/user/points"))["available"] == number


def test_a_prefix_is_taken_by_the_letter(api: Api) -> None:
    users = ["100%", "100x", "a_b", "axb", "a\\b", "a\\%", "Ann", "ann", "anna", "[a]", "👋🏽", "👋"]
    for user in users:
        api.grant(user, 1)
    found = {
        "100%": ["100%"],
        "100": ["100%", "100x"],
        "a_": ["a_b"],
        "a": ["a\\%", "a\\b", "a_b", "ann", "anna", "axb"],
        "a\\": ["a\\%", "a\\b"],
        "ann": ["ann", "anna"],
        "Ann": ["Ann"],
        "%": [],
        "_": [],
        "[": ["[a]"],
        "👋": ["👋", "👋🏽"],
        "👋🏽": ["👋🏽"],
        "annab": [],
        "'": [],
    }
    for prefix, expected in found.items():
        assert names(api, f"?user={quoted(prefix)}") == expected, prefix


def test_accounts_are_sorted_by_user_or_by_what_is_available_and_ties_by_user(api: Api) -> None:
    for user, points in (("cem", 5), ("ann", 20), ("Bob", 5), ("dia", 100), ("émile", 5)):
        api.grant(user, points)
    assert names(api, "") == names(api, "?sort=user") == ["Bob", "ann", "cem", "dia", "émile"]
    assert names(api, "?sort=available") == ["Bob", "cem", "émile", "ann", "dia"]
    assert names(api, "?sort=-available") == ["dia", "ann", "Bob", "cem", "émile"]
    assert names(api, "?sort=-available&min_available=20") == ["dia", "ann"]
    assert names(api, "?min_available=101") == []
    assert names(api, "?user=a&min_available=21") == []


def test_what_has_lapsed_is_neither_available_nor_listed_as_such(api: Api) -> None:
    api.grant("ann", 10, expires_at="2026-02-01T00:00:00Z")
    api.grant("ann", 5)
    api.house.clock.move(days=30)  # type: ignore[attr-defined]
    [listed] = api.admin.items("/admin/accounts")
    assert (listed["available"], listed["balance"]) == (5, 15)
    assert names(api, "?min_available=6") == []
    account = answered(api.admin.get("/admin/accounts/ann"))
    assert account["available"] == 5
    assert [lot["remaining"] for lot in account["lots"]] == [10, 5]


def test_an_account_says_what_the_members_own_page_says_and_its_lots(api: Api) -> None:
    api.grant("ann", 100, expires_at="2026-12-31T00:00:00Z")
    order = answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale(), points=30), key="o"), 201)
    account = answered(api.admin.get("/admin/accounts/ann"))
    lots = account.pop("lots")
    assert account == answered(api.as_customer("ann").get("/user/points"))
    assert [(lot["points"], lot["remaining"], lot["source"]) for lot in lots] == [(100, 70, "manual"), (50, 50, "earn")]
    assert (lots[0]["expires_at"], lots[1]["reference"]) == ("2026-12-31T00:00:00Z", order["order_id"])


@pytest.mark.parametrize("user", ["zed", "root", *BAD[1:]], ids=ascii)
def test_an_account_that_was_never_seen_is_unknown(api: Api, user: str) -> None:
    api.grant("ann", 1)  # and root, who gave it, is known, but has no account
    refused(api.admin.get(account_of(user)), 404, "unknown_account")
    if user == "zed":
        answered(api.as_customer(user).get("/user/points"))
        refused(api.admin.get(account_of(user)), 404, "unknown_account")


def test_a_user_who_cannot_be_is_not_adjusted(api: Api, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    body = {"points": 1, "reason": "hello"}
    refused(api.admin.post(adjustments_of(BAD[0]), body, key="k"), 404, "not_found")
    for user in BAD[1:]:
        problem = refused(api.admin.post(adjustments_of(user), body, key="k"), 422, "invalid_request")
        assert list(problem["errors"]) == ["user"]
    assert snapshot_of_tables(owner) == before


def test_an_adjustment_opens_the_account_and_names_its_line_in_the_feed(api: Api) -> None:
    made = api.grant("new", 5, reason="hello")
    assert made == {"user": "new", "points": 5, "available": 5, "transaction_id": made["transaction_id"]}
    [line] = api.admin.items("/admin/transactions")
    assert (line["id"], line["type"], line["reason"], line["actor"]) == (
        made["transaction_id"],
        "manual",
        "hello",
        "root",
    )
    taken = api.grant("new", -2, reason="too much")
    assert (taken["points"], taken["available"]) == (-2, 3)


def test_an_admin_may_adjust_their_own_account_and_stands_as_its_actor(api: Api) -> None:
    api.grant("root", 5)
    [line] = api.admin.items("/admin/transactions")
    assert (line["user"], line["actor"]) == ("root", "root")


def test_no_adjustment_takes_more_than_is_there(api: Api, owner: Database) -> None:
    api.grant("ann", 10)
    before = snapshot_of_tables(owner)
    for user, points in (("ann", -11), ("stranger", -1)):
        body = {"points": points, "reason": "mistake"}
        refused(api.admin.post(adjustments_of(user), body, key="k"), 422, "insufficient_points")
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("points", {"points": 0}),
        ("points", {"points": 1_000_000_001}),
        ("points", {"points": -1_000_000_001}),
        ("points", {"points": None}),
        ("reason", {"reason": ""}),
        ("reason", {"reason": "x" * 501}),
        ("reason", {"reason": None}),
        ("reason", {"reason": 5}),
        ("reason", {"reason": "a\x00b"}),
        ("expires_at", {"expires_at": "2020-01-01T00:00:00Z"}),
        ("expires_at", {"expires_at": "2026-01-15T06:30:00Z"}),
        ("actor", {"actor": "somebody else"}),
        ("user", {"user": "bob"}),
    ],
)
def test_an_adjustment_that_cannot_be_is_refused_by_the_field(
    api: Api, owner: Database, field: str, wrong: dict[str, object]
) -> None:
    before = snapshot_of_tables(owner)
    body = {"points": 5, "reason": "hello", **wrong}
    problem = refused(api.admin.post("/admin/accounts/ann/adjustments", body, key="k"), 422, "invalid_request")
    assert list(problem["errors"]) == [field]
    assert snapshot_of_tables(owner) == before


def test_the_largest_adjustments_are_taken(api: Api) -> None:
    api.grant("ann", 1_000_000_000)
    api.grant("ann", 1_000_000_000)
    assert api.grant("ann", -1_000_000_000)["available"] == 1_000_000_000
