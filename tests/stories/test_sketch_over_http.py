"""What the first sketch of this system got wrong at its door, one test each, by the names that DOMAIN gives them."""

from __future__ import annotations

from typing import Any

from app.database import Database
from tests.support.http import Api, answered, basket, bought, refused
from tests.support.tables import snapshot_of_tables


def test_no_owner_check(api: Api, owner: Database) -> None:
    """Anybody could read anybody's orders and points, and spend them."""
    api.grant("ann", 100)
    product = api.on_sale()
    order = answered(api.as_customer("ann").post("/checkout/", bought(product, points=30), key="o"), 201)["order_id"]
    bob = api.as_customer("bob")
    before = snapshot_of_tables(owner)
    refused(bob.get(f"/orders/{order}"), 404, "unknown_order")
    assert bob.items("/user/orders") == bob.items("/user/transactions") == []
    assert answered(bob.get("/user/points"))["available"] == 0
    refused(bob.get("/user/points?user=ann"), 422, "invalid_request")
    refused(bob.post("/checkout/", bought(product, points=30, user="ann"), key="o"), 422, "invalid_request")
    refused(bob.post("/checkout/", bought(product, points=30), key="o"), 422, "insufficient_points")
    refused(bob.get("/admin/accounts/ann"), 403, "forbidden")
    assert snapshot_of_tables(owner) == before


def test_no_roles(api: Api, owner: Database) -> None:
    """Whoever found the admin's paths was an admin."""
    api.grant("ann", 1)
    before = snapshot_of_tables(owner)
    for caller, status in ((api.as_customer("ann"), 403), (api.nobody, 401), (api.auditor, 403)):
        grant = caller.post("/admin/accounts/ann/adjustments", {"points": 500, "reason": "mine"}, key="k")
        rules = caller.post("/admin/rules", {"point_value": 1_000_000}, key="k")
        products = caller.put_products({"sku": "A", "name": "A", "brand": "A", "category": "A", "price": 0})
        assert [grant.status_code, rules.status_code, products.status_code] == [status] * 3
    assert snapshot_of_tables(owner) == before


def test_no_idempotency(api: Api) -> None:
    """A second click, or a client that tried again, bought a second time."""
    api.grant("ann", 100)
    ann, body = api.as_customer("ann"), bought(api.on_sale(), points=30)
    answers = [answered(ann.post("/checkout/", body, key="click"), 201) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(ann.items("/user/orders")) == 1
    assert answered(ann.get("/user/points"))["available"] == 100 - 30 + 50


def test_no_pagination(api: Api) -> None:
    """Every list was sent whole, however long it had become."""
    for number in range(25):
        api.grant(f"member {number}", 1)
        api.on_sale()
    for path in ("/products/", "/products/search", "/admin/transactions", "/admin/accounts"):
        assert [len(answered(page)["items"]) for page in api.admin.pages(path)] == [20, 5]


def carries_money(body: Any) -> bool:
    """Whether a body names an amount of money, anywhere."""
    money = {"price", "unit_price", "total", "cash_due", "cash_refunded", "value", "point_value", "earn_per_amount"}
    if isinstance(body, dict):
        return bool(money & body.keys()) or any(carries_money(inner) for inner in body.values())
    return isinstance(body, list) and any(carries_money(inner) for inner in body)


def currencies(body: Any) -> list[str]:
    """Every currency that a body names."""
    if isinstance(body, dict):
        own = [body["currency"]] if "currency" in body else []
        return own + [code for inner in body.values() for code in currencies(inner)]
    return [code for inner in body for code in currencies(inner)] if isinstance(body, list) else []


def test_no_currency(api: Api) -> None:
    """An amount of 500 was rupees to one reader and dollars to the next."""
    product = api.on_sale()
    api.grant("ann", 100)
    ann = api.as_customer("ann")
    order = answered(ann.post("/checkout/", bought(product), key="o"), 201)
    one = [
        answered(ann.post("/checkout/quote", basket(product))),
        order,
        answered(ann.get(f"/orders/{order['order_id']}")),
        answered(ann.get(f"/products/{product}")),
        answered(api.admin.get("/admin/rules/current")),
        answered(api.admin.post("/admin/rules", {}), 201),
        answered(api.admin.get("/admin/reports/summary")),
        refused(ann.post("/checkout/", bought(product, expected_total=1), key="p"), 409, "total_changed"),
    ]
    for path in ("/products/", "/products/search", "/admin/rules", "/admin/orders"):
        one += api.admin.items(path)
    for body in one:
        assert carries_money(body), body
        assert currencies(body) == ["INR"], body


def test_a_member_with_no_row_crashed(api: Api) -> None:
    """Somebody who had never bought anything was a server error."""
    points = answered(api.as_customer("new").get("/user/points"))
    lifetime = dict.fromkeys(("earned", "redeemed", "restored", "revoked", "expired", "adjusted"), 0)
    assert points == {
        "user": "new",
        "available": 0,
        "pending": 0,
        "held": 0,
        "debt": 0,
        "lifetime": lifetime,
        "next_expiry": None,
        "position": 0,
    }
    assert answered(api.as_customer("new").get("/user/points/expiring")) == {"items": []}


def test_negative_redemption_minted_points(api: Api, owner: Database) -> None:
    """Using minus 30 points added 30."""
    api.grant("ann", 100)
    body = bought(api.on_sale(), points=-30)
    before = snapshot_of_tables(owner)
    refused(api.as_customer("ann").post("/checkout/", body, key="o"), 422, "invalid_request")
    assert snapshot_of_tables(owner) == before


def test_900_points_on_a_100_rupee_order_asked_the_card_for_less_than_nothing(api: Api, owner: Database) -> None:
    api.grant("ann", 1_000)
    body = bought(api.on_sale(10_000), points=900)
    before = snapshot_of_tables(owner)
    refused(api.as_customer("ann").post("/checkout/", body, key="o"), 422, "points_exceed_total")
    assert snapshot_of_tables(owner) == before


def test_no_rule_set_crashed(api: Api) -> None:
    """Before an admin had set any rule, a checkout was a server error."""
    assert answered(api.admin.get("/admin/rules/current"))["version"] == 1
    assert answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="o"), 201)["available"] == 50


def test_a_rule_change_repriced_orders_already_placed(api: Api) -> None:
    ann = api.as_customer("ann")
    body = bought(api.on_sale(), payment_method="pm_sandbox_timeout")
    order = answered(ann.post("/checkout/", body, key="o"), 202)["order_id"]
    answered(api.admin.post("/admin/rules", {"earn_points": 9, "point_value": 1}), 201)
    shown = answered(ann.get(f"/orders/{order}"))
    assert (shown["total"], shown["cash_due"], shown["status"]) == (50_000, 50_000, "pending")


def test_a_long_note_changed_the_balance_but_not_the_log(api: Api, owner: Database) -> None:
    body = {"points": -5, "reason": "é" * 500}
    api.grant("ann", 100)
    answered(api.admin.post("/admin/accounts/ann/adjustments", body, key="k"), 201)
    [line, _] = api.admin.items("/admin/transactions")
    assert (line["points"], line["balance_after"], line["reason"]) == (-5, 95, "é" * 500)
    before = snapshot_of_tables(owner)
    too_long = {"points": -5, "reason": "é" * 501}
    refused(api.admin.post("/admin/accounts/ann/adjustments", too_long, key="l"), 422, "invalid_request")
    assert snapshot_of_tables(owner) == before


def test_points_taken_before_the_charge_had_no_way_back_on_a_decline(api: Api) -> None:
    api.grant("ann", 100)
    body = bought(api.on_sale(), points=30, payment_method="pm_card_chargeDeclined")
    refused(api.as_customer("ann").post("/checkout/", body, key="o"), 402, "payment_declined")
    assert answered(api.as_customer("ann").get("/user/points"))["available"] == 100
