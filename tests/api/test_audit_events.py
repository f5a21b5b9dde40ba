"""/audit/events: the log to the letter, in order, and nothing that could still be preceded by another."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.database import Database
from tests.api.conftest import CommonShop
from tests.storage.commits import open_append
from tests.support.http import NDJSON, Api, answered, bought, next_of, refused
from tests.support.imports import brought
from tests.support.tables import snapshot_of_tables

EVENTS = "/audit/events"
FIELDS = ["position", "stream", "version", "type", "recorded_at", "data", "metadata", "hash"]


@pytest.fixture
def moved(api: Api) -> Api:
    """A house with a log of some events of every kind of stream."""
    product = api.on_sale()
    api.grant("ann", 200)
    answered(api.as_customer("ann").post("/checkout/", bought(product, points=30), key="o1"), 201)
    answered(api.admin.post("/admin/rules", {"pending_days": 3}), 201)
    return api


def read(api: Api, query: str = "") -> Any:
    """A page."""
    return answered(api.auditor.get(EVENTS + query))


def lines(api: Api, query: str = "") -> list[Any]:
    """The log as NDJSON, read back."""
    response = api.auditor.get(EVENTS + query, {"Accept": NDJSON})
    assert (response.status_code, response.content_type) == (200, f"{NDJSON}; charset=utf-8")
    assert "Content-Length" not in response.headers, "it is streamed"
    return [json.loads(line) for line in response.get_data().splitlines()]


def test_it_is_the_log_to_the_letter(moved: Api) -> None:
    page = read(moved, "?limit=100")
    rows = moved.house.database.rows(
        "SELECT position, originator_id::text, originator_version, topic, state, metadata, hash FROM events"
        " ORDER BY position"
    )
    assert page["next"] is None
    assert [list(item) for item in page["items"]] == [FIELDS] * len(rows)
    assert len(rows) == 7
    raw = moved.auditor.get(f"{EVENTS}?limit=100").text
    for item, (position, stream, version, topic, state, metadata, digest) in zip(page["items"], rows, strict=True):
        assert (item["position"], item["stream"], item["version"]) == (position, stream, version)
        assert (item["type"], item["hash"]) == (topic, bytes(digest).hex())
        assert f'"data":{state},"metadata":{metadata},' in raw
        assert item["recorded_at"].endswith("Z")


def test_next_is_where_to_go_on_until_the_log_ends(moved: Api) -> None:
    whole = read(moved, "?limit=100")["items"]
    found, after = [], 0
    while after is not None:
        response = moved.auditor.get(f"{EVENTS}?limit=3&after={after}")
        page = answered(response)
        found += page["items"]
        after = page["next"]
        assert after in (None, found[-1]["position"])
        link = response.headers.get("Link")
        assert (next_of(link) if link else None) == (f"{EVENTS}?limit=3&after={after}" if after else None)
    assert found == whole
    assert read(moved, f"?after={whole[-1]['position']}") == {"items": [], "next": None}
    assert read(moved, f"?after={2**63 - 1}") == {"items": [], "next": None}


def test_a_follower_finds_what_came_later(moved: Api) -> None:
    last = read(moved, "?limit=100")["items"][-1]["position"]
    moved.grant("ann", 5)
    assert [item["type"] for item in read(moved, f"?after={last}")["items"]] == ["Adjusted.v1"]


def test_it_ends_before_an_append_that_is_under_way(moved: Api, database: Database) -> None:
    settled = read(moved, "?limit=100")
    with open_append(database) as append:
        moved.grant("bob", 5)
        assert read(moved, "?limit=100") == settled
        assert lines(moved) == settled["items"]
        assert read(moved, f"?after={append.position}") == {"items": [], "next": None}
        append.commit()
    positions = [item["position"] for item in read(moved, f"?after={settled['items'][-1]['position']}")["items"]]
    assert positions == list(range(append.position, append.position + 3))


def test_all_of_it_comes_as_lines_whatever_the_limit(moved: Api) -> None:
    items = read(moved, "?limit=100")["items"]
    assert lines(moved) == lines(moved, "?limit=1") == items
    assert lines(moved, "?after=3") == items[3:]
    assert lines(moved, f"?after={items[-1]['position']}") == []


def test_lines_go_on_past_what_is_read_at_once(api: Api) -> None:
    members = [(number, brought(f"u{number}", 0)) for number in range(1, 2502)]
    assert api.house.import_accounts(members, "root").imported == 2501
    assert [line["position"] for line in lines(api, "?fields=position")] == list(range(1, 2502))


def test_it_keeps_only_the_fields_asked_for(moved: Api) -> None:
    assert read(moved, "?fields=hash,position&limit=1")["items"][0].keys() == {"hash", "position"}
    assert all(list(line) == ["type"] for line in lines(moved, "?fields=type"))


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", f"{NDJSON};q=0.1, application/json"])
def test_it_is_json_unless_lines_are_wanted(moved: Api, accept: str) -> None:
    answer = moved.auditor.get(EVENTS, {"Accept": accept})
    assert answer.content_type == "application/json"
    assert "Accept" in answer.headers["Vary"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=1.0", "after"),
        ("after=", "after"),
        (f"after={2**63}", "after"),
        ("after=1&after=2", "after"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("cursor=x", "cursor"),
        ("since=2026-01-15T00:00:00Z", "since"),
        ("fields=position,state", "fields"),
    ],
)
def test_a_query_that_cannot_be_is_refused(common: CommonShop, query: str, field: str) -> None:
    before = snapshot_of_tables(common.owner)["events"]
    for accept in ("application/json", NDJSON):
        body = refused(common.auditor.get(f"{EVENTS}?{query}", {"Accept": accept}), 422, "invalid_request")
        assert body["errors"].keys() == {field}
    assert snapshot_of_tables(common.owner)["events"] == before


def test_an_empty_log_is_an_empty_page(api: Api) -> None:
    assert read(api) == {"items": [], "next": None}
    assert lines(api) == []


def test_the_newest_come_first_in_parts_and_never_past_what_is_settled(moved: Api) -> None:
    log = moved.house.logged_events
    everything = log.page(100, 0).items
    found, before = [], None
    while True:
        page = log.newest(3, before)
        found += page.items
        if page.next is None:
            break
        (before,) = page.next
    assert found == everything[::-1]
    assert log.newest(10, everything[0]["position"]).items == []
    with open_append(moved.house.database) as append:
        moved.grant("bob", 1)
        assert log.newest(100).items == log.newest(100, append.position + 1).items == everything[::-1]
        append.commit()
    assert len(log.newest(100).items) == len(everything) + 3


def test_one_is_found_by_its_position(moved: Api) -> None:
    log = moved.house.logged_events
    for item in log.page(100, 0).items:
        assert log.find(item["position"]) == item
    for position in (0, -1, 10**6, 10**30):
        assert log.find(position) is None
