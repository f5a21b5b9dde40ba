"""Orders up for review: what waits too long, what contradicts an order, and the figures that an operator watches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.database import Database
from tests.support.clock import Clock
from tests.support.http import Api, answered, bought, refused
from tests.support.tables import snapshot_of_tables


def gauges(api: Api) -> tuple[float, float]:
    """How many orders wait for the gateway, and how many for a person, as Prometheus reads it."""
    text = api.nobody.get("/metrics").get_data(as_text=True)
    found = {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}
    return found["miles_orders_unsettled"], found["miles_orders_for_review"]


def pending(api: Api, user: str = "ann") -> str:
    """An order whose charge was made without an answer."""
    body = bought(api.on_sale(), payment_method="pm_sandbox_timeout")
    order: str = answered(api.as_customer(user).post("/checkout/", body, key="o"), 202)["order_id"]
    return order


def pending_refund(api: Api) -> str:
    """A paid order, of which ₹100.00 were refunded without an answer."""
    body = bought(api.on_sale(), payment_method="pm_sandbox_refund_timeout")
    order: str = answered(api.as_customer("ann").post("/checkout/", body, key="o"), 201)["order_id"]
    wanted = {"amount": 10_000, "reason": "It had a dent."}
    answered(api.admin.post(f"/admin/orders/{order}/refunds", wanted, key="r"), 202)
    return order


def reviews(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.auditor.items(f"/admin/reviews{query}")
    return found


def test_nothing_is_up_for_review_where_all_is_settled(api: Api) -> None:
    answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="o"), 201)
    assert answered(api.admin.get("/admin/reviews")) == {"items": [], "next": None}
    assert gauges(api) == (0, 0)


def test_an_order_that_nobody_knows_the_end_of_is_up_for_review_after_72_hours(api: Api, clock: Clock) -> None:
    placed_at = "2026-01-15T06:30:00Z"
    order_id = pending(api)
    assert (reviews(api), gauges(api)) == ([], (1, 0))
    clock.move(hours=72, microseconds=-1)
    assert (reviews(api), gauges(api)) == ([], (1, 0))
    clock.move(microseconds=1)
    assert reviews(api) == [
        {
            "order_id": order_id,
            "user": "ann",
            "status": "pending",
            "reason": "nobody has known for 72 hours",
            "waiting_since": placed_at,
            "asked": 0,
            "next_at": None,
            "last_answer": None,
            "cash_due": 50_000,
            "cash_refunded": 0,
            "currency": "INR",
            "created_at": placed_at,
        }
    ]
    assert gauges(api) == (1, 1)
    assert api.house.recover_payments().settled == {"paid": 1}
    assert (reviews(api), gauges(api)) == ([], (0, 0))


def test_it_says_how_often_the_gateway_was_asked_and_what_it_answered_last(api: Api, clock: Clock) -> None:
    order_id = UUID(pending(api))
    placed_at = clock.at
    for hours, answer in ((1, "no route to host"), (100, "503")):
        api.house.recoveries.asked(order_id, placed_at, placed_at + timedelta(hours=hours), answer)
    clock.move(hours=72)
    [item] = reviews(api)
    assert (item["asked"], item["last_answer"], item["next_at"]) == (2, "503", "2026-01-19T10:30:00Z")


def test_a_refund_that_nobody_knows_the_end_of_is_up_for_review_too(api: Api, clock: Clock) -> None:
    order_id = pending_refund(api)
    assert (reviews(api), gauges(api)) == ([], (1, 0))
    clock.move(hours=72)
    [item] = reviews(api)
    assert (item["order_id"], item["status"], item["waiting_since"], item["cash_refunded"]) == (
        order_id, "paid", "2026-01-15T06:30:00Z", 0,
    )  # fmt: skip
    assert gauges(api) == (1, 1)
    api.house.recover_payments(is_all=True)
    assert (reviews(api), gauges(api)) == ([], (0, 0))


def test_what_contradicts_an_order_is_up_for_review_at_once_and_until_a_person_has_looked(
    api: Api, clock: Clock, owner: Database
) -> None:
    order_id = pending(api)
    for reason in ("charged 1 INR, not what the order owes", "charged twice", "charged twice"):
        api.house.recoveries.review(UUID(order_id), reason)
    [item] = reviews(api)
    assert (item["order_id"], item["reason"]) == (order_id, "charged 1 INR, not what the order owes; charged twice")
    assert gauges(api) == (1, 1)
    clock.move(days=9)
    assert (len(reviews(api)), gauges(api)) == (1, (1, 1)), "one order is up once, though for two reasons"
    assert api.house.recover_payments(is_all=True).settled == {"paid": 1}
    assert [(item["order_id"], item["status"]) for item in reviews(api)] == [(order_id, "paid")]
    assert gauges(api) == (0, 1)

    gone = api.admin.send("DELETE", f"/admin/reviews/{order_id}")
    assert (gone.status_code, gone.get_data()) == (204, b"")
    assert (reviews(api), gauges(api)) == ([], (0, 0))
    before = snapshot_of_tables(owner)
    assert api.admin.send("DELETE", f"/admin/reviews/{order_id}").status_code == 204, "it is gone, as was wanted"
    assert snapshot_of_tables(owner) == before
    assert answered(api.admin.get(f"/orders/{order_id}"))["status"] == "paid", "the order itself is as it was"


def test_an_order_that_only_waits_cannot_be_cleared_away(api: Api, clock: Clock, owner: Database) -> None:
    order_id = pending(api)
    clock.move(hours=72)
    before = snapshot_of_tables(owner)
    assert api.admin.send("DELETE", f"/admin/reviews/{order_id}").status_code == 204
    assert snapshot_of_tables(owner) == before
    assert [item["order_id"] for item in reviews(api)] == [order_id]


@pytest.mark.parametrize("order_id", ["nonsense", "1", "%00", "00000000-0000-0000-0000-000000000000"])
def test_what_is_no_order_is_not_cleared(api: Api, owner: Database, order_id: str) -> None:
    before = snapshot_of_tables(owner)
    refused(api.admin.send("DELETE", f"/admin/reviews/{order_id}"), 404, "unknown_order")
    assert snapshot_of_tables(owner) == before


def test_reviews_come_in_pages_newest_order_first_and_with_the_fields_that_are_asked_for(
    api: Api, clock: Clock
) -> None:
    orders = [pending(api, user) for user in ("ann", "bob", "cem")]
    clock.move(days=4)
    pages = [answered(page)["items"] for page in api.admin.pages("/admin/reviews?limit=1&fields=order_id,user")]
    assert pages == [
        [{"order_id": order, "user": user}] for order, user in zip(orders[::-1], ("cem", "bob", "ann"), strict=True)
    ]
    refused(api.admin.get("/admin/reviews?fields=position"), 422, "invalid_request")
    refused(api.admin.get("/admin/reviews?cursor=AAAA"), 422, "invalid_cursor")
