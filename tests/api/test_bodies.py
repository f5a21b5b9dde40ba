"""What a body may be: strict JSON, of the right type and size, with known fields and whole numbers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.catalog.importing import MAX_LISTED
from tests.api.conftest import CommonShop
from tests.support.http import NDJSON, Caller, answered, basket, refused
from tests.support.tables import snapshot_of_tables

QUOTE, CHECKOUT, ADJUST, RULES = "/checkout/quote", "/checkout/", "/admin/accounts/ann/adjustments", "/admin/rules"

MALFORMED = {
    "nothing at all": b"",
    "a cut object": b'{"items": [',
    "words": b"buy me a kettle",
    "text after the object": b"{} {}",
    "single quotes": b"{'items': []}",
    "a trailing comma": b'{"items": [],}',
    "a byte order mark": b'\xef\xbb\xbf{"items": []}',
    "Latin-1": '{"reason": "caf\xe9"}'.encode("latin-1"),
    "UTF-16": '{"items": []}'.encode("utf-16"),
    "a lone surrogate in UTF-8": b'{"reason": "\xed\xa0\x80"}',
    "a lone surrogate, escaped, in a value": b'{"reason": "\\ud800"}',
    "a lone surrogate, escaped, in a key": b'{"\\ud800": 1}',
    "a raw control character": b'{"reason": "\x00"}',
    "a key twice": b'{"points_to_use": 1, "points_to_use": 2}',
    "a key twice, further in": b'{"items": [{"product_id": 1, "product_id": 1, "quantity": 1}]}',
    "NaN": b'{"points_to_use": NaN}',
    "Infinity": b'{"points_to_use": -Infinity}',
    "100 lists in lists": b'{"items": ' + b"[" * 100 + b"]" * 100 + b"}",
    "600 lists in lists": b'{"items": ' + b"[" * 600 + b"]" * 600 + b"}",
    "300 objects in objects": b'{"items": ' * 300 + b"1" + b"}" * 300,
    "30,000 lists in lists": b"[" * 30_000 + b"]" * 30_000,
    "an integer of 5,000 digits": b'{"points_to_use": ' + b"9" * 5_000 + b"}",
}

NO_INTEGERS: dict[str, str] = {
    "text": '"5"',
    "a float": "5.0",
    "a float by its exponent": "1e3",
    "infinite by its exponent": "1e999",
    "true": "true",
    "false": "false",
    "null": "null",
    "a list": "[5]",
    "an object": "{}",
    "2 to the 70th": str(2**70),
    "minus 2 to the 70th": str(-(2**70)),
}

# path, a good body, and a field in it that must be a whole number
FIELDS: list[tuple[str, dict[str, Any], str]] = [
    (QUOTE, basket(1), "product_id"),
    (QUOTE, basket(1), "quantity"),
    (QUOTE, basket(1, points=77), "points_to_use"),
    (CHECKOUT, basket(1, payment_method="pm_card_visa", expected_total=77), "expected_total"),
    (ADJUST, {"points": 77, "reason": "thanks"}, "points"),
    (RULES, {"earn_points": 77}, "earn_points"),
    (RULES, {"expiry_months": 77}, "expiry_months"),
]


def caller(common: CommonShop, path: str) -> Caller:
    return common.admin if path.startswith("/admin") else common.as_customer("ann")


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize("path", [QUOTE, CHECKOUT, ADJUST, RULES])
def test_a_body_that_is_no_strict_json_is_malformed(common: CommonShop, path: str, data: bytes) -> None:
    refused(caller(common, path).post_raw(path, data), 400, "malformed_json")


@pytest.mark.parametrize("value", NO_INTEGERS.values(), ids=NO_INTEGERS.keys())
@pytest.mark.parametrize(("path", "body", "field"), FIELDS, ids=[f"{path} {field}" for path, _, field in FIELDS])
def test_only_a_json_integer_within_bounds_is_a_number(
    common: CommonShop, path: str, body: dict[str, Any], field: str, value: str
) -> None:
    if (field, value) == ("expected_total", "null"):
        return  # it may be left out, and null says the same
    marked = json.dumps(body)
    number = body.get(field, 1)
    data = marked.replace(f'"{field}": {number}', f'"{field}": {value}')
    assert data != marked
    problem = refused(caller(common, path).post_raw(path, data.encode()), 422, "invalid_request")
    assert [name.rsplit(".", 1)[-1] for name in problem["errors"]] == [field]


@pytest.mark.parametrize("path", [QUOTE, CHECKOUT, ADJUST, RULES])
@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"text"', b"[{}]"])
def test_a_body_that_is_json_but_no_object_is_invalid(common: CommonShop, path: str, data: bytes) -> None:
    refused(caller(common, path).post_raw(path, data), 422, "invalid_request")


@pytest.mark.parametrize(("path", "body", "field"), FIELDS[:6:2], ids=[path for path, _, _ in FIELDS[:6:2]])
def test_an_unknown_field_is_refused_by_its_name(
    common: CommonShop, path: str, body: dict[str, Any], field: str
) -> None:
    problem = refused(caller(common, path).post(path, {**body, "coupon": "FREE"}, key="k"), 422, "invalid_request")
    assert problem["errors"] == {"coupon": ["Unknown field."]}


def test_an_unknown_field_further_in_is_refused_by_its_path(common: CommonShop) -> None:
    body = {"items": [{"product_id": common.product, "quantity": 1, "price": 1}]}
    problem = refused(common.as_customer("ann").post(QUOTE, body), 422, "invalid_request")
    assert problem["errors"] == {"items.0.price": ["Unknown field."]}


@pytest.mark.parametrize("field", ["version", "created_at", "created_by", "currency"])
def test_what_a_rule_version_says_of_itself_cannot_be_sent(common: CommonShop, field: str) -> None:
    problem = refused(common.admin.post(RULES, {field: 1}), 422, "invalid_request")
    assert problem["errors"] == {field: ["Unknown field."]}


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", "text/json", NDJSON])
@pytest.mark.parametrize("path", [QUOTE, CHECKOUT, ADJUST, RULES])
def test_another_content_type_is_unsupported(common: CommonShop, path: str, kind: str) -> None:
    refused(caller(common, path).post_raw(path, b"{}", kind), 415, "unsupported_media_type")


def test_products_are_imported_as_lines_only(common: CommonShop) -> None:
    response = common.admin.send("PUT", "/admin/products", json=[])
    refused(response, 415, "unsupported_media_type")


def test_a_charset_beside_the_content_type_does_no_harm(common: CommonShop) -> None:
    data = json.dumps(basket(common.product)).encode()
    answered(common.as_customer("ann").post_raw(QUOTE, data, "application/json; charset=utf-8"))


@pytest.mark.parametrize("path", [QUOTE, CHECKOUT, ADJUST, RULES])
def test_a_body_over_64_kib_is_too_large(common: CommonShop, path: str) -> None:
    padded = b'{"reason": "' + b"x" * 65_536 + b'"}'
    refused(caller(common, path).post_raw(path, padded), 413, "body_too_large")


def test_a_body_of_just_64_kib_is_read(common: CommonShop) -> None:
    data = json.dumps(basket(common.product)).encode()
    answered(common.as_customer("ann").post_raw(QUOTE, data + b" " * (65_536 - len(data))))
    refused(common.as_customer("ann").post_raw(QUOTE, data + b" " * (65_537 - len(data))), 413, "body_too_large")


def test_an_import_may_be_larger_than_any_other_body(common: CommonShop) -> None:
    products = [
        {"sku": f"BIG-{n}", "name": "Cup", "brand": "B", "category": "C", "price": 1, "description": "x" * 900}
        for n in range(100)
    ]
    report = answered(common.admin.put_products(*products))
    assert report == {"created": 100, "updated": 0, "rejected": [], "unlisted": 0}


def test_bad_lines_of_an_import_are_reported_and_stop_nothing(common: CommonShop) -> None:
    good = {"sku": "OK-1", "name": "Cup", "brand": "B", "category": "C", "price": 1}
    report = answered(common.admin.put_products(good, {**good, "price": "1"}, {}, {**good, "sku": "OK-2"}, good))
    assert (report["created"], report["updated"]) == (2, 1)
    assert [rejected["line"] for rejected in report["rejected"]] == [2, 3]
    assert "price" in report["rejected"][0]["errors"]


def test_rejected_lines_past_those_that_are_listed_are_counted(common: CommonShop) -> None:
    lines = b"no product\n" * (MAX_LISTED + 3)
    report = answered(common.admin.send("PUT", "/admin/products", data=lines, content_type=NDJSON))
    assert (len(report["rejected"]), report["unlisted"]) == (MAX_LISTED, 3)


def test_none_of_these_bodies_wrote_anything(common: CommonShop) -> None:
    before = snapshot_of_tables(common.owner)
    for path in (QUOTE, CHECKOUT, ADJUST, RULES):
        for data in MALFORMED.values():
            assert caller(common, path).post_raw(path, data).status_code == 400
        assert caller(common, path).post_raw(path, b'{"points": true}').status_code == 422
    assert snapshot_of_tables(common.owner) == before
