"""Auditors' reads are on record before they are answered: who, when, what, about whom; and never a user id."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from app.api.readings import NAMING
from app.auth.policy import POLICY
from app.database import Database
from tests.support.clock import Clock
from tests.support.http import Api, Caller, answered, bought, quoted, refused
from tests.support.shop import at_once
from tests.support.tables import snapshot_of_tables

NOW = "2026-01-15T06:30:00Z"


def on_record(api: Api, query: str = "", reader: Caller | None = None) -> list[dict[str, Any]]:
    """The list as a second auditor sees it, without what they read themselves."""
    found = (reader or api.as_roles("otto", "auditor")).items(f"/audit/readings{query}")
    return [item for item in found if item["reader"] != "otto"]


def told(api: Api) -> list[tuple[str, str | None, str]]:
    """Action, user and detail of each, oldest first."""
    return [(item["action"], item["user"], item["detail"]) for item in reversed(on_record(api))]


def test_a_read_says_who_when_what_and_about_whom(api: Api) -> None:
    api.grant("ann", 50)
    answered(api.auditor.get("/admin/accounts/ann"))
    (item,) = on_record(api)
    assert item.pop("id") >= 1
    assert item == {
        "read_at": NOW, "reader": "iris", "action": "admin_accounts.one", "user": "ann", "detail": "",
    }  # fmt: skip


def test_the_other_parameters_stand_in_the_detail_and_user_ids_nowhere(api: Api, owner: Database) -> None:
    for user in ("qzxv one", "qzxv two"):
        api.grant(user, 50)
    user, reader = quoted("qzxv one"), api.as_roles("qzxv reader", "auditor")
    answered(reader.get(f"/admin/transactions?user={user}&type=manual&since=2026-01-01T05:30:00%2B05:30"))
    page = answered(reader.get("/admin/accounts?user=qzxv&limit=1&sort=-available"))
    answered(reader.get(f"/admin/accounts?user=qzxv&limit=1&sort=-available&cursor={page['next']}"))
    answered(reader.get(f"/audit/readings?reader={quoted('qzxv reader')}&user={user}&fields=id,user"))
    assert told(api) == [
        ("admin_transactions.listed", "qzxv one", "type=manual&since=2026-01-01T05%3A30%3A00%2B05%3A30"),
        ("admin_accounts.listed", None, "limit=1&sort=-available"),
        ("admin_accounts.listed", None, "limit=1&sort=-available"),
        ("audit_readings.listed", "qzxv one", "fields=id%2Cuser"),
    ]
    assert owner.rows("SELECT count(*) FROM readings r WHERE strpos(r::text, 'qzxv') > 0") == [(0,)]
    assert owner.rows("SELECT count(*) FROM readings WHERE account_id IS NULL") == [(3,)], "two above, and otto's"


def test_every_read_that_the_policy_opens_to_auditors_is_on_record(api: Api) -> None:
    api.grant("ann", 50)
    order = answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="o"), 201)["order_id"]
    asked = []
    for rule in api.app.url_map.iter_rules():
        if "auditor" in POLICY[rule.endpoint] and "GET" in (rule.methods or ()):
            path = rule.rule.replace("<user>", "ann").replace("<order_id>", order)
            api.auditor.get(path)
            asked.append(rule.endpoint)
    assert [action for action, _, _ in told(api)] == asked
    assert len(asked) >= 9 and {"audit_readings.listed", "admin_reports.summary"} <= set(asked)


def test_admins_customers_and_strangers_leave_no_trace(api: Api, owner: Database) -> None:
    api.grant("ann", 50)
    before = snapshot_of_tables(owner)
    for who in (api.admin, api.as_roles("root", "admin", "auditor"), api.as_customer("ann"), api.nobody):
        for path in ("/admin/transactions", "/admin/accounts/ann", "/admin/nonsense", "/user/points"):
            who.get(path)
    assert snapshot_of_tables(owner) == before


def test_whoever_is_admin_and_auditor_is_on_record_in_the_audit_alone(api: Api) -> None:
    both = api.as_roles("root", "admin", "auditor")
    for path in ("/admin/transactions", "/audit/readings"):
        answered(both.get(path))
    assert told(api) == [("audit_readings.listed", None, "")]


def test_what_the_policy_refuses_is_not_on_record_since_nothing_was_shown(api: Api, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    refused(api.admin.get("/audit/readings"), 403, "forbidden")
    refused(api.as_customer("ann").get("/audit/readings"), 403, "forbidden")
    refused(api.nobody.get("/audit/readings"), 401, "unauthenticated")
    refused(api.auditor.post("/admin/rules", {}), 403, "forbidden")
    assert snapshot_of_tables(owner) == before


def test_what_is_refused_later_is_on_record_with_its_status_and_without_what_was_asked(api: Api) -> None:
    api.grant("ann", 50)
    refused(api.auditor.get("/admin/accounts/nobody"), 404, "unknown_account")
    refused(api.auditor.get("/admin/transactions?user=ann&type=ann"), 422, "invalid_request")
    refused(api.auditor.get("/audit/readings?usr=ann"), 422, "invalid_request")
    refused(api.auditor.get("/audit/readings?since=2026-01-01T00:00:00"), 422, "invalid_request")
    refused(api.auditor.get("/audit/readings?cursor=ann"), 422, "invalid_cursor")
    refused(api.auditor.send("DELETE", "/audit/readings"), 405, "method_not_allowed")
    assert told(api) == [
        ("admin_accounts.one", None, "refused: 404"),
        ("admin_transactions.listed", "ann", "refused: 422"),
        *[("audit_readings.listed", None, "refused: 422")] * 3,
    ]


def test_asking_for_the_headers_alone_is_a_read(api: Api) -> None:
    assert api.auditor.send("HEAD", "/admin/accounts").status_code == 200
    assert told(api) == [("admin_accounts.listed", None, "")]


@pytest.mark.parametrize("accept", ["application/json", "text/csv", "application/x-ndjson"])
def test_what_cannot_be_recorded_is_not_answered(api: Api, owner: Database, accept: str) -> None:
    api.grant("zoe", 50)
    owner.execute("ALTER TABLE readings RENAME TO lost")
    before = snapshot_of_tables(owner)
    answer = api.auditor.get("/admin/transactions", {"Accept": accept})
    refused(answer, 503, "unavailable")
    assert (answer.headers["Retry-After"], b"zoe" in answer.get_data()) == ("1", False)
    assert "text/csv" not in answer.headers.get("Content-Disposition", "")
    assert snapshot_of_tables(owner) == before
    assert api.admin.get("/admin/transactions", {"Accept": accept}).status_code == 200
    owner.execute("ALTER TABLE lost RENAME TO readings")
    assert api.auditor.get("/admin/transactions", {"Accept": accept}).status_code == 200
    assert len(on_record(api)) == 1


def test_whoever_asks_by_an_account_id_however_it_is_written_is_on_record(api: Api, owner: Database) -> None:
    api.grant("ann", 50)
    account_id = api.house.directory.account_of("ann")
    assert account_id is not None
    written = [str(account_id), str(account_id).upper(), account_id.hex, f"{{{account_id}}}", account_id.urn]
    for name in written:
        assert answered(api.auditor.get(f"/audit/accounts/{quoted(name)}"))["user"] == "ann"
    assert told(api) == [("audit_accounts.as_it_stood", "ann", "")] * len(written)
    unknown = str(uuid4())
    refused(api.auditor.get(f"/audit/accounts/{unknown}"), 404, "unknown_account")
    assert owner.rows("SELECT count(*) FROM readings r WHERE strpos(r::text, %s) > 0", (unknown,)) == [(0,)]


def test_the_list_is_newest_first_page_by_page(api: Api) -> None:
    for n in range(1, 8):
        answered(api.auditor.get(f"/admin/accounts?limit={n}"))
    listed = on_record(api, "?reader=iris&limit=3")
    assert [item["detail"] for item in listed] == [f"limit={n}" for n in range(7, 0, -1)]
    ids = [item["id"] for item in listed]
    assert ids == sorted(set(ids), reverse=True)


def test_the_list_is_narrowed_by_reader_user_and_time(api: Api, clock: Clock) -> None:
    api.grant("ann", 50)
    api.grant("bob", 50)
    second = api.as_roles("ivo", "auditor")
    for caller, user in ((api.auditor, "ann"), (second, "ann"), (api.auditor, "bob")):
        answered(caller.get(f"/admin/accounts/{user}"))
        clock.move(hours=1)

    def found(query: str) -> list[tuple[str, str]]:
        return [(item["reader"], item["user"]) for item in on_record(api, query)]

    assert found("?reader=ivo") == [("ivo", "ann")]
    assert found("?user=ann") == [("ivo", "ann"), ("iris", "ann")]
    assert found("?user=ann&reader=iris") == [("iris", "ann")]
    assert found("?since=2026-01-15T07:30:00Z") == [("iris", "bob"), ("ivo", "ann")]
    assert found("?until=2026-01-15T07:30:00Z") == [("iris", "ann")]
    assert found("?since=2026-01-15T07:30:00Z&until=2026-01-15T08:30:00Z") == [("ivo", "ann")]
    account_id = api.house.directory.account_of("bob")
    assert found(f"?user={account_id}") == [("iris", "bob")]
    assert found("?user=nobody") == found(f"?user={uuid4()}") == found("?reader=nobody") == []


def test_a_cursor_is_good_for_its_own_list_alone(api: Api) -> None:
    for _ in range(3):
        answered(api.auditor.get("/admin/accounts"))
    cursor = answered(api.auditor.get("/audit/readings?limit=1"))["next"]
    answered(api.auditor.get(f"/audit/readings?limit=1&cursor={cursor}"))
    refused(api.auditor.get(f"/audit/readings?reader=iris&cursor={cursor}"), 422, "invalid_cursor")


def test_a_reader_not_seen_before_gets_one_directory_entry_however_many_read_at_once(api: Api, owner: Database) -> None:
    def read() -> int:
        return api.auditor.get("/admin/accounts").status_code

    assert at_once([read] * 8) == [200] * 8
    assert owner.rows("SELECT count(*) FROM directory WHERE user_id = 'iris'") == [(1,)]
    assert owner.rows("SELECT count(*), count(DISTINCT reader_id) FROM readings") == [(8, 1)]


def test_a_command_of_ours_can_be_on_record_too(api: Api, clock: Clock) -> None:
    api.grant("ann", 50)
    account_id = api.house.directory.account_of("ann")
    api.house.readings.record(clock(), "ops", "miles audit explain", account_id)
    (item,) = on_record(api)
    assert (item["reader"], item["action"], item["user"], item["detail"]) == ("ops", "miles audit explain", "ann", "")


def test_every_parameter_that_can_hold_a_user_id_is_left_out(api: Api) -> None:
    """What a request was answered for has been checked: only free text could name somebody."""
    free = set()
    for path, methods in answered(api.nobody.get("/openapi.json"))["paths"].items():
        for each in methods.values() if path.startswith(("/admin", "/audit")) else ():
            for parameter in each if isinstance(each, list) else each.get("parameters", []):
                schema = parameter["schema"]
                if schema["type"] in ("string", ["string", "null"]) and not schema.keys() & {"format", "enum"}:
                    free.add(parameter["name"])
    assert free >= NAMING
    # The views check the first four; the last is no parameter.
    assert free - NAMING <= {"fields", "order_id", "position", "size", "Idempotency-Key"}
