"""Refunds over HTTP, to the letter: whole, in parts, again under the same key, declined, and while nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.database import Database
from tests.support.http import Api, Caller, answered, basket, bought, refused
from tests.support.tables import snapshot_of_tables

REASON = "It had a dent."


@pytest.fixture
def ann(api: Api) -> Caller:
    """A member with 100 points."""
    api.grant("ann", 100)
    return api.as_customer("ann")


def order_of(api: Api, caller: Caller, points: int = 30, **fields: Any) -> str:
    """₹500.00 with so many points and a good card, which earns 50; gives its id."""
    order: str = answered(caller.post("/checkout/", bought(api.on_sale(), points=points, **fields), key="o"), 201)[
        "order_id"
    ]
    return order


def refund(api: Api, order_id: str, amount: int | None = None, key: str = "r", **fields: Any) -> TestResponse:
    """An admin refunds; without an amount the body names none."""
    body = {"reason": REASON, **({} if amount is None else {"amount": amount}), **fields}
    return api.admin.post(f"/admin/orders/{order_id}/refunds", body, key=key)


def order_as_seen(api: Api, ann: Caller, order_id: str) -> dict[str, Any]:
    """The order, which reads the same wherever it is read."""
    [order] = ann.items("/user/orders")
    assert order == answered(ann.get(f"/orders/{order_id}")) == answered(api.auditor.get(f"/orders/{order_id}"))
    assert [order] == api.admin.items(f"/admin/orders?status={order['status']}&user=ann")
    return dict(order)


def test_a_refund_without_an_amount_gives_back_all(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann)
    outcome = answered(refund(api, order_id), 201)
    assert outcome == {
        "refund_id": outcome["refund_id"],
        "order_id": order_id,
        "cash_refunded": 47_000,
        "points_restored": 30,
        "points_revoked": 50,
        "status": "refunded",
        "currency": "INR",
    }
    order = order_as_seen(api, ann, order_id)
    assert (order["status"], order["cash_refunded"]) == ("refunded", 47_000)
    assert (order["points_used"], order["points_restored"]) == (30, 30)
    assert (order["points_earned"], order["points_revoked"]) == (50, 50)
    assert answered(ann.get("/user/points"))["available"] == 100


def test_null_is_a_number_that_somebody_lost_and_refunds_nothing(api: Api, ann: Caller) -> None:
    path = f"/admin/orders/{order_of(api, ann)}/refunds"
    body = refused(api.admin.post(path, {"amount": None, "reason": REASON}, key="r"), 422, "invalid_request")
    assert list(body["errors"]) == ["amount"]


def test_parts_sum_to_the_whole_and_each_says_what_it_gave_back(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann)
    parts = [answered(refund(api, order_id, amount, f"r{amount}"), 201) for amount in (1, 16_667, 33_331)]
    assert [part["status"] for part in parts] == ["partially_refunded"] * 3
    assert order_as_seen(api, ann, order_id)["status"] == "partially_refunded"
    parts.append(answered(refund(api, order_id), 201))
    assert [(p["cash_refunded"], p["points_restored"], p["points_revoked"]) for p in parts] == [
        (0, 0, 0),
        (15_667, 10, 16),
        (31_332, 19, 33),
        (1, 1, 1),
    ]
    assert parts[-1]["status"] == order_as_seen(api, ann, order_id)["status"] == "refunded"
    assert len({part["refund_id"] for part in parts}) == 4


def test_the_feed_and_the_report_tell_of_it(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann)
    answered(refund(api, order_id, 25_000), 201)
    revoke, restore = ann.items("/user/transactions")[:2]
    assert (restore["type"], restore["points"], restore["balance_after"]) == ("restore", 15, 135)
    assert (revoke["type"], revoke["points"], revoke["balance_after"]) == ("revoke", -25, 110)
    for line in (restore, revoke):
        assert line["order_id"] == line["reference"] == order_id
        assert line["debt_added"] == line["debt_repaid"] == 0
    summary = answered(api.admin.get("/admin/reports/summary"))
    assert (summary["restored"], summary["revoked"], summary["debt"]) == (15, 25, 0)
    lifetime = answered(ann.get("/user/points"))["lifetime"]
    assert (lifetime["redeemed"], lifetime["restored"], lifetime["earned"], lifetime["revoked"]) == (30, 15, 50, 25)


def test_debt_stands_on_the_members_page_and_in_the_feed_until_it_is_repaid(api: Api) -> None:
    ann = api.as_customer("ann")
    order_id = order_of(api, ann, points=0)
    answered(ann.post("/checkout/", basket(api.on_sale(900), points=9), key="spend"), 201)
    answered(refund(api, order_id), 201)
    points = answered(ann.get("/user/points"))
    assert (points["available"], points["debt"], points["lifetime"]["revoked"]) == (0, 9, 50)
    [line] = ann.items("/user/transactions")[:1]
    assert (line["type"], line["points"], line["debt_added"], line["balance_after"]) == ("revoke", -41, 9, 0)
    assert answered(api.admin.get("/admin/reports/summary"))["debt"] == 9
    refused(ann.post("/checkout/", basket(api.on_sale(100), points=1), key="more"), 422, "insufficient_points")
    api.grant("ann", 10)
    [line] = ann.items("/user/transactions")[:1]
    assert (line["points"], line["debt_repaid"], line["balance_after"]) == (1, 9, 1)
    points = answered(ann.get("/user/points"))
    assert (points["available"], points["debt"]) == (1, 0)


# -- again


def test_the_same_refund_again_gets_the_same_answer_and_gives_nothing_back_twice(
    api: Api, ann: Caller, owner: Database
) -> None:
    order_id = order_of(api, ann)
    first = refund(api, order_id, 10_000)
    assert "Idempotent-Replayed" not in first.headers
    before = snapshot_of_tables(owner)
    for _ in range(3):
        again = refund(api, order_id, 10_000)
        assert (again.status_code, again.get_data()) == (201, first.get_data())
        assert again.headers["Idempotent-Replayed"] == "true"
    assert snapshot_of_tables(owner) == before


def test_a_first_part_is_answered_as_it_was_though_others_came_after_it(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann)
    first = answered(refund(api, order_id, 10_000, "first"), 201)
    answered(refund(api, order_id, key="second"), 201)
    assert answered(refund(api, order_id, 10_000, "first"), 201) == first
    assert first["status"] == "partially_refunded"


def test_a_key_is_for_one_refund_alone(api: Api, ann: Caller, owner: Database) -> None:
    order_id = order_of(api, ann)
    answered(refund(api, order_id, 10_000), 201)
    before = snapshot_of_tables(owner)
    refused(refund(api, order_id, 10_001), 422, "idempotency_key_reused")
    refused(refund(api, order_id), 422, "idempotency_key_reused")
    refused(refund(api, order_id, 10_000, reason="Another."), 422, "idempotency_key_reused")
    assert snapshot_of_tables(owner) == before


def test_another_admins_key_is_another_key_though_it_reads_the_same(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann)
    body, path = {"amount": 10_000, "reason": REASON}, f"/admin/orders/{order_id}/refunds"
    first = answered(api.admin.post(path, body, key="r"), 201)
    second = answered(api.as_roles("zoe", "admin").post(path, body, key="r"), 201)
    assert first["refund_id"] != second["refund_id"]
    assert order_as_seen(api, ann, order_id)["cash_refunded"] == 18_800


def test_a_refusal_gives_the_key_back(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann)
    problem = refused(refund(api, order_id, 50_001), 422, "refund_exceeds_order")
    assert (problem["amount"], problem["left"], problem["currency"]) == (50_001, 50_000, "INR")
    assert answered(refund(api, order_id, 50_000), 201)["status"] == "refunded"


# -- the gateway


def test_a_refund_that_the_gateway_declines_moves_nothing(api: Api, ann: Caller) -> None:
    order_id = order_of(api, ann, payment_method="pm_sandbox_refund_refused")
    feed, order = ann.items("/user/transactions"), order_as_seen(api, ann, order_id)
    problem = refused(refund(api, order_id), 409, "refund_declined")
    assert problem["reason"] == "refund_not_allowed"
    again = refused(refund(api, order_id), 409, "refund_declined")
    assert again["refund_id"] == problem["refund_id"]
    assert refused(refund(api, order_id, key="other"), 409, "refund_declined")["refund_id"] != problem["refund_id"]
    assert ann.items("/user/transactions") == feed
    assert order_as_seen(api, ann, order_id) == order


def test_while_nobody_knows_a_refund_is_pending_and_then_the_same_key_tells_what_it_came_to(
    api: Api, ann: Caller, owner: Database
) -> None:
    order_id = order_of(api, ann, payment_method="pm_sandbox_refund_timeout")
    pending = answered(refund(api, order_id, 25_000), 202)
    assert (pending["status"], pending["order_id"], pending["currency"]) == ("pending", order_id, "INR")
    assert (pending["cash_refunded"], pending["points_restored"], pending["points_revoked"]) == (0, 0, 0)
    again = refund(api, order_id, 25_000)
    assert answered(again, 202) == pending
    assert again.headers["Idempotent-Replayed"] == "true"
    assert order_as_seen(api, ann, order_id)["status"] == "paid"
    refused(refund(api, order_id, key="next"), 409, "order_not_refundable")

    assert api.house.recover_payments(is_all=True).settled == {"partially_refunded": 1}
    known = refund(api, order_id, 25_000)
    assert known.headers["Idempotent-Replayed"] == "true"
    assert answered(known, 201) == {
        **pending,
        "status": "partially_refunded",
        "cash_refunded": 23_500,
        "points_restored": 15,
        "points_revoked": 25,
    }
    before = snapshot_of_tables(owner)
    assert refund(api, order_id, 25_000).get_data() == known.get_data()
    assert snapshot_of_tables(owner) == before
    assert order_as_seen(api, ann, order_id)["status"] == "partially_refunded"


def test_a_pending_refund_that_the_gateway_declines_in_the_end_is_declined_to_the_same_key(
    api: Api, ann: Caller, owner: Database
) -> None:
    order_id = order_of(api, ann, payment_method="pm_sandbox_refund_timeout")
    pending = answered(refund(api, order_id), 202)
    # The request had not reached the gateway, and it would make no such refund.
    owner.execute("DELETE FROM sandbox_refunds")
    owner.execute("UPDATE sandbox_charges SET payment_method = 'pm_sandbox_refund_refused'")
    assert api.house.recover_payments(is_all=True).settled == {"failed": 1}
    for _ in range(2):
        assert refused(refund(api, order_id), 409, "refund_declined")["refund_id"] == pending["refund_id"]
    order = order_as_seen(api, ann, order_id)
    assert (order["status"], order["cash_refunded"], order["points_restored"]) == ("paid", 0, 0)


# -- refused


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("amount", {"amount": 0}),
        ("amount", {"amount": -1}),
        ("amount", {"amount": 2**63}),
        ("amount", {"amount": "100"}),
        ("amount", {"amount": 1.0}),
        ("amount", {"amount": True}),
        ("reason", {"reason": ""}),
        ("reason", {"reason": "  "}),
        ("reason", {"reason": "x" * 501}),
        ("reason", {"reason": None}),
        ("cash", {"cash": 100}),
        ("points", {"points": 5}),
    ],
)
def test_a_refund_that_cannot_be_is_refused_by_the_field(
    api: Api, ann: Caller, owner: Database, field: str, wrong: dict[str, Any]
) -> None:
    path = f"/admin/orders/{order_of(api, ann)}/refunds"
    before = snapshot_of_tables(owner)
    problem = refused(api.admin.post(path, {"reason": REASON, **wrong}, key="r"), 422, "invalid_request")
    assert list(problem["errors"]) == [field]
    assert snapshot_of_tables(owner) == before


def test_a_refund_needs_a_reason_and_a_key(api: Api, ann: Caller, owner: Database) -> None:
    path = f"/admin/orders/{order_of(api, ann)}/refunds"
    before = snapshot_of_tables(owner)
    assert "reason" in refused(api.admin.post(path, {}, key="r"), 422, "invalid_request")["errors"]
    refused(api.admin.post(path, {"reason": REASON}), 400, "idempotency_key_required")
    assert snapshot_of_tables(owner) == before
