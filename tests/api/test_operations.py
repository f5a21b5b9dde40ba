"""Health, readiness and metrics: what whoever keeps the house running asks, without a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.config import Settings
from app.database import Database
from app.wiring import build
from tests.support.http import Api, answered, bought, refused
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def cut_off(settings: Settings) -> Iterator[Api]:
    """The API of a house whose database is gone: nobody listens at its address."""
    url = re.sub(r"@[^/]*/", "@127.0.0.1:1/", settings.database_url or "")
    house = build(replace(settings, database_url=f"{url.split('?')[0]}"))
    yield Api(house)
    house.close()


def samples(api: Api) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """The metrics as Prometheus reads them: name -> labels -> value."""
    response = api.nobody.get("/metrics")
    assert response.status_code == 200
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(response.get_data(as_text=True)):
        assert family.type != "unknown" and family.documentation, family.name
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), "one sample a name and labels"
            found[sample.name][labels] = sample.value
    return found


def test_a_house_in_order_is_alive_and_ready(api: Api) -> None:
    assert answered(api.nobody.get("/healthz")) == {"status": "alive"}
    assert answered(api.nobody.get("/readyz")) == {"status": "ready"}


def test_a_house_whose_migrations_are_pending_is_not_ready_and_says_which(api: Api, owner: Database) -> None:
    [(last,)] = owner.rows("SELECT max(version) FROM schema_migrations")
    owner.execute("DELETE FROM schema_migrations WHERE version = %s", (last,))
    state = answered(api.nobody.get("/readyz"), 503)
    assert state["status"] == "not ready"
    assert "migrations" in state["reason"] and last in state["reason"]
    answered(api.nobody.get("/healthz"))


def test_a_house_whose_report_is_far_behind_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.wiring.REPORT_LAG_TOLERATED", 1)
    api.grant("ann", 5)
    state = answered(api.nobody.get("/readyz"), 503)
    assert "behind" in state["reason"]
    answered(api.admin.get("/admin/reports/summary"))
    answered(api.nobody.get("/readyz"))


def test_a_house_without_its_database_is_alive_but_not_ready_and_tells_nobody_where_it_should_be(cut_off: Api) -> None:
    answered(cut_off.nobody.get("/healthz"))
    response = cut_off.nobody.get("/readyz")
    state = answered(response, 503)
    assert "database" in state["reason"]
    for secret in ("127.0.0.1", "miles_app", "port"):
        assert secret not in response.get_data(as_text=True)


def test_without_its_database_the_house_answers_in_problems(cut_off: Api) -> None:
    customer = cut_off.as_customer("ann")
    body = {"items": [{"product_id": 1, "quantity": 1}]}
    for response in (
        cut_off.nobody.get("/products/"),
        customer.get("/user/points"),
        customer.post("/checkout/", body, key="k"),
        cut_off.admin.get("/admin/transactions"),
    ):
        refused(response, 503, "unavailable")
        assert int(response.headers["Retry-After"]) > 0


def test_metrics_are_there_when_the_database_is_not(cut_off: Api) -> None:
    cut_off.nobody.get("/products/")
    assert samples(cut_off)["miles_http_requests_total"]


def test_metrics_count_requests_by_route_and_not_by_what_was_asked_for(api: Api) -> None:
    labels = (("method", "GET"), ("route", "/products/<product_id>"), ("status", "404"))
    before = samples(api)["miles_http_requests_total"].get(labels, 0)
    for number in (77, 78):
        refused(api.nobody.get(f"/products/{number}"), 404, "not_found")
        api.nobody.get(f"/nowhere/{number}")
    after = samples(api)
    assert after["miles_http_requests_total"][labels] == before + 2
    routes = {dict(row)["route"] for row in after["miles_http_requests_total"]}
    assert not any("77" in route or "nowhere" in route for route in routes)
    assert "miles_http_request_seconds_bucket" in after


def test_an_invented_method_makes_no_new_metric(api: Api) -> None:
    for number in range(3):
        api.nobody.send(f"INVENTED{number}", "/products/")
    methods = {dict(row)["method"] for row in samples(api)["miles_http_requests_total"]}
    assert not any(method.startswith("INVENTED") for method in methods)


def test_metrics_tell_how_checkouts_end_and_how_far_the_report_is_behind(api: Api) -> None:
    paid = (("status", "paid"),)
    before = samples(api).get("miles_checkouts_total", {}).get(paid, 0)
    answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="o"), 201)
    after = samples(api)
    assert after["miles_checkouts_total"][paid] == before + 1
    last = api.house.log.max_notification_id()
    assert last and after["miles_log_position"][()] == after["miles_daily_lag_events"][()] == last
    answered(api.admin.get("/admin/reports/summary"))
    assert samples(api)["miles_daily_lag_events"][()] == 0


def test_whoever_looks_on_writes_nothing(api: Api, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert api.nobody.get(path).status_code == 200
    assert snapshot_of_tables(owner) == before
