"""A member buys: paid, declined, unanswered, all by points; and every way in which a purchase is refused."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import Database
from tests.support.http import Api, Caller, answered, basket, bought, refused
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def ann(api: Api) -> Caller:
    """A member with 200 points."""
    api.grant("ann", 200)
    return api.as_customer("ann")


def points(caller: Caller) -> Any:
    return answered(caller.get("/user/points"))


def remaining(api: Api, user: str = "ann") -> list[int]:
    """What each of the member's lots has left."""
    return [lot["remaining"] for lot in answered(api.admin.get(f"/admin/accounts/{user}"))["lots"]]


def test_a_quote_writes_nothing(api: Api, ann: Caller, owner: Database) -> None:
    body = basket(api.on_sale(), 3, points=30)
    before = snapshot_of_tables(owner)
    quote = answered(ann.post("/checkout/quote", body))
    assert (quote["total"], quote["cash_due"], quote["points_to_earn"]) == (150_000, 147_000, 150)
    assert snapshot_of_tables(owner) == before


def test_a_quote_tells_a_stranger_what_an_order_would_come_to(api: Api, owner: Database) -> None:
    product = api.on_sale()
    before = snapshot_of_tables(owner)
    quote = answered(api.as_customer("new").post("/checkout/quote", basket(product)))
    assert (quote["points_available"], quote["points_usable"], quote["cash_due"]) == (0, 0, 50_000)
    assert snapshot_of_tables(owner) == before


def test_the_most_that_a_quote_allows_is_what_checkout_takes_and_one_more_is_refused(api: Api, ann: Caller) -> None:
    for price, most in ((50_000, 200), (15_050, 150), (99, 0)):
        product = api.on_sale(price)
        quote = answered(ann.post("/checkout/quote", basket(product)))
        assert quote["points_usable"] == most
        answered(ann.post("/checkout/quote", basket(product, points=most)))
        assert ann.post("/checkout/quote", basket(product, points=most + 1)).status_code == 422


def test_points_may_pay_for_all_of_it_without_any_card(api: Api, ann: Caller) -> None:
    answer = answered(ann.post("/checkout/", basket(api.on_sale(20_000), points=200), key="o"), 201)
    assert (answer["status"], answer["cash_due"], answer["points_earned"]) == ("paid", 0, 20)
    assert answer["available"] == points(ann)["available"] == 20
    assert api.house.database.rows("SELECT count(*) FROM sandbox_charges") == [(0,)]


def test_where_cash_is_due_there_must_be_a_way_to_pay(api: Api, ann: Caller, owner: Database) -> None:
    body = basket(api.on_sale(20_100), points=200)
    before = snapshot_of_tables(owner)
    for method in ({}, {"payment_method": None}):
        problem = refused(ann.post("/checkout/", {**body, **method}, key="o"), 422, "invalid_request")
        assert list(problem["errors"]) == ["payment_method"]
    assert snapshot_of_tables(owner) == before


def test_a_declined_card_gives_the_points_back_into_the_very_lots_and_earns_nothing(api: Api, ann: Caller) -> None:
    api.grant("ann", 10, expires_at="2026-03-01T00:00:00Z")
    lots = answered(api.admin.get("/admin/accounts/ann"))["lots"]
    body = bought(api.on_sale(), points=30, payment_method="pm_card_chargeDeclined")
    problem = refused(ann.post("/checkout/", body, key="o"), 402, "payment_declined")
    assert answered(api.admin.get("/admin/accounts/ann"))["lots"] == lots
    after = points(ann)
    assert (after["available"], after["held"], after["lifetime"]["earned"]) == (210, 0, 0)
    order = answered(ann.get(f"/orders/{problem['order_id']}"))
    assert (order["status"], order["points_used"], order["points_restored"]) == ("failed", 30, 30)
    assert (order["points_earned"], order["cash_refunded"]) == (0, 0)
    lines = [(line["type"], line["points"]) for line in ann.items("/user/transactions")][:2]
    assert lines == [("restore", 30), ("use", -30)]


def test_a_payment_method_that_nobody_knows_is_declined(api: Api, ann: Caller) -> None:
    body = bought(api.on_sale(), payment_method="pm_card_of_mine")
    refused(ann.post("/checkout/", body, key="o"), 402, "payment_declined")


@pytest.mark.parametrize("method", ["pm_sandbox_timeout", "pm_sandbox_lost"])
def test_while_nobody_knows_whether_the_card_was_charged_the_order_is_pending_and_holds_its_points(
    api: Api, ann: Caller, method: str
) -> None:
    body = bought(api.on_sale(), points=30, payment_method=method)
    first = ann.post("/checkout/", body, key="o")
    outcome = answered(first, 202)
    assert (outcome["status"], outcome["points_used"], outcome["points_earned"]) == ("pending", 30, 0)
    assert first.headers["Location"] == f"/orders/{outcome['order_id']}"
    again = ann.post("/checkout/", body, key="o")
    assert answered(again, 202) == outcome
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Location"] == first.headers["Location"]
    now = points(ann)
    assert (now["available"], now["held"], now["lifetime"]["earned"]) == (170, 30, 0)
    assert answered(ann.get(first.headers["Location"]))["status"] == "pending"
    assert [order["status"] for order in ann.items("/user/orders")] == ["pending"]


def test_a_slow_gateway_is_waited_for(api: Api, ann: Caller) -> None:
    answered(ann.post("/checkout/", bought(api.on_sale(), payment_method="pm_sandbox_slow"), key="o"), 201)


def test_a_total_that_is_not_what_the_member_saw_is_not_charged(api: Api, ann: Caller, owner: Database) -> None:
    product = api.on_sale(sku="A1")
    api.on_sale(60_000, sku="A1")
    before = snapshot_of_tables(owner)
    problem = refused(ann.post("/checkout/", bought(product, expected_total=50_000), key="o"), 409, "total_changed")
    assert (problem["total"], problem["expected_total"]) == (60_000, 50_000)
    assert snapshot_of_tables(owner) == before
    answered(ann.post("/checkout/", bought(product, expected_total=60_000), key="o"), 201)


def test_lines_of_one_product_are_one_line(api: Api, ann: Caller) -> None:
    cup, lamp = api.on_sale(100, name="Cup"), api.on_sale(1_000, name="Lamp")
    items = [
        {"product_id": cup, "quantity": 2},
        {"product_id": lamp, "quantity": 1},
        {"product_id": cup, "quantity": 3},
    ]
    body = {"items": items, "payment_method": "pm_card_visa"}
    assert answered(ann.post("/checkout/quote", {"items": items}))["total"] == 1_500
    answered(ann.post("/checkout/", body, key="o"), 201)
    [order] = ann.items("/user/orders")
    assert [(item["name"], item["quantity"], item["unit_price"]) for item in order["items"]] == [
        ("Cup", 5, 100),
        ("Lamp", 1, 1_000),
    ]


def test_the_price_is_the_catalogues_and_an_order_keeps_it(api: Api, ann: Caller) -> None:
    product = api.on_sale(sku="A1", name="Cup")
    order = answered(ann.post("/checkout/", bought(product), key="o"), 201)
    api.on_sale(99_999, sku="A1", name="Mug")
    shown = answered(ann.get(f"/orders/{order['order_id']}"))
    assert (shown["total"], shown["items"][0]["name"], shown["items"][0]["unit_price"]) == (50_000, "Cup", 50_000)


# code, rules, price, points
REFUSALS = [
    ("points_exceed_total", {}, 10_000, 101),
    ("points_exceed_total", {}, 10_000, 900),
    ("points_exceed_total", {}, 99, 1),
    ("insufficient_points", {}, 50_000, 201),
    ("points_above_maximum", {"max_redeem_per_order": 20}, 50_000, 21),
    ("points_above_maximum", {"max_redeem_per_order": 0}, 50_000, 1),
    ("points_below_minimum", {"min_redeem_per_order": 50}, 50_000, 49),
    # The first broken rule is the one that is told.
    ("points_exceed_total", {"max_redeem_per_order": 20}, 10_000, 500),
    ("insufficient_points", {"max_redeem_per_order": 20}, 50_000, 300),
]


@pytest.mark.parametrize(("code", "rules", "price", "use"), REFUSALS)
def test_points_that_an_order_may_not_take_are_refused_alike_by_quote_and_checkout(
    api: Api, owner: Database, *, code: str, rules: dict[str, int], price: int, use: int
) -> None:
    api.grant("ann", 200)
    ann = api.as_customer("ann")
    answered(api.admin.post("/admin/rules", rules), 201)
    product = api.on_sale(price)
    before = snapshot_of_tables(owner)
    refused(ann.post("/checkout/quote", basket(product, points=use)), 422, code)
    refused(ann.post("/checkout/", bought(product, points=use), key="o"), 422, code)
    assert snapshot_of_tables(owner) == before


def test_what_is_not_sold_cannot_be_bought(api: Api, ann: Caller, owner: Database) -> None:
    known, gone = api.on_sale(), api.on_sale(active=False)
    before = snapshot_of_tables(owner)
    for unknown in (gone, 10**6, 2**63 - 1):
        items = [{"product_id": known, "quantity": 1}, {"product_id": unknown, "quantity": 1}]
        for path, body in (("/checkout/quote", {}), ("/checkout/", {"payment_method": "pm_card_visa"})):
            problem = refused(ann.post(path, {"items": items, **body}, key="o"), 422, "unknown_product")
            assert problem["product_ids"] == [unknown]
    assert snapshot_of_tables(owner) == before


INVALID: list[tuple[str, dict[str, Any]]] = [
    ("items", {"items": []}),
    ("items", {"items": None}),
    ("items", {"items": {}}),
    ("items", {"items": [{"product_id": 1, "quantity": 1}] * 101}),
    ("items.0.quantity", {"items": [{"product_id": 1, "quantity": 0}]}),
    ("items.0.quantity", {"items": [{"product_id": 1, "quantity": -1}]}),
    ("items.0.quantity", {"items": [{"product_id": 1, "quantity": 1_001}]}),
    ("items.0.quantity", {"items": [{"product_id": 1}]}),
    ("items.0.product_id", {"items": [{"product_id": 0, "quantity": 1}]}),
    ("items.0.product_id", {"items": [{"product_id": 2**63, "quantity": 1}]}),
    ("points_to_use", {"points_to_use": -30}),
    ("points_to_use", {"points_to_use": 2**63}),
    ("payment_method", {"payment_method": "x" * 256}),
    ("payment_method", {"payment_method": "a\x00b"}),
    ("payment_method", {"payment_method": 5}),
    ("expected_total", {"expected_total": -1}),
    ("user", {"user": "bob"}),
    ("total", {"total": 1}),
]


def test_a_purchase_that_cannot_be_is_refused_by_the_field_and_writes_nothing(
    api: Api, ann: Caller, owner: Database
) -> None:
    product = api.on_sale()
    before = snapshot_of_tables(owner)
    for field, wrong in INVALID:
        problem = refused(ann.post("/checkout/", {**bought(product), **wrong}, key="o"), 422, "invalid_request")
        assert list(problem["errors"]) == [field]
    refused(ann.post("/checkout/", {}, key="o"), 422, "invalid_request")
    assert snapshot_of_tables(owner) == before


def test_a_hundred_lines_of_a_thousand_each_can_be_bought(api: Api) -> None:
    items = [{"product_id": api.on_sale(7, sku=f"S{n}"), "quantity": 1_000} for n in range(100)]
    quote = answered(api.as_customer("ann").post("/checkout/quote", {"items": items}))
    assert (quote["total"], quote["points_to_earn"]) == (700_000, 500)


def test_what_was_earned_on_an_order_can_be_spent_on_the_next(api: Api) -> None:
    ann, product = api.as_customer("ann"), api.on_sale()
    assert answered(ann.post("/checkout/", bought(product), key="o1"), 201)["available"] == 50
    assert answered(ann.post("/checkout/", bought(product, points=50), key="o2"), 201)["available"] == 50
    assert remaining(api) == [0, 50]


def test_a_gift_costs_nothing_and_earns_nothing(api: Api) -> None:
    answer = answered(api.as_customer("ann").post("/checkout/", basket(api.on_sale(0)), key="o"), 201)
    assert (answer["total"], answer["cash_due"], answer["points_earned"]) == (0, 0, 0)
