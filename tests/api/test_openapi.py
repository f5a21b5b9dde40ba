"""The OpenAPI document: sound in itself, complete, and true of what the API answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.auth.policy import POLICY, PUBLIC
from tests.api.asked import GETS, posts
from tests.api.conftest import CommonShop
from tests.support.http import Api, answered, bought
from tests.support.openapi import KNOWN, Document

CONTRACT = {
    "/products/": {"get"},
    "/products/search": {"get"},
    "/products/{product_id}": {"get"},
    "/checkout/quote": {"post"},
    "/checkout/": {"post"},
    "/orders/{order_id}": {"get"},
    "/user/orders": {"get"},
    "/user/points": {"get"},
    "/user/points/expiring": {"get"},
    "/user/transactions": {"get"},
    "/admin/transactions": {"get"},
    "/admin/accounts": {"get"},
    "/admin/accounts/{user}": {"get"},
    "/admin/accounts/{user}/adjustments": {"post"},
    "/admin/orders": {"get"},
    "/admin/orders/{order_id}/refunds": {"post"},
    "/admin/reviews": {"get"},
    "/admin/reviews/{order_id}": {"delete"},
    "/admin/rules": {"get", "post"},
    "/admin/rules/current": {"get"},
    "/admin/reports/summary": {"get"},
    "/admin/products": {"put"},
    "/audit/events": {"get"},
    "/audit/accounts/{user}": {"get"},
    "/audit/accounts/{user}/explain": {"get"},
    "/audit/readings": {"get"},
    "/audit/checkpoints": {"get"},
    "/audit/checkpoints/{size}/consistency": {"get"},
    "/audit/events/{position}/proof": {"get"},
    "/payments/webhooks/stripe": {"post"},
    "/healthz": {"get"},
    "/readyz": {"get"},
    "/metrics": {"get"},
}


@pytest.fixture
def document(common: CommonShop) -> Document:
    return Document(answered(common.nobody.get("/openapi.json")))


def within(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from within(inner)


def test_it_is_openapi_3_1_and_says_whose_it_is(document: Document) -> None:
    assert document.document["openapi"].startswith("3.1.")
    assert document.document["info"]["title"] and document.document["info"]["version"]
    assert document.document.keys() <= {"openapi", "info", "paths", "components", "tags", "servers", "security"}


def test_every_path_of_the_contract_is_in_it_with_its_methods(document: Document) -> None:
    assert {path: set(methods) - {"parameters"} for path, methods in document.document["paths"].items()} == CONTRACT


def test_every_route_of_the_app_is_in_it(document: Document, common: CommonShop) -> None:
    own = {"/openapi.json", "/docs", "/static/<path:filename>"}
    routes = {
        re.sub(r"<(\w+)>", r"{\1}", rule.rule) for rule in common.app.url_map.iter_rules() if rule.rule not in own
    }
    assert routes == document.document["paths"].keys()


def test_every_reference_in_it_leads_somewhere(document: Document) -> None:
    references = [each["$ref"] for each in within(document.document) if isinstance(each.get("$ref"), str)]
    assert len(references) > 50
    for reference in references:
        assert document.resolved(reference)


def test_every_operation_is_described_and_its_answers_have_schemas(document: Document) -> None:
    for path, method, operation in document.operations():
        assert operation["summary"], (path, method)
        assert operation["responses"].keys() - {"default"}
        for status in operation["responses"]:
            response = document.response(operation, status)
            assert response["description"], (path, method, status)
            assert status == "204" or response["content"], (path, method, status)
            assert all("schema" in content for content in response.get("content", {}).values())


def test_every_part_of_a_path_is_a_parameter(document: Document) -> None:
    for path, methods in document.document["paths"].items():
        for method, operation in methods.items():
            if method == "parameters":
                continue
            parameters = [*methods.get("parameters", []), *operation.get("parameters", [])]
            named = {each["name"] for each in parameters if each["in"] == "path" and each["required"]}
            assert named == set(re.findall(r"\{(\w+)\}", path)), path
            places = [(each["in"], each["name"]) for each in parameters]
            assert len(set(places)) == len(places)


def test_it_says_who_needs_a_token_as_the_policy_does(document: Document, common: CommonShop) -> None:
    assert document.document["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    }
    for rule in common.app.url_map.iter_rules():
        path = re.sub(r"<(\w+)>", r"{\1}", rule.rule)
        for method, operation in document.document["paths"].get(path, {}).items():
            if method.upper() in (rule.methods or set()):
                needs_a_token = POLICY[rule.endpoint] is not PUBLIC
                assert operation.get("security", []) == ([{"bearer": []}] if needs_a_token else [])


def test_it_says_which_writes_take_an_idempotency_key(document: Document) -> None:
    keyed = {}
    for path, method, operation in document.operations():
        for parameter in operation.get("parameters", []):
            if parameter["name"] == "Idempotency-Key":
                keyed[f"{method} {path}"] = parameter["required"]
    assert keyed == {
        "post /checkout/": True,
        "post /admin/accounts/{user}/adjustments": True,
        "post /admin/orders/{order_id}/refunds": True,
        "post /admin/rules": False,
        "delete /admin/reviews/{order_id}": False,
        "put /admin/products": False,
    }


def test_every_error_in_it_is_a_problem(document: Document) -> None:
    for path, _, operation in document.operations():
        responses = operation["responses"]
        assert "default" in responses
        for status in responses:
            if status.startswith("2") or (path, status) == ("/readyz", "503"):
                continue
            response = document.response(operation, status)
            assert list(response["content"]) == ["application/problem+json"], (path, status)
            schema = document.resolved(response["content"]["application/problem+json"]["schema"]["$ref"])
            assert {"type", "title", "status", "detail", "code", "request_id"} <= set(schema["required"])


def test_its_schemas_use_only_what_the_check_of_answers_understands(document: Document) -> None:
    for name, schema in document.document["components"]["schemas"].items():
        for each in (schema, *schema.get("properties", {}).values()):
            assert each.keys() <= KNOWN, name


def test_the_check_of_answers_finds_what_is_amiss(document: Document) -> None:
    schema = {"$ref": "#/components/schemas/Expiry"}
    good = {"points": 5, "expires_at": "2026-07-01T00:00:00Z"}
    assert list(document.faults(good, schema)) == []
    wrong: tuple[Any, ...] = (
        {},
        [],
        {**good, "points": "5"},
        {**good, "points": True},
        {**good, "points": None},
        {**good, "more": 1},
        {**good, "expires_at": "2026-07-01T00:00:00+05:30"},
        {"points": 5},
    )
    for bad in wrong:
        assert len(list(document.faults(bad, schema))) >= 1, bad


def every_kind_of_answer(api: Api) -> Iterator[tuple[str, str, TestResponse]]:
    """Each operation answering, in every way that it can: method, path, answer."""
    product = api.on_sale(description="Holds a litre.")
    api.grant("ann", 300, expires_at="2026-12-31T00:00:00Z")
    ann, admin, reader = api.as_customer("ann"), api.admin, api.as_roles("ann", "customer", "auditor")
    body = bought(product, points=30)
    order = answered(ann.post("/checkout/", body, key="o1"), 201)["order_id"]
    slow_refund = {**body, "payment_method": "pm_sandbox_refund_timeout"}
    timed_out = answered(ann.post("/checkout/", slow_refund, key="o2"), 201)["order_id"]
    for number, (path, sent) in enumerate(posts(product, order, timed_out)):
        caller = admin if path.startswith("/admin") else ann
        yield "POST", path, caller.post(path, sent, key=f"k{number}")
        yield "POST", path, api.nobody.post(path, sent, key=f"k{number}")
    good = {"sku": "NEW", "name": "Cup", "brand": "Bhoomi", "category": "Kitchen", "price": 1}
    yield "PUT", "/admin/products", admin.put_products(good, {"sku": "BAD"})
    api.house.recoveries.review(UUID(order), "charged twice")
    sealed = api.house.seal()
    assert sealed is not None
    named = {"product": product, "order": order, "sealed": sealed.size, "unsealed": sealed.size + 1}
    api.grant("ann", 1)
    paths = [path.format(**named) for path in GETS]
    for path in paths:
        yield "GET", path, reader.get(path)
        yield "GET", path, api.nobody.get(path)
    for who in (api.nobody, admin, admin):
        path = f"/admin/reviews/{order}"
        yield "DELETE", path, who.send("DELETE", path)
    api.house.clock.move(days=400)  # type: ignore[attr-defined]
    api.house.expire_points()
    for path in paths:
        yield "GET", path, reader.get(path)


def test_every_answer_is_what_the_document_says(api: Api, document: Document) -> None:
    seen: dict[tuple[str, str], set[int]] = {}
    for method, path, response in every_kind_of_answer(api):
        if response.status_code == 204:
            assert response.get_data() == b""
        else:
            schema = document.schema_of(method, path, response.status_code, response.content_type)
            faults = list(document.faults(response.get_json(), schema))
            assert faults == [], (method, path, response.status_code)
        operation = document.operation(method, path)["summary"]
        seen.setdefault((method, operation), set()).add(response.status_code)
    documented = {
        (method.upper(), each["summary"]) for path, method, each in document.operations() if path != "/metrics"
    }
    assert seen.keys() == documented
    statuses = {status for found in seen.values() for status in found}
    assert statuses == {200, 201, 202, 204, 401, 402, 404, 409, 422}


def test_the_page_of_docs_and_all_that_it_loads_are_our_own(common: CommonShop) -> None:
    page = common.nobody.get("/docs")
    assert (page.status_code, page.mimetype) == (200, "text/html")
    html = page.get_data(as_text=True)
    assert "//" not in re.sub(r"^\s*//.*$", "", html, flags=re.MULTILINE), "it names another host"
    loaded = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(loaded) >= 2 and '"/openapi.json"' in html
    for path in loaded:
        assert common.nobody.get(path).status_code == 200, path
