"""Answers kept under idempotency keys: they name nobody, and they end well though somebody was forgotten meanwhile."""

from __future__ import annotations

import json

from app.database import Database
from tests.storage.test_dump import tables_that_name
from tests.support.http import NDJSON, Api, answered, bought, refused
from tests.support.refunds import REFUND_TIMEOUT
from tests.support.shop import DECLINED, LOST, TIMEOUT

WHO = "qzxv-member"


def test_a_kept_refusal_holds_no_request_id_and_each_replay_says_its_own(api: Api, owner: Database) -> None:
    who, body = api.as_customer(WHO), bought(api.on_sale(), payment_method=DECLINED)
    for request_id in (f"{WHO}.17", f"{WHO}.18"):
        headers = {"Idempotency-Key": "k", "X-Request-ID": request_id}
        answer = who.send("POST", "/checkout/", json=body, headers=headers)
        assert refused(answer, 402, "payment_declined")["request_id"] == request_id
    api.house.forget_member(WHO)
    assert tables_that_name(owner, WHO) == set()
    assert owner.rows("SELECT count(*) FROM idempotency WHERE status = 402") == [(1,)]


def test_an_import_names_no_field_that_a_product_does_not_have(api: Api, owner: Database) -> None:
    good = {"sku": "A", "name": "Cup", "brand": "Bhoomi", "category": "Kitchen", "price": 1}
    lines = (
        json.dumps({**good, WHO: 1, f"{WHO}-2": 2, "price": -1}),
        f'{{"sku": "A", "{WHO}": 1, "{WHO}": 2}}',
        '{"sku": "A", "sku": "B"}',
        WHO,
    )
    for key in ({"Idempotency-Key": "k"}, {}):
        data = "\n".join(lines).encode()
        answer = api.admin.send("PUT", "/admin/products", data=data, content_type=NDJSON, headers=key)
        assert [item["errors"] for item in answered(answer)["rejected"]] == [
            {"unknown field": ["is not a field of a product"], "price": ["must lie between 0 and 1000000000000"]},
            {"unknown field": ["is given twice"]},
            {"sku": ["is given twice"]},
            {"line": ["is not JSON"]},
        ]
    assert tables_that_name(owner, WHO) == set()


def test_a_202_of_somebody_forgotten_ends_with_what_became_of_the_order(api: Api) -> None:
    who = api.as_customer("ann")
    bodies = [bought(api.on_sale(), payment_method=method) for method in (TIMEOUT, LOST)]
    orders = [answered(who.post("/checkout/", body, key=f"k{n}"), 202)["order_id"] for n, body in enumerate(bodies)]
    api.house.forget_member("ann", even_so=True)
    api.house.recover_payments(is_all=True)
    paid, failed = (who.post("/checkout/", body, key=f"k{n}") for n, body in enumerate(bodies))
    assert (answered(paid, 201)["order_id"], answered(paid, 201)["status"]) == (orders[0], "paid")
    assert refused(failed, 402, "payment_declined")["order_id"] == orders[1]
    assert {response.headers["Idempotent-Replayed"] for response in (paid, failed)} == {"true"}


def test_a_202_of_a_refund_ends_with_what_became_of_it_though_who_asked_was_forgotten(api: Api) -> None:
    boss = api.as_roles("boss", "admin")
    body = bought(api.on_sale(), payment_method=REFUND_TIMEOUT)
    order = answered(api.as_customer("ann").post("/checkout/", body, key="o"), 201)["order_id"]
    path, wanted = f"/admin/orders/{order}/refunds", {"amount": 10_000, "reason": "A dent."}
    pending = answered(boss.post(path, wanted, key="r"), 202)
    api.house.forget_member("boss")
    api.house.recover_payments(is_all=True)
    done = answered(boss.post(path, wanted, key="r"), 201)
    assert (done["refund_id"], done["status"]) == (pending["refund_id"], "partially_refunded")
