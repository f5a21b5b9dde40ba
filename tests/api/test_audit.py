"""What an auditor from outside found broken once, so that it stays mended."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from tests.api.conftest import CommonShop
from tests.support.http import Api, Caller, answered, basket, refused
from tests.support.tables import snapshot_of_tables

LIMIT = 64 * 1024


def chunked(caller: Caller, path: str, data: bytes) -> Any:
    """Send a body without saying how long it is."""
    return caller.send(
        "POST",
        path,
        input_stream=io.BytesIO(data),
        content_type="application/json",
        headers={"Idempotency-Key": "chunked"},
        environ_overrides={"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""},
    )


def padded(body: Any, size: int) -> bytes:
    """JSON with blanks behind it, so many bytes in all."""
    return json.dumps(body).encode().ljust(size)


@pytest.mark.parametrize("size", [LIMIT + 1, LIMIT + 2, 2 * LIMIT, 3 * LIMIT + 7])
def test_a_chunked_body_over_the_limit_is_refused_not_cut(common: CommonShop, size: int) -> None:
    body = {**basket(common.product), "payment_method": "pm_card_visa"}
    before = snapshot_of_tables(common.owner)
    refused(chunked(common.as_customer("ann"), "/checkout/", padded(body, size)), 413, "body_too_large")
    assert snapshot_of_tables(common.owner) == before


def test_a_body_of_exactly_the_limit_is_read(api: Api) -> None:
    body = padded({**basket(api.on_sale()), "payment_method": "pm_card_visa"}, LIMIT)
    assert chunked(api.as_customer("ann"), "/checkout/", body).status_code == 201
    assert api.as_customer("bob").post_raw("/checkout/", body).status_code == 201


def test_a_price_in_another_currency_is_no_price_here(api: Api) -> None:
    product = api.on_sale()
    api.house.database.execute("UPDATE products SET currency = 'USD'")
    for path in ("/checkout/quote", "/checkout/"):
        refused(api.as_customer("ann").post(path, basket(product), key="k"), 422, "unknown_product")
    assert api.house.log.max_notification_id() is None


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/admin/transactions", "id,user"),
        ("/user/transactions", "points"),
        ("/admin/orders", "order_id,items"),
        ("/user/orders", "status"),
        ("/admin/accounts", "user,available"),
        ("/admin/rules", "version,point_value"),
    ],
)
def test_every_list_keeps_only_the_fields_asked_for(api: Api, path: str, fields: str) -> None:
    product = api.on_sale()
    api.grant("ann", 200)
    api.as_customer("ann").post("/checkout/", {**basket(product, points=30), "payment_method": "pm_card_visa"}, key="k")
    caller = api.as_roles("ann", "customer", "admin")
    items = answered(caller.get(f"{path}?fields={fields}"))["items"]
    assert items
    assert all(list(item) == fields.split(",") for item in items)
    refused(caller.get(f"{path}?fields={fields},nonsense"), 422, "invalid_request")


def test_a_feed_as_a_file_keeps_only_the_fields_asked_for(api: Api) -> None:
    api.grant("ann", 200)
    text = api.admin.get("/admin/transactions?fields=user,points", {"Accept": "text/csv"}).text
    assert text.split() == ["user,points", "ann,200"]


@pytest.mark.parametrize("accept", ["text/csv; charset=utf-8", "text/csv;charset=UTF-8", "text/csv, */*;q=0.1"])
def test_a_client_that_names_a_charset_gets_its_csv(common: CommonShop, accept: str) -> None:
    answer = common.admin.get("/admin/transactions", {"Accept": accept})
    assert answer.content_type == "text/csv; charset=utf-8"
    assert "Accept" in answer.headers["Vary"]
    refused(common.admin.get("/admin/transactions?cursor=abc", {"Accept": accept}), 422, "invalid_cursor")


@pytest.mark.parametrize("accept", ["gzip;q=0", "gzip;q=0, br;q=0, zstd;q=0", "identity"])
def test_a_coding_that_the_client_refuses_is_not_used(common: CommonShop, accept: str) -> None:
    answer = common.nobody.get("/openapi.json", {"Accept-Encoding": accept})
    assert "Content-Encoding" not in answer.headers
    assert answered(answer)["openapi"] == "3.1.0"


def test_of_several_codings_one_that_is_accepted_is_used(common: CommonShop) -> None:
    answer = common.nobody.get("/openapi.json", {"Accept-Encoding": "br;q=0, zstd;q=0, gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"


@pytest.mark.parametrize("query", ["limit=5&limit=6", "type=earn&type=use", "user=ann&user=bob"])
def test_a_parameter_that_is_no_list_may_stand_once(common: CommonShop, query: str) -> None:
    refused(common.admin.get(f"/admin/transactions?{query}"), 422, "invalid_request")


def test_a_user_id_that_is_not_utf_8_is_nobody(common: CommonShop) -> None:
    before = snapshot_of_tables(common.owner)
    refused(common.admin.get("/admin/accounts/%FF"), 404, "unknown_account")
    body = {"points": 5, "reason": "gift"}
    refused(common.admin.post("/admin/accounts/%FF/adjustments", body, key="k"), 422, "invalid_request")
    assert snapshot_of_tables(common.owner) == before


@pytest.mark.parametrize(
    "body",
    [
        {"points": 5, "reason": "  \t\n "},
        {"points": -5, "reason": "taken back", "expires_at": "2100-01-01T00:00:00Z"},
    ],
)
def test_an_adjustment_that_says_nothing_or_too_much_is_refused(common: CommonShop, body: dict[str, Any]) -> None:
    before = snapshot_of_tables(common.owner)
    refused(common.admin.post("/admin/accounts/ann/adjustments", body, key="k"), 422, "invalid_request")
    assert snapshot_of_tables(common.owner) == before


def test_a_replayed_checkout_names_the_order_again(api: Api) -> None:
    body = {**basket(api.on_sale()), "payment_method": "pm_card_visa"}
    first, again = (api.as_customer("ann").post("/checkout/", body, key="k") for _ in range(2))
    assert first.headers["Location"] == again.headers["Location"] == f"/orders/{first.get_json()['order_id']}"


def test_an_import_of_another_type_is_told_so(common: CommonShop) -> None:
    answer = common.admin.send("PUT", "/admin/products", data=b"{}", content_type="application/json")
    assert "application/json" not in refused(answer, 415, "unsupported_media_type")["title"]
