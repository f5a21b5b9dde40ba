"""Who may call what: one table over every route, held against the app's own map of routes."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.auth.policy import POLICY
from app.database import Database
from tests.support.http import NDJSON, Api, Caller, bought
from tests.support.tables import snapshot_of_tables

PUBLIC, CUSTOMERS, OWNERS, READERS, ADMINS, AUDITORS = (
    {"nobody": 200, "customer": 200, "other": 200, "admin": 200, "auditor": 200},
    {"nobody": 401, "customer": 200, "other": 200, "admin": 403, "auditor": 403},
    {"nobody": 401, "customer": 200, "other": 404, "admin": 200, "auditor": 200},
    {"nobody": 401, "customer": 403, "other": 403, "admin": 200, "auditor": 200},
    {"nobody": 401, "customer": 403, "other": 403, "admin": 200, "auditor": 403},
    {"nobody": 401, "customer": 403, "other": 403, "admin": 403, "auditor": 200},
)


class Route(NamedTuple):
    """A row: the rule as the app's map has it, how to call it, and who gets which status (200 stands for `done`)."""

    method: str
    rule: str
    expected: dict[str, int]
    body: str = ""
    done: int = 200


ROUTES = [
    Route("GET", "/healthz", PUBLIC),
    Route("GET", "/readyz", PUBLIC),
    Route("GET", "/metrics", PUBLIC),
    Route("GET", "/openapi.json", PUBLIC),
    Route("GET", "/docs", PUBLIC),
    Route("GET", "/static/<path:filename>", PUBLIC),
    Route("GET", "/products/", PUBLIC),
    Route("GET", "/products/search", PUBLIC),
    Route("GET", "/products/<product_id>", PUBLIC),
    Route("POST", "/checkout/quote", CUSTOMERS, "quote"),
    Route("POST", "/checkout/", CUSTOMERS, "checkout", 201),
    Route("GET", "/orders/<order_id>", OWNERS),
    Route("GET", "/user/orders", CUSTOMERS),
    Route("GET", "/user/points", CUSTOMERS),
    Route("GET", "/user/points/expiring", CUSTOMERS),
    Route("GET", "/user/transactions", CUSTOMERS),
    Route("GET", "/admin/transactions", READERS),
    Route("GET", "/admin/accounts", READERS),
    Route("GET", "/admin/accounts/<user>", READERS),
    Route("POST", "/admin/accounts/<user>/adjustments", ADMINS, "adjustment", 201),
    Route("GET", "/admin/orders", READERS),
    Route("POST", "/admin/orders/<order_id>/refunds", ADMINS, "refund", 201),
    Route("GET", "/admin/reviews", READERS),
    Route("DELETE", "/admin/reviews/<order_id>", ADMINS, done=204),
    Route("GET", "/admin/rules", READERS),
    Route("GET", "/admin/rules/current", READERS),
    Route("POST", "/admin/rules", ADMINS, "rules", 201),
    Route("GET", "/admin/reports/summary", READERS),
    Route("POST", "/payments/webhooks/stripe", PUBLIC, done=404),  # there is none where Stripe was not chosen
    Route("PUT", "/admin/products", ADMINS, "products"),
    Route("GET", "/audit/events", AUDITORS),
    Route("GET", "/audit/accounts/<user>", AUDITORS),
    Route("GET", "/audit/accounts/<user>/explain", AUDITORS),
    Route("GET", "/audit/readings", AUDITORS),
    Route("GET", "/audit/checkpoints", AUDITORS),
    Route("GET", "/audit/checkpoints/<size>/consistency", AUDITORS),
    Route("GET", "/audit/events/<position>/proof", AUDITORS),
]


class Scene:
    """A shop where ann has an order, and everybody who may come by."""

    def __init__(self, api: Api) -> None:
        product = api.on_sale()
        api.grant("ann", 200)
        self.callers: dict[str, Caller] = {
            "nobody": api.nobody,
            "customer": api.as_customer("ann"),
            "other": api.as_customer("bob"),
            "admin": api.admin,
            "auditor": api.auditor,
        }
        order = self.callers["customer"].post("/checkout/", bought(product, points=30), key="the-order").get_json()
        api.house.recoveries.review(UUID(order["order_id"]), "charged twice")
        sealed = api.house.seal()
        assert sealed is not None
        self._parts = {
            "<size>/consistency": f"{sealed.size}/consistency?from={sealed.size}",
            "<position>": str(sealed.position),
            "<path:filename>": "swagger-ui/swagger-ui.css",
            "<product_id>": str(product),
            "<order_id>": order["order_id"],
            "<user>": "ann",
        }
        self._bodies: dict[str, dict[str, Any]] = {
            "": {},
            "quote": {"json": {"items": [{"product_id": product, "quantity": 1}]}},
            "checkout": {"json": bought(product)},
            "adjustment": {"json": {"points": 5, "reason": "sorry"}},
            "rules": {"json": {}},
            "refund": {"json": {"amount": 100, "reason": "A dent."}},
            "products": {
                "data": b'{"sku":"NEW","name":"Cup","brand":"Bhoomi","category":"Kitchen","price":1}\n',
                "content_type": NDJSON,
            },
        }

    def call(self, route: Route, who: str) -> TestResponse:
        """Call a route; each caller has a key of their own."""
        path = route.rule
        for part, value in self._parts.items():
            path = path.replace(part, value)
        headers = {"Idempotency-Key": f"by-{who}-for-{route.body}"}
        return self.callers[who].send(route.method, path, headers=headers, **self._bodies[route.body])


@pytest.fixture
def scene(api: Api) -> Scene:
    return Scene(api)


@pytest.mark.parametrize("route", ROUTES, ids=[f"{route.method} {route.rule}" for route in ROUTES])
def test_each_route_opens_to_those_whom_the_table_names_and_a_refused_call_writes_nothing(
    route: Route, scene: Scene, owner: Database
) -> None:
    before = snapshot_of_tables(owner)
    got = {}
    # The refused come first, so that what the others wrote hides nothing.
    for who, expected in sorted(route.expected.items(), key=lambda row: -row[1]):
        response = scene.call(route, who)
        got[who] = 200 if response.status_code == route.done else response.status_code
        if expected != 200:
            assert response.content_type == "application/problem+json"
            assert snapshot_of_tables(owner) == before
    assert got == route.expected


def test_every_write_of_the_table_writes_when_it_is_allowed(scene: Scene, owner: Database) -> None:
    for route in ROUTES:
        if route.method == "GET" or route.body == "quote" or route.done == 404:
            continue
        before = snapshot_of_tables(owner)
        allowed = next(who for who, status in route.expected.items() if status == 200)
        assert scene.call(route, allowed).status_code == route.done
        assert snapshot_of_tables(owner) != before, route


def test_the_table_names_every_route_of_the_app_and_no_other(api: Api) -> None:
    methods = {(method, rule.rule) for rule in api.app.url_map.iter_rules() for method in rule.methods or ()}
    own = {(method, rule) for method, rule in methods if method not in ("HEAD", "OPTIONS")}
    assert own == {(route.method, route.rule) for route in ROUTES}


def test_the_policy_has_no_word_on_routes_that_do_not_exist(api: Api) -> None:
    assert {rule.endpoint for rule in api.app.url_map.iter_rules()} == POLICY.keys()


def test_a_token_without_any_role_opens_nothing_but_what_is_public(scene: Scene, api: Api) -> None:
    scene.callers["none"] = api.as_roles("ann")
    for route in ROUTES:
        assert scene.call(route, "none").status_code == (route.done if route.expected is PUBLIC else 403), route


def test_roles_add_up(scene: Scene, api: Api) -> None:
    scene.callers["both"] = api.as_roles("ann", "customer", "auditor")
    for route in ROUTES:
        is_allowed = 200 in (route.expected["customer"], route.expected["auditor"])
        assert scene.call(route, "both").status_code == (route.done if is_allowed else 403), route


def test_the_app_does_not_start_with_a_route_that_the_policy_does_not_name(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(POLICY, "points.own")
    with pytest.raises(LookupError, match=r"points\.own"):
        Api(api.house)
