"""/audit/accounts: what /user/points said, as it stood, and every point of it explained."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from app.database import Database
from tests.api.conftest import CommonShop
from tests.support.clock import Clock
from tests.support.http import Api, answered, bought, quoted, refused
from tests.support.tables import Snapshot, snapshot_of_tables

STATES = ("available", "pending", "lapsed", "empty")
POINTS = ("user", "available", "pending", "held", "debt", "lifetime", "next_expiry", "position")


def path_of(user: str, **query: str) -> str:
    """The path of an account as it stood."""
    return f"/audit/accounts/{quoted(user)}?" + "&".join(f"{name}={quoted(value)}" for name, value in query.items())


def explained(api: Api, user: str = "ann", **query: str) -> Any:
    """The explanation of an account."""
    return answered(api.auditor.get(path_of(user, **query).replace("?", "/explain?")))


def stood(api: Api, user: str = "ann", **query: str) -> Any:
    """An account as it stood."""
    return answered(api.auditor.get(path_of(user, **query)))


def business(owner: Database) -> Snapshot:
    """All tables but who reads, and what they read."""
    return {
        table: found for table, found in snapshot_of_tables(owner).items() if table not in ("readings", "directory")
    }


@pytest.fixture
def lived(api: Api) -> Api:
    """A house where ann was given points and spent some, one order is pending, and a month went by."""
    product = api.on_sale()
    api.grant("ann", 200, expires_at="2026-02-01T00:00:00Z")
    ann = api.as_customer("ann")
    answered(ann.post("/checkout/", bought(product, points=30), key="o1"), 201)
    answered(ann.post("/checkout/", bought(product, points=40, payment_method="pm_sandbox_timeout"), key="o2"), 202)
    api.house.clock.move(days=30)  # type: ignore[attr-defined]
    return api


def test_of_now_it_says_what_the_member_s_own_page_and_the_admin_s_say(lived: Api) -> None:
    found = stood(lived)
    assert {name: found[name] for name in POINTS} == answered(lived.as_customer("ann").get("/user/points"))
    page = answered(lived.admin.get("/admin/accounts/ann"))
    assert {name: found[name] for name in (*POINTS, "lots")} == page
    assert list(found) == [*POINTS, "as_of", "known_at", "lots", "events"]
    assert (found["held"], found["available"], found["lots"][0]["remaining"]) == (40, 50, 130)
    names = [event["type"].removesuffix(".v1") for event in found["events"]]
    assert names == ["Opened", "Adjusted", "Redeemed", "Earned", "Redeemed"]


def test_each_axis_hides_what_lies_beyond_it(lived: Api, clock: Clock) -> None:
    before = (clock() - timedelta(days=30, microseconds=1)).isoformat()
    nothing = stood(lived, as_of=before)
    assert (nothing["available"], nothing["position"], nothing["events"], nothing["lots"]) == (0, 0, [], [])
    assert nothing["lifetime"] == dict.fromkeys(nothing["lifetime"], 0)
    first, second = stood(lived)["events"][:2]
    known = stood(lived, known_at=second["recorded_at"])
    assert known["position"] == second["position"]
    assert known["known_at"] == second["recorded_at"]
    assert first["recorded_at"] <= second["recorded_at"] < stood(lived)["events"][2]["recorded_at"]
    assert stood(lived, as_of="2026-02-01T05:29:59.999999+05:30")["available"] == 180
    assert stood(lived, as_of="2026-02-01T05:30:00+05:30")["available"] == 50


def test_the_moments_that_were_used_give_the_same_answer_again(lived: Api) -> None:
    found = stood(lived)
    lived.grant("ann", 5)
    lived.house.clock.move(days=3)  # type: ignore[attr-defined]
    assert stood(lived, as_of=found["as_of"], known_at=found["known_at"]) == found
    assert stood(lived)["available"] == found["available"] + 5
    before = explained(lived, as_of=found["as_of"], known_at=found["known_at"])
    assert (before["available"], before["as_of"]) == (found["available"], found["as_of"])


@pytest.mark.parametrize("path", ["/audit/accounts/ann", "/audit/accounts/ann/explain"])
@pytest.mark.parametrize(
    "query",
    [
        "as_of=2026-01-15T06:30:00",
        "known_at=2026-01-15T06:30:00",
        "as_of=2026-01-15",
        "as_of=now",
        "as_of=",
        "known_at=9999-12-31T23:59:59Z",
        "as_of=2026-01-15T06:30:00Z&as_of=2026-01-15T06:30:00Z",
        "at=2026-01-15T06:30:00Z",
        "limit=5",
    ],
)
def test_a_moment_that_is_none_is_refused(common: CommonShop, path: str, query: str) -> None:
    before = business(common.owner)
    body = refused(common.auditor.get(f"{path}?{query}"), 422, "invalid_request")
    assert body["errors"].keys() == {query.partition("=")[0]}
    assert business(common.owner) == before


@pytest.mark.parametrize("rest", ["", "/explain"])
def test_who_has_no_account_is_unknown(lived: Api, owner: Database, rest: str) -> None:
    order = answered(lived.as_customer("ann").get("/user/orders"))["items"][0]["order_id"]
    before = business(owner)
    for name in ("zed", "root", order, str(UUID(int=0)), "%FF", "%20"):
        refused(lived.auditor.get(f"/audit/accounts/{name}{rest}"), 404, "unknown_account")
    assert business(owner) == before


def test_a_forgotten_member_s_account_is_read_by_its_id(lived: Api) -> None:
    account_id, before = str(lived.house.directory.account_of("ann")), stood(lived)
    lived.house.database.execute("UPDATE directory SET user_id = NULL WHERE user_id = 'ann'")
    refused(lived.auditor.get("/audit/accounts/ann"), 404, "unknown_account")
    found = stood(lived, account_id)
    assert found == {**before, "user": None, "known_at": found["known_at"]}
    assert explained(lived, account_id)["user"] is None


def test_an_explanation_sums_to_what_there_is(lived: Api) -> None:
    found = explained(lived)
    page = answered(lived.as_customer("ann").get("/user/points"))
    assert (found["available"], found["pending"], found["debt"]) == (page["available"], page["pending"], page["debt"])
    assert (found["lifetime"], found["position"]) == (page["lifetime"], page["position"])
    by_state = {state: sum(lot["remaining"] for lot in found["lots"] if lot["state"] == state) for state in STATES}
    assert by_state == {"available": 50, "pending": 0, "lapsed": 130, "empty": 0}
    assert [[move["points"] for move in lot["movements"]] for lot in found["lots"]] == [[-30, -40], []]
    assert found["lots"][1]["trace"][0]["earning"]["items"][0]["name"] == "Water bottle"


def test_the_statement_comes_alone_as_plain_text(lived: Api) -> None:
    for accept in ("text/plain", "text/plain; charset=utf-8", "text/*"):
        answer = lived.auditor.get("/audit/accounts/ann/explain", {"Accept": accept})
        assert (answer.status_code, answer.content_type) == (200, "text/plain; charset=utf-8")
        assert "Accept" in answer.headers["Vary"]
        assert answer.text == "\n\n".join(explained(lived)["statement"]) + "\n"
    assert lived.auditor.get("/audit/accounts/ann/explain", {"Accept": "*/*"}).content_type == "application/json"
    refused(lived.auditor.get("/audit/accounts/zed/explain", {"Accept": "text/plain"}), 404, "unknown_account")


def test_what_a_reason_says_stays_text_in_every_form(api: Api) -> None:
    reason = "\x1b[31m\u202e<b>“hi”\n\n"
    api.grant("ann", 5, reason=reason)
    assert explained(api)["lots"][0]["trace"][0]["reason"] == reason
    text = api.auditor.get("/audit/accounts/ann/explain", {"Accept": "text/plain"}).text
    assert text.replace("\n", "").isprintable()
    assert text.count("\n") == 3
