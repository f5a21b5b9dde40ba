"""Every error is a problem (RFC 9457) with a stable code and the request's id: never HTML, never a stack trace."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, NoReturn
from uuid import uuid4

import pytest
import structlog
from eventsourcing.persistence import OperationalError

from app.api.problems import PROBLEMS
from app.telemetry.logging import configure
from tests.api.conftest import CommonShop
from tests.support.http import Api, Caller, answered, basket, bought, refused

NOWHERE = ["/", "/nope", "/products/1/2", "/admin", "/user/", "/%ff", "/..%2fetc", "/static/nope.js", "/products/x"]


@pytest.mark.parametrize("path", NOWHERE)
def test_nothing_is_found_where_there_is_no_route(common: CommonShop, path: str) -> None:
    for caller in (common.nobody, common.admin):
        refused(caller.get(path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("POST", "/products/", "GET"), ("DELETE", "/checkout/", "POST"), ("PATCH", "/admin/products", "PUT")],
)
def test_another_method_is_refused_with_those_that_are_allowed(
    common: CommonShop, method: str, path: str, allowed: str
) -> None:
    response = common.nobody.send(method, path)
    refused(response, 405, "method_not_allowed")
    assert allowed in response.headers["Allow"].split(", ")


@pytest.mark.parametrize("path", ["/user/points", "/admin/rules", "/orders/1", "/checkout/"])
def test_whoever_brings_no_token_is_asked_for_one(common: CommonShop, path: str) -> None:
    response = common.nobody.send("POST" if path == "/checkout/" else "GET", path)
    refused(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    [
        "/products/",
        "/products/search",
        "/user/orders",
        "/user/transactions",
        "/admin/transactions",
        "/admin/accounts",
        "/admin/orders",
        "/admin/rules",
        "/admin/reports/summary",
    ],
)
def test_an_unknown_query_parameter_is_refused_by_its_name(common: CommonShop, path: str) -> None:
    caller = common.as_roles("root", "admin", "customer")
    problem = refused(caller.get(f"{path}?offset=20"), 422, "invalid_request")
    assert problem["errors"] == {"offset": ["Unknown field."]}


@pytest.mark.parametrize(
    "instant",
    [
        "2026-01-01T00:00:00",
        "2026-01-01",
        "2026-W01-1T00:00:00Z",
        "20260101T000000Z",
        "now",
        "0",
        "",
        "2026-02-30T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
@pytest.mark.parametrize("path", ["/admin/transactions", "/admin/orders", "/admin/reports/summary"])
def test_an_instant_that_is_naive_or_none_is_refused(common: CommonShop, path: str, instant: str) -> None:
    for bound in ("since", "until"):
        problem = refused(common.admin.get(f"{path}?{bound}={instant}"), 422, "invalid_request")
        assert list(problem["errors"]) == [bound]


@pytest.mark.parametrize("instant", ["2026-07-01T00:00:00", "2026-07-01", 1_780_000_000, "soon", True])
def test_a_body_may_hold_no_naive_instant(common: CommonShop, instant: Any) -> None:
    adjustment = {"points": 5, "reason": "sorry", "expires_at": instant}
    problem = refused(common.admin.post("/admin/accounts/ann/adjustments", adjustment, key="n"), 422, "invalid_request")
    assert list(problem["errors"]) == ["expires_at"]
    problem = refused(common.admin.post("/admin/rules", {"effective_from": instant}), 422, "invalid_request")
    assert list(problem["errors"]) == ["effective_from"]


def test_instants_of_any_offset_come_back_in_utc_with_a_z(api: Api) -> None:
    api.grant("ann", 10, expires_at="2026-07-01T05:30:00+05:30")
    expiring = answered(api.as_customer("ann").get("/user/points/expiring"))
    assert expiring == {"items": [{"points": 10, "expires_at": "2026-07-01T00:00:00Z"}]}
    [line] = api.admin.items("/admin/transactions")
    assert line["created_at"].endswith("Z")


def test_the_request_id_of_the_body_is_that_of_the_header_and_each_request_has_its_own(common: CommonShop) -> None:
    ids = {refused(common.nobody.get("/nope"), 404, "not_found")["request_id"] for _ in range(3)}
    assert len(ids) == 3
    assert common.nobody.get("/healthz").headers["X-Request-ID"]


@pytest.mark.parametrize("given", ["a", "4e2c-77", "trace.1_2-3", "x" * 64, "4013b960-cc1a-4791-ba8c-9481e73039d4"])
def test_a_request_id_that_the_client_gives_is_kept(common: CommonShop, given: str) -> None:
    response = common.nobody.get("/nope", {"X-Request-ID": given})
    assert refused(response, 404, "not_found")["request_id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "<script>", "caf\xe9", '"', "a;b"])
def test_a_request_id_that_is_ill_formed_is_replaced(common: CommonShop, given: str) -> None:
    response = common.nobody.get("/nope", {"X-Request-ID": given})
    assert refused(response, 404, "not_found")["request_id"] != given


def test_anothers_order_reads_as_one_that_does_not_exist(api: Api) -> None:
    order = answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="o"), 201)["order_id"]
    bodies = []
    for path in (f"/orders/{order}", f"/orders/{uuid4()}", "/orders/1", "/orders/%00"):
        body = refused(api.as_customer("bob").get(path), 404, "unknown_order")
        bodies.append({name: value for name, value in body.items() if name != "request_id"})
    assert bodies[0] == bodies[1] == bodies[2] == bodies[3]


def test_the_table_gives_each_code_one_status_of_an_error() -> None:
    assert all(400 <= status < 600 and title for status, title in PROBLEMS.values())


@pytest.fixture
def production_log() -> Iterator[None]:
    """The log as the server writes it, for one test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure()
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.fixture
def member(api: Api) -> Caller:
    return api.as_customer("ann")


@pytest.mark.usefixtures("production_log")
def test_a_crash_is_an_internal_error_and_neither_answer_nor_log_tells_what_the_view_knew(
    api: Api, member: Caller, capfd: pytest.CaptureFixture[str]
) -> None:
    card_number = "-".join(["4111", "1111", "1111", "1111"])

    def crash() -> NoReturn:
        held = f"card {card_number}"
        raise ZeroDivisionError(f"a view that holds {len(held)} characters crashed")

    api.app.view_functions["points.own"] = crash
    response = member.get("/user/points")
    body = refused(response, 500, "internal_error")
    assert "crashed" not in response.get_data(as_text=True)
    assert "Traceback" not in response.get_data(as_text=True)
    log = capfd.readouterr().err
    assert "ZeroDivisionError" in log and "characters crashed" in log, "the operator must be able to find it"
    assert body["request_id"] in log
    assert card_number not in log
    assert member.token and member.token not in log


@pytest.mark.usefixtures("production_log")
def test_a_database_that_fails_is_unavailable_for_now_and_the_answer_does_not_tell_how(
    api: Api, member: Caller, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> NoReturn:
        raise OperationalError("terminating connection to 10.0.0.7")

    api.app.view_functions["points.own"] = fail
    response = member.get("/user/points")
    refused(response, 503, "unavailable")
    assert int(response.headers["Retry-After"]) > 0
    assert "10.0.0.7" not in response.get_data(as_text=True)
    assert "10.0.0.7" in capfd.readouterr().err


def test_a_token_is_not_for_any_cache_to_keep_what_it_opened(api: Api, member: Caller) -> None:
    assert member.get("/user/points").headers["Cache-Control"] == "no-store"
    assert api.nobody.get("/user/points").headers["Cache-Control"] == "no-store"


def test_no_answer_is_sniffed_for_another_type(common: CommonShop) -> None:
    for path in ("/nope", "/products/", "/user/points", "/docs"):
        assert common.nobody.get(path).headers["X-Content-Type-Options"] == "nosniff"


def test_answers_are_compact_json_in_utf_8(api: Api) -> None:
    api.on_sale(name="Café 水筒")
    raw = api.nobody.get("/products/").get_data()
    assert "Café 水筒".encode() in raw
    assert b'": ' not in raw and b", " not in raw


def test_a_refusal_for_its_input_names_every_field_that_is_amiss(common: CommonShop) -> None:
    body = {"items": [{"product_id": 0, "quantity": 1}, {"quantity": "2"}], "points_to_use": -1, "payment_method": ""}
    problem = refused(common.as_customer("ann").post("/checkout/", body, key="k"), 422, "invalid_request")
    fields = {"items.0.product_id", "items.1.product_id", "items.1.quantity", "points_to_use", "payment_method"}
    assert problem["errors"].keys() == fields
    assert all(isinstance(message, str) for messages in problem["errors"].values() for message in messages)


def test_a_refusal_of_the_quote_is_a_problem_too(common: CommonShop) -> None:
    refused(common.as_customer("ann").post("/checkout/quote", basket(10**9)), 422, "unknown_product")
