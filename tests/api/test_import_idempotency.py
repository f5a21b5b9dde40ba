"""The import of products under an Idempotency-Key: it and its answer are one transaction, however long it takes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.api.admin_products import IN_MEMORY
from app.catalog.importing import BATCH
from app.config import Settings
from app.database import Database
from app.registers import receipts
from app.wiring import build
from tests.storage.commits import eventually
from tests.storage.proxy import Cut, lose_half_the_question, lose_the_answer, lose_the_question, proxy
from tests.support.clock import Clock
from tests.support.http import NDJSON, Api, Caller, answered, refused
from tests.support.shop import at_once
from tests.support.tables import snapshot_of_tables

pytestmark = pytest.mark.slow

CUP = {"name": "Cup", "brand": "Bhoomi", "category": "Kitchen", "price": 100}


def product(sku: str, **changes: Any) -> bytes:
    """A cup's line."""
    return json.dumps({"sku": sku, **CUP, **changes}).encode() + b"\n"


FILE = product("A") + b"no product\n" + product("B") + product("A", price=200)
REPORT = {"created": 2, "updated": 1, "rejected": [{"line": 2, "errors": {"line": ["is not JSON"]}}], "unlisted": 0}

LONG = b"".join(product(f"S-{n:04}", description="x" * 2000) for n in range(BATCH + 50))
"""More than one batch, and more than is kept in memory."""


def put(caller: Caller, lines: bytes, key: str | None = "k", content_type: str = NDJSON) -> TestResponse:
    headers = {} if key is None else {"Idempotency-Key": key}
    return caller.send("PUT", "/admin/products", data=lines, content_type=content_type, headers=headers)


def stored(owner: Database) -> list[tuple[str, int]]:
    return [(sku, price) for sku, price in owner.rows("SELECT sku, price_minor FROM products ORDER BY sku")]


def let_leases_run_out(owner: Database) -> None:
    owner.execute("UPDATE idempotency SET leased_until = now() - interval '1 second' WHERE status IS NULL")


def test_the_same_file_again_gets_the_same_report_and_nothing_is_imported_twice(api: Api, owner: Database) -> None:
    first = put(api.admin, FILE)
    assert answered(first) == REPORT
    assert "Idempotent-Replayed" not in first.headers
    before = snapshot_of_tables(owner)
    for _ in range(3):
        again = put(api.admin, FILE)
        assert (again.status_code, again.get_data()) == (200, first.get_data())
        assert (again.content_type, again.headers["Idempotent-Replayed"]) == ("application/json", "true")
    assert snapshot_of_tables(owner) == before


def test_a_replay_does_not_bring_back_what_was_changed_since(api: Api, owner: Database) -> None:
    answered(put(api.admin, FILE))
    answered(put(api.admin, product("A", price=7), key="later"))
    assert answered(put(api.admin, FILE)) == REPORT
    assert stored(owner) == [("A", 7), ("B", 100)]


@pytest.mark.parametrize(
    "other",
    [product("C"), FILE + b"\n", FILE.rstrip(), FILE.replace(b" ", b""), b""],
    ids=["another file", "a blank line more", "no last newline", "no spaces", "nothing"],
)
def test_a_key_is_for_the_bytes_of_one_file_alone(other: bytes, api: Api, owner: Database) -> None:
    answered(put(api.admin, FILE))
    before = snapshot_of_tables(owner)
    refused(put(api.admin, other), 422, "idempotency_key_reused")
    assert snapshot_of_tables(owner) == before


def test_a_key_of_an_import_is_for_no_other_write(api: Api) -> None:
    answered(put(api.admin, FILE))
    refused(api.admin.post("/admin/rules", {}, key="k"), 422, "idempotency_key_reused")


def test_another_users_key_is_another_key(api: Api) -> None:
    answered(put(api.admin, FILE))
    theirs = put(api.as_roles("zoe", "admin"), FILE)
    assert (answered(theirs)["updated"], "Idempotent-Replayed" in theirs.headers) == (3, False)


def test_without_a_key_each_time_counts_and_no_answer_is_kept(api: Api, owner: Database) -> None:
    for created in (2, 0, 0):
        answer = put(api.admin, FILE, key=None)
        assert answered(answer) == {**REPORT, "created": created, "updated": 3 - created}
        assert "Idempotent-Replayed" not in answer.headers
    assert owner.rows("SELECT count(*) FROM idempotency") == [(0,)]


@pytest.mark.parametrize("key", [None, "k"], ids=["without a key", "with a key"])
def test_a_long_file_is_reported_alike(key: str | None, api: Api, owner: Database) -> None:
    """A product that comes again in a later batch was created by an earlier one, be they one transaction or two."""
    assert len(LONG) > IN_MEMORY
    file = LONG + b"[]\n" + product("S-0000", price=9) + product("Z")
    rejected = [{"line": BATCH + 51, "errors": {"line": ["is not a JSON object"]}}]
    expected = {"created": BATCH + 51, "updated": 1, "rejected": rejected, "unlisted": 0}
    assert answered(put(api.admin, file, key)) == expected
    assert stored(owner)[0] == ("S-0000", 9)


def test_a_refusal_does_not_keep_the_key(api: Api, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    refused(put(api.admin, FILE, content_type="application/json"), 415, "unsupported_media_type")
    refused(put(api.as_roles("root", "auditor"), FILE), 403, "forbidden")
    refused(put(api.admin, FILE, key="two words"), 400, "idempotency_key_invalid")
    assert snapshot_of_tables(owner) == before
    assert answered(put(api.admin, product("C")))["created"] == 1


FAIL = """
CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'by order'; END $$;
CREATE TRIGGER fail BEFORE {event} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION fail()
"""
LAST_PRODUCT = {"event": "INSERT ON products", "condition": f"NEW.sku = 'S-{BATCH + 49:04}'"}


@pytest.mark.parametrize(
    "fault",
    [LAST_PRODUCT, {"event": "UPDATE ON idempotency", "condition": "NEW.status IS NOT NULL"}],
    ids=["in its last batch", "at its receipt"],
)
def test_an_import_that_fails_before_its_end_leaves_nothing_and_may_be_sent_again(
    fault: dict[str, str], api: Api, owner: Database
) -> None:
    owner.execute(FAIL.format(**fault))
    refused(put(api.admin, LONG), 500, "internal_error")
    assert stored(owner) == []
    refused(put(api.admin, LONG), 409, "in_flight")
    owner.execute("DROP FUNCTION fail CASCADE")
    let_leases_run_out(owner)
    assert answered(put(api.admin, LONG))["created"] == BATCH + 50


def test_without_a_key_what_was_imported_before_a_failure_stays(api: Api, owner: Database) -> None:
    """The control of the test above: there is a batch before the one that fails."""
    owner.execute(FAIL.format(**LAST_PRODUCT))
    refused(put(api.admin, LONG, key=None), 500, "internal_error")
    assert len(stored(owner)) == BATCH


@pytest.mark.parametrize(
    ("loss", "is_done"), [(lose_the_question, False), (lose_half_the_question, False), (lose_the_answer, True)]
)
def test_an_import_whose_commit_nobody_heard_of_is_replayed_if_it_was_done_and_done_if_not(
    *, loss: Cut, is_done: bool, settings: Settings, clock: Clock, owner: Database
) -> None:
    with proxy(settings.database_url or "", [b"COMMIT"]) as line:
        house = build(dataclasses.replace(settings, database_url=line.url), clock=clock)
        api = Api(house)
        line.cuts.append(loss)
        refused(put(api.admin, FILE), 503, "unavailable")
        assert not line.cuts
        eventually(lambda: not owner.rows("SELECT 1 FROM pg_stat_activity WHERE xact_start < now()"), "it is over")
        assert stored(owner) == ([("A", 200), ("B", 100)] if is_done else [])
        let_leases_run_out(owner)
        again = put(api.admin, FILE)
        assert answered(again) == REPORT
        assert ("Idempotent-Replayed" in again.headers) is is_done
        house.close()


@contextmanager
def under_way(send: Callable[[], TestResponse], owner: Database) -> Iterator[Future[TestResponse]]:
    """An import that has begun, and comes to its end when the block has ended."""
    with ThreadPoolExecutor(1) as threads:
        with owner.transaction() as cursor:
            cursor.execute("LOCK TABLE products IN ROW EXCLUSIVE MODE")
            importing = threads.submit(send)
            waiting = "SELECT FROM pg_locks WHERE relation = 'products'::regclass AND NOT granted"
            eventually(lambda: owner.rows(waiting), "the import begins")
            yield importing
        importing.result()


def test_while_an_import_is_under_way_the_same_one_is_told_to_come_later(api: Api, owner: Database) -> None:
    with under_way(lambda: put(api.admin, FILE), owner) as importing:
        early = put(api.admin, FILE)
        refused(early, 409, "in_flight")
        assert int(early.headers["Retry-After"]) >= 1
        refused(put(api.admin, product("C")), 422, "idempotency_key_reused")
        assert answered(api.nobody.get("/products/"))["items"] == []
    assert answered(importing.result()) == answered(put(api.admin, FILE)) == REPORT


def test_an_import_that_outlives_its_lease_is_not_taken_over(
    api: Api, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "LEASE_S", 0)
    with under_way(lambda: put(api.admin, FILE), owner) as importing:
        assert owner.rows("SELECT leased_until < now() FROM idempotency") == [(True,)]
        refused(put(api.admin, FILE), 409, "in_flight")
    assert answered(importing.result()) == answered(put(api.admin, FILE)) == REPORT


def test_an_import_that_a_crash_cut_off_is_taken_over_when_its_lease_has_run_out(api: Api, owner: Database) -> None:
    """The control of the test above: here nobody is at work any more."""
    owner.execute(FAIL.format(event="INSERT ON products", condition="true"))
    refused(put(api.admin, FILE), 500, "internal_error")
    owner.execute("DROP FUNCTION fail CASCADE")
    refused(put(api.admin, FILE), 409, "in_flight")
    let_leases_run_out(owner)
    refused(put(api.admin, product("C")), 422, "idempotency_key_reused")
    assert answered(put(api.admin, FILE)) == REPORT


def test_an_import_whose_claim_was_taken_over_before_it_began_does_nothing(api: Api, owner: Database) -> None:
    owner.execute(
        "CREATE FUNCTION rob() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " UPDATE idempotency SET lease = gen_random_uuid() WHERE claim_id = NEW.claim_id; RETURN NULL; END $$;"
        "CREATE TRIGGER rob AFTER INSERT ON idempotency FOR EACH ROW EXECUTE FUNCTION rob()"
    )
    refused(put(api.admin, FILE), 409, "in_flight")
    assert stored(owner) == []
    assert owner.rows("SELECT status FROM idempotency") == [(None,)], "the robber's claim stands"


def test_sixteen_at_once_under_one_key_import_once(api: Api) -> None:
    responses = at_once([lambda: put(api.admin, LONG)] * 16)
    done = [response for response in responses if response.status_code == 200]
    assert done
    assert {r.get_json()["code"] for r in responses if r not in done} <= {"in_flight"}
    assert {response.get_json()["created"] for response in done} == {BATCH + 50}
    assert sum("Idempotent-Replayed" not in response.headers for response in done) == 1


def test_imports_at_once_never_wait_for_each_other_in_a_ring(api: Api) -> None:
    lines = LONG.splitlines(keepends=True)
    files = [b"".join(lines), b"".join(reversed(lines))]

    def send(number: int) -> TestResponse:
        return put(api.admin, files[number % 2], key=None if number % 3 == 0 else f"k{number}")

    responses = at_once([lambda number=number: send(number) for number in range(8)])  # type: ignore[misc]
    reports = [answered(response) for response in responses]
    assert sum(report["created"] for report in reports) == len(lines)
    assert sum(report["updated"] for report in reports) == 7 * len(lines)
