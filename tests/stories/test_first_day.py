"""The story that the programme was asked for: rules, a grant, a purchase with points and cash, and every movement.

An admin sets 1 point for each ₹10, at most 500 an order, for 12 months, and grants a member 200 points. The member
finds a product of ₹500 and pays for it with 30 points and ₹470.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http import Api, Caller, answered

SHELF = [
    {"sku": "BTL-1", "name": "Water bottle", "brand": "Bhoomi", "category": "Kitchen", "price": 50_000},
    {"sku": "LMP-1", "name": "Desk lamp", "brand": "Acme", "category": "Home", "price": 149_900},
]
RULES = {"earn_points": 1, "earn_per_amount": 1_000, "max_earn_per_order": 500, "expiry_months": 12}


@pytest.fixture
def ann(api: Api) -> Caller:
    """The member, on the day that the programme opens."""
    assert answered(api.admin.put_products(*SHELF)) == {"created": 2, "updated": 0, "rejected": [], "unlisted": 0}
    version = answered(api.admin.post("/admin/rules", RULES), 201)
    assert (version["version"], version["created_by"]) == (2, "root")
    assert answered(api.admin.get("/admin/rules/current")) == version
    grant = {"points": 200, "reason": "welcome aboard"}
    granted = answered(api.admin.post("/admin/accounts/ann/adjustments", grant, key="grant-1"), 201)
    assert (granted["user"], granted["points"], granted["available"]) == ("ann", 200, 200)
    return api.as_customer("ann")


def basket(ann: Caller) -> dict[str, Any]:
    """The bottle that a search finds, whatever its spelling, and 30 points."""
    [bottle] = answered(ann.get("/products/search?q=water+botle"))["items"]
    assert (bottle["name"], bottle["price"], bottle["currency"]) == ("Water bottle", 50_000, "INR")
    return {"items": [{"product_id": bottle["id"], "quantity": 1}], "points_to_use": 30}


def bought(ann: Caller) -> dict[str, Any]:
    """The order, bought."""
    purchase = {**basket(ann), "payment_method": "pm_card_visa", "expected_total": 50_000}
    order: dict[str, Any] = answered(ann.post("/checkout/", purchase, key="order-1"), 201)
    return order


def test_the_quote_says_470_rupees_are_due_and_50_points_will_be_earned(ann: Caller) -> None:
    assert answered(ann.post("/checkout/quote", basket(ann))) == {
        "total": 50_000,
        "points_available": 200,
        "points_usable": 200,
        "points_to_use": 30,
        "cash_due": 47_000,
        "points_to_earn": 50,
        "currency": "INR",
    }


def test_the_checkout_takes_30_points_and_470_rupees_and_leaves_220_points(ann: Caller) -> None:
    order = bought(ann)
    assert order == {
        "order_id": order["order_id"],
        "status": "paid",
        "total": 50_000,
        "points_used": 30,
        "cash_due": 47_000,
        "points_earned": 50,
        "available": 220,
        "currency": "INR",
        "created_at": "2026-01-15T06:30:00Z",
    }


def test_the_members_page_then_says_220_points_that_last_for_twelve_months(ann: Caller) -> None:
    bought(ann)
    points = answered(ann.get("/user/points"))
    assert (points["available"], points["pending"], points["held"], points["debt"]) == (220, 0, 0, 0)
    nothing = {"restored": 0, "revoked": 0, "expired": 0}
    assert points["lifetime"] == {"earned": 50, "redeemed": 30, "adjusted": 200, **nothing}
    # To the end of that day in India.
    assert points["next_expiry"] == {"points": 220, "expires_at": "2027-01-15T18:30:00Z"}


def test_the_order_says_30_points_used_and_50_earned(ann: Caller) -> None:
    order = answered(ann.get(f"/orders/{bought(ann)['order_id']}"))
    assert (order["user"], order["status"], order["points_used"], order["points_earned"]) == ("ann", "paid", 30, 50)
    [line] = order["items"]
    assert (line["name"], line["quantity"], line["unit_price"]) == ("Water bottle", 1, 50_000)
    assert answered(ann.get("/user/orders"))["items"] == [order]


def test_the_admin_sees_every_movement_with_its_order_and_the_balance_after_it(api: Api, ann: Caller) -> None:
    order = bought(ann)["order_id"]
    lines = answered(api.admin.get("/admin/transactions"))["items"]
    told = [(line["type"], line["points"], line["order_id"], line["balance_after"]) for line in lines]
    assert told == [("earn", 50, order, 220), ("use", -30, order, 170), ("manual", 200, None, 200)]
    assert [line["user"] for line in lines] == ["ann"] * 3
    assert (lines[-1]["reason"], lines[-1]["actor"]) == ("welcome aboard", "root")
    assert [line["id"] for line in lines] == sorted((line["id"] for line in lines), reverse=True)
    assert answered(ann.get("/user/points"))["position"] == lines[0]["id"]
    assert answered(ann.get("/user/transactions"))["items"] == lines
