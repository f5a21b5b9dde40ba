"""Idempotency over HTTP: one answer a key, whatever comes twice, at once, after a refusal or after a crash."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from werkzeug.test import TestResponse

from app.database import Database
from app.registers.receipts import claim_id
from app.usecases.check_out import Purchase
from app.usecases.ports import Claim
from app.usecases.settle_payment import OrderOutcome
from tests.support.http import Api, Caller, answered, bought, refused
from tests.support.shop import at_once
from tests.support.tables import snapshot_of_tables


@dataclass
class Write:
    """A write that takes a key: whose it is, where it goes, and two bodies that differ."""

    caller: Caller
    user: str
    path: str
    body: dict[str, Any]
    other: dict[str, Any]

    def send(self, key: str | None = "k") -> TestResponse:
        return self.caller.post(self.path, self.body, key=key)

    def fingerprint(self) -> bytes:
        """The digest of the request that the key is bound to."""
        return hashlib.sha256(msgspec.json.encode(["POST", self.path, self.body], order="sorted")).digest()


WRITES = ["checkout", "adjustment", "rules"]


@pytest.fixture
def write(request: pytest.FixtureRequest, api: Api) -> Write:
    """One of the writes, by name."""
    product = api.on_sale()
    api.grant("ann", 100)
    match request.param:
        case "checkout":
            body = bought(product, points=30)
            return Write(api.as_customer("ann"), "ann", "/checkout/", body, {**body, "points_to_use": 31})
        case "adjustment":
            body = {"points": 5, "reason": "sorry"}
            path = "/admin/accounts/ann/adjustments"
            return Write(api.admin, "root", path, body, {**body, "points": 6})
        case _:
            return Write(api.admin, "root", "/admin/rules", {"earn_points": 2}, {"earn_points": 3})


each_write = pytest.mark.parametrize("write", WRITES, indirect=True)
each_write_that_needs_a_key = pytest.mark.parametrize("write", WRITES[:2], indirect=True)


@each_write
def test_the_same_request_again_gets_the_same_answer_and_does_nothing_twice(write: Write, owner: Database) -> None:
    first = write.send()
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    before = snapshot_of_tables(owner)
    for _ in range(3):
        again = write.send()
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert snapshot_of_tables(owner) == before


@each_write
def test_the_same_body_in_other_words_is_the_same_request(write: Write) -> None:
    first = write.send()
    reordered = json.dumps(dict(reversed(write.body.items())), indent=4).encode()
    again = write.caller.post_raw(write.path, reordered, key="k")
    assert again.get_data() == first.get_data()
    assert again.headers["Idempotent-Replayed"] == "true"


@each_write
def test_a_key_is_for_one_request_alone(write: Write, owner: Database) -> None:
    answered(write.send(), 201)
    before = snapshot_of_tables(owner)
    refused(write.caller.post(write.path, write.other, key="k"), 422, "idempotency_key_reused")
    assert snapshot_of_tables(owner) == before


def test_a_key_is_for_one_path_alone(api: Api) -> None:
    body = {"points": 5, "reason": "sorry"}
    answered(api.admin.post("/admin/accounts/ann/adjustments", body, key="k"), 201)
    refused(api.admin.post("/admin/accounts/bob/adjustments", body, key="k"), 422, "idempotency_key_reused")


@each_write
def test_another_users_key_is_another_key_though_it_reads_the_same(write: Write, api: Api) -> None:
    role = "customer" if write.path == "/checkout/" else "admin"
    other = api.as_roles("zoe", role)
    if role == "customer":
        api.grant("zoe", 100)
    first, second = write.send(), other.post(write.path, write.body, key="k")
    assert (first.status_code, second.status_code) == (201, 201)
    assert "Idempotent-Replayed" not in second.headers
    assert first.get_data() != second.get_data()


def test_user_and_key_do_not_run_together(api: Api) -> None:
    api.grant("someone", 1)
    product = api.on_sale()
    first = answered(api.as_customer("ann").post("/checkout/", bought(product), key="bob"), 201)
    second = answered(api.as_customer("annb").post("/checkout/", bought(product), key="ob"), 201)
    assert first["order_id"] != second["order_id"]


@each_write_that_needs_a_key
def test_without_a_key_nothing_is_written(write: Write, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    refused(write.send(key=None), 400, "idempotency_key_required")
    refused(write.send(key=""), 400, "idempotency_key_required")
    assert snapshot_of_tables(owner) == before


@each_write
def test_a_key_is_1_to_255_visible_ascii_characters(write: Write, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    for key in ("x" * 256, "caf\xe9", "a b", "a\tb", "\x7f", "\x80"):
        refused(write.send(key), 400, "idempotency_key_invalid")
    assert snapshot_of_tables(owner) == before
    answered(write.send("x" * 255), 201)


def test_rules_may_be_posted_without_a_key_and_then_each_time_counts(api: Api) -> None:
    assert [answered(api.admin.post("/admin/rules", {}), 201)["version"] for _ in range(3)] == [2, 3, 4]


@each_write
def test_while_a_request_is_under_way_the_same_one_is_told_to_come_later(
    write: Write, api: Api, owner: Database
) -> None:
    claim = api.house.receipts.claim(claim_id(write.user, "k"), write.fingerprint())
    assert isinstance(claim, Claim)
    before = snapshot_of_tables(owner)
    response = write.send()
    refused(response, 409, "in_flight")
    assert 1 <= int(response.headers["Retry-After"]) <= 90
    refused(write.caller.post(write.path, write.other, key="k"), 422, "idempotency_key_reused")
    assert snapshot_of_tables(owner) == before
    api.house.receipts.release(claim)
    answered(write.send(), 201)


@each_write
def test_a_claim_whose_lease_ran_out_is_taken_over(write: Write, api: Api, owner: Database) -> None:
    claim = api.house.receipts.claim(claim_id(write.user, "k"), write.fingerprint())
    assert isinstance(claim, Claim)
    owner.execute("UPDATE idempotency SET leased_until = now() - interval '1 second' WHERE status IS NULL")
    refused(write.caller.post(write.path, write.other, key="k"), 422, "idempotency_key_reused")
    first = write.send()
    assert first.status_code == 201
    assert "Idempotent-Replayed" not in first.headers
    assert write.send().get_data() == first.get_data()


def as_before_a_crash(api: Api, write: Write, method: str) -> OrderOutcome:
    """The order is placed and charged as far as `method` goes, then the process dies: no answer is kept."""
    claimed = api.house.receipts.claim(claim_id("ann", "k"), write.fingerprint())
    assert isinstance(claimed, Claim)
    [item] = write.body["items"]
    purchase = Purchase(
        user_id="ann",
        key="k",
        fingerprint=write.fingerprint().hex(),
        items=((item["product_id"], item["quantity"]),),
        points_to_use=write.body["points_to_use"],
        payment_method=method,
    )
    return api.house.check_out(purchase)


@pytest.mark.parametrize("write", ["checkout"], indirect=True)
@pytest.mark.parametrize("method", ["pm_card_visa", "pm_sandbox_timeout", "pm_sandbox_lost"])
def test_a_checkout_that_a_crash_cut_off_goes_on_from_what_is_recorded(
    write: Write, api: Api, owner: Database, method: str
) -> None:
    placed = as_before_a_crash(api, write, method)
    refused(write.send(), 409, "in_flight")
    owner.execute("UPDATE idempotency SET leased_until = now() - interval '1 second' WHERE status IS NULL")
    outcome = answered(write.send(), 201)
    assert (outcome["order_id"], outcome["status"]) == (str(placed.order_id), "paid")
    assert [line["type"] for line in write.caller.items("/user/transactions")] == ["earn", "use", "manual"]
    assert owner.rows("SELECT count(*) FROM sandbox_charges") == [(1,)]
    assert answered(write.send(), 201) == outcome


@each_write_that_needs_a_key
def test_a_refusal_gives_the_key_back(write: Write, api: Api, owner: Database) -> None:
    bad = {**write.body, "points_to_use": 500} if write.path == "/checkout/" else {**write.body, "points": -500}
    before = snapshot_of_tables(owner)
    for _ in range(2):
        refused(write.caller.post(write.path, bad, key="k"), 422, "insufficient_points")
    assert snapshot_of_tables(owner) == before
    answered(write.send(), 201)


def test_a_refusal_of_rules_gives_the_key_back(api: Api) -> None:
    refused(api.admin.post("/admin/rules", {"min_redeem_per_order": 501}, key="k"), 422, "invalid_request")
    answered(api.admin.post("/admin/rules", {}, key="k"), 201)


def test_what_was_refused_may_succeed_under_its_own_key_later(api: Api) -> None:
    ann, body = api.as_customer("ann"), bought(api.on_sale(), points=30)
    refused(ann.post("/checkout/", body, key="k"), 422, "insufficient_points")
    api.grant("ann", 30)
    answered(ann.post("/checkout/", body, key="k"), 201)


def test_a_decline_is_an_answer_and_stays_one(api: Api, owner: Database) -> None:
    ann = api.as_customer("ann")
    body = bought(api.on_sale(), payment_method="pm_card_chargeDeclined")
    first = ann.post("/checkout/", body, key="k")
    assert first.status_code == 402
    before = snapshot_of_tables(owner)
    again = ann.post("/checkout/", body, key="k")
    facts = [refused(response, 402, "payment_declined") for response in (first, again)]
    assert len({body.pop("request_id") for body in facts}) == 2, "each names the request that it answers"
    assert facts[0] == facts[1]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert snapshot_of_tables(owner) == before


@each_write
def test_sixteen_at_once_under_one_key_do_it_once(write: Write, api: Api) -> None:
    events = api.house.log.max_notification_id() or 0
    responses = at_once([write.send] * 16)
    done = [response for response in responses if response.status_code == 201]
    waiting = [response for response in responses if response.status_code != 201]
    assert done
    assert {response.get_json()["code"] for response in waiting} <= {"in_flight"}
    assert len({response.get_data() for response in done}) == 1
    assert sum("Idempotent-Replayed" not in response.headers for response in done) == 1
    written = (api.house.log.max_notification_id() or 0) - events
    assert written == {"/checkout/": 4, "/admin/rules": 1}.get(write.path, 1)
    final = write.send()
    assert (final.status_code, final.get_data()) == (201, done[0].get_data())


def test_sixteen_at_once_under_keys_of_their_own_spend_a_balance_once(api: Api) -> None:
    api.grant("ann", 100)
    ann, body = api.as_customer("ann"), bought(api.on_sale(price=10_000), points=100)
    del body["payment_method"]

    def buy(number: int) -> TestResponse:
        return ann.post("/checkout/", body, key=f"k{number}")

    responses = at_once([lambda number=number: buy(number) for number in range(16)])  # type: ignore[misc]
    codes = [response.get_json().get("code", "bought") for response in responses]
    assert codes.count("bought") == 1
    assert set(codes) - {"bought"} <= {"insufficient_points", "try_again"}
    assert answered(ann.get("/user/points"))["lifetime"]["redeemed"] == 100


def test_a_key_is_kept_as_a_digest_alone(api: Api, owner: Database) -> None:
    api.grant("ann", 5, key="a-telling-key")
    [(kept,)] = owner.rows("SELECT i::text FROM idempotency AS i")
    assert "a-telling-key" not in kept
