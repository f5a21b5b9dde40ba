"""What a checkout costs in round trips, and what it does where somebody else was there in between."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import Database
from app.usecases.payment_gateway import Charged, Declined, Unknown
from tests.support.http import Api, answered, bought, refused
from tests.support.shop import at_once
from tests.support.statements import counted_statements


def begun(sent: list[str]) -> list[str]:
    """Each statement by the word that tells what it is; what a connection prepares, it prepares once."""
    words = {"directory": "directory", "events_latest": "streams", "products": "prices", "_append_prepared": "append"}
    found = []
    for statement in sent:
        head = statement[:160]
        if not head.startswith("PREPARE"):
            found.append(next((what for word, what in words.items() if word in head), head))
    return found


def test_a_purchase_by_card_is_six_round_trips(api: Api) -> None:
    api.grant("ann", 100)
    ann, product = api.as_customer("ann"), api.on_sale()
    answered(ann.post("/checkout/", bought(product, points=10), key="first"), 201)
    with counted_statements() as sent:
        answered(ann.post("/checkout/", bought(product, points=10), key="second"), 201)
    before, charge, after = begun(sent)[:4], begun(sent)[4], begun(sent)[5:]
    assert (before, after) == (["directory", "streams", "prices", "append"], ["append"])
    assert "sandbox_charges" in charge


def test_a_purchase_with_points_alone_is_four_round_trips(api: Api) -> None:
    api.grant("ann", 1000)
    ann, body = api.as_customer("ann"), bought(api.on_sale(price=10_000), points=100)
    del body["payment_method"]
    with counted_statements() as sent:
        answered(ann.post("/checkout/", body, key="k"), 201)
    assert begun(sent) == ["directory", "streams", "prices", "append"]


def test_a_key_is_not_taken_before_its_order_is_placed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    prices, charge = api.house.check_out._prices, api.house.gateway.charge

    class Looking:
        """The catalogue, and a look at the keys."""

        def prices(self, product_ids: Any) -> Any:
            look()
            return prices.prices(product_ids)

    def look() -> None:
        taken.append(api.house.database.rows("SELECT count(*) FROM idempotency")[0][0])

    def charged(*bill: Any) -> Charged | Declined | Unknown:
        look()
        return charge(*bill)

    monkeypatch.setattr(api.house.check_out, "_prices", Looking())
    monkeypatch.setattr(api.house.gateway, "charge", charged)
    answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="k"), 201)
    assert taken == [0, 1]


def test_a_refused_purchase_takes_no_key_at_all(api: Api, owner: Database) -> None:
    ann, body = api.as_customer("ann"), bought(api.on_sale(), points=1)
    with counted_statements() as sent:
        refused(ann.post("/checkout/", body, key="k"), 422, "insufficient_points")
    assert not [statement for statement in sent if statement.startswith("INSERT INTO idempotency")]
    assert owner.rows("SELECT count(*) FROM idempotency") == [(0,)]


def test_a_settlement_that_meets_another_write_decides_again_on_what_stands(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.grant("ann", 100)
    ann, charge = api.as_customer("ann"), api.house.gateway.charge

    def charged(*bill: Any) -> Charged | Declined | Unknown:
        api.grant("ann", 7)
        return charge(*bill)

    monkeypatch.setattr(api.house.gateway, "charge", charged)
    order = answered(ann.post("/checkout/", bought(api.on_sale(price=50_000), points=10), key="k"), 201)
    assert order["available"] == 100 - 10 + 7 + order["points_earned"]
    points = answered(ann.get("/user/points"))
    assert (points["available"], points["lifetime"]["adjusted"]) == (order["available"], 107)


def test_a_settlement_that_earns_nothing_still_tells_what_the_member_has_by_then(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered(api.admin.post("/admin/rules", {"max_earn_per_order": 0}), 201)
    api.grant("ann", 100)
    ann, charge = api.as_customer("ann"), api.house.gateway.charge

    def charged(*bill: Any) -> Charged | Declined | Unknown:
        answered(api.admin.post("/admin/accounts/ann/adjustments", {"points": -90, "reason": "r"}, key="a"), 201)
        return charge(*bill)

    monkeypatch.setattr(api.house.gateway, "charge", charged)
    body = bought(api.on_sale(price=50_000))
    order = answered(ann.post("/checkout/", body, key="k"), 201)
    assert (order["points_earned"], order["available"]) == (0, 10)
    assert answered(ann.post("/checkout/", body, key="k"), 201) == order


def test_purchases_of_one_member_at_once_each_under_a_key_of_its_own_all_come_through(api: Api) -> None:
    api.grant("ann", 100)
    ann, product = api.as_customer("ann"), api.on_sale()

    def buy(number: int) -> int:
        return ann.post("/checkout/", bought(product, points=1), key=f"k{number}").status_code

    assert at_once([lambda number=number: buy(number) for number in range(8)]) == [201] * 8  # type: ignore[misc]
    assert answered(ann.get("/user/points"))["lifetime"]["redeemed"] == 8
