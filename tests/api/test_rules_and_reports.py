"""Rules by version, and the summary of what the programme gave, took back and owes."""

from __future__ import annotations

from typing import Any

import pytest

from app.database import Database
from tests.support.http import Api, answered, bought, refused
from tests.support.tables import snapshot_of_tables

DEFAULTS = {
    "earn_points": 1,
    "earn_per_amount": 1_000,
    "point_value": 100,
    "max_earn_per_order": 500,
    "max_redeem_per_order": 500,
    "min_redeem_per_order": 1,
    "expiry_months": 12,
    "pending_days": 0,
    "earn_on": "total",
    "restore_grace_days": 14,
}
SUMMARY = "/admin/reports/summary"


def test_an_empty_programme_has_the_defaults_as_version_1_and_the_first_that_is_posted_is_2(api: Api) -> None:
    current = answered(api.auditor.get("/admin/rules/current"))
    assert {name: current[name] for name in DEFAULTS} == DEFAULTS
    assert (current["version"], current["currency"], current["created_by"]) == (1, "INR", None)
    posted = answered(api.admin.post("/admin/rules", {"earn_points": 2}), 201)
    assert {name: posted[name] for name in DEFAULTS} == {**DEFAULTS, "earn_points": 2}
    assert (posted["version"], posted["created_by"]) == (2, "root")
    assert posted["created_at"] == posted["effective_from"] == "2026-01-15T06:30:00Z"


def test_what_is_left_out_takes_the_default_and_not_the_version_before(api: Api) -> None:
    answered(api.admin.post("/admin/rules", {"earn_points": 9, "pending_days": 3}), 201)
    third = answered(api.admin.post("/admin/rules", {"earn_on": "cash"}), 201)
    assert {name: third[name] for name in DEFAULTS} == {**DEFAULTS, "earn_on": "cash"}


def test_every_version_stays_newest_first(api: Api) -> None:
    posted = [answered(api.admin.post("/admin/rules", {"earn_points": n}), 201) for n in (2, 3)]
    listed = api.auditor.items("/admin/rules?limit=1")
    assert [version["version"] for version in listed] == [3, 2, 1]
    assert listed[:2] == posted[::-1]


def test_a_version_for_later_is_not_current_until_then(api: Api) -> None:
    later = {"earn_points": 5, "effective_from": "2026-02-01T00:00:00+05:30"}
    assert answered(api.admin.post("/admin/rules", later), 201)["effective_from"] == "2026-01-31T18:30:00Z"
    assert answered(api.admin.get("/admin/rules/current"))["version"] == 1
    api.house.clock.move(days=30)  # type: ignore[attr-defined]
    assert answered(api.admin.get("/admin/rules/current"))["version"] == 2


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("earn_per_amount", {"earn_per_amount": 0}),
        ("point_value", {"point_value": 0}),
        ("max_earn_per_order", {"max_earn_per_order": -1}),
        ("max_redeem_per_order", {"max_redeem_per_order": -1}),
        ("min_redeem_per_order", {"min_redeem_per_order": 0}),
        ("min_redeem_per_order", {"min_redeem_per_order": 501}),
        ("expiry_months", {"expiry_months": 0}),
        ("expiry_months", {"expiry_months": 1_201}),
        ("pending_days", {"pending_days": -1}),
        ("earn_points", {"earn_points": 10**9 + 1}),
        ("earn_on", {"earn_on": "points"}),
        ("earn_on", {"earn_on": None}),
        ("effective_from", {"effective_from": "2026-01-15T06:28:00Z"}),
    ],
)
def test_a_rule_that_cannot_work_is_refused_by_the_field(
    api: Api, owner: Database, field: str, wrong: dict[str, Any]
) -> None:
    before = snapshot_of_tables(owner)
    problem = refused(api.admin.post("/admin/rules", wrong), 422, "invalid_request")
    assert list(problem["errors"]) == [field]
    assert snapshot_of_tables(owner) == before


def busy_days(api: Api) -> None:
    """A grant and a purchase on the 15th in India, a correction on the 16th, a lapse on the 17th."""
    clock = api.house.clock
    api.grant("ann", 100, expires_at="2026-01-17T06:00:00Z")
    answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale(), points=30), key="o"), 201)
    clock.move(days=1)  # type: ignore[attr-defined]
    api.grant("ann", -10)
    api.grant("bob", 7)
    clock.move(days=1)  # type: ignore[attr-defined]
    assert api.house.expire_points().failures == []


def test_the_summary_of_all_time_adds_up_and_counts_what_was_written_just_now(api: Api) -> None:
    busy_days(api)
    assert answered(api.auditor.get(SUMMARY)) == {
        "outstanding": {"points": 57, "value": 5_700},
        "debt": 0,
        "members": 2,
        "earned": 50,
        "redeemed": 30,
        "restored": 0,
        "revoked": 0,
        "expired": 60,
        "adjusted": 97,
        "breakage_rate": pytest.approx(60 / 157, abs=0.0001),
        "days": [
            {"day": "2026-01-15", "earned": 50, "redeemed": 30, "expired": 0, "adjusted": 100},
            {"day": "2026-01-16", "earned": 0, "redeemed": 0, "expired": 0, "adjusted": -3},
            {"day": "2026-01-17", "earned": 0, "redeemed": 0, "expired": 60, "adjusted": 0},
        ],
        "currency": "INR",
    }


@pytest.mark.parametrize(
    ("query", "sums", "outstanding", "days"),
    [
        ("since=2026-01-15T18:30:00Z", (0, 0, 60, -3), 57, ["16", "17"]),
        ("until=2026-01-15T18:30:00Z", (50, 30, 0, 100), 120, ["15"]),
        ("since=2026-01-15T18:30:00Z&until=2026-01-16T18:30:00Z", (0, 0, 0, -3), 117, ["16"]),
        # In the midst of a day: the instant of `since` counts, that of `until` does not.
        ("since=2026-01-16T06:30:00Z&until=2026-01-17T06:30:00Z", (0, 0, 0, -3), 117, ["16"]),
        ("since=2026-01-16T06:30:01Z&until=2026-01-17T06:30:01Z", (0, 0, 60, 0), 57, ["17"]),
        ("since=2027-01-01T00:00:00Z", (0, 0, 0, 0), 57, []),
        ("until=2025-01-01T00:00:00Z", (0, 0, 0, 0), 0, []),
        ("since=2026-01-17T00:00:00Z&until=2026-01-16T00:00:00Z", (0, 0, 0, 0), None, []),
        ("since=0002-01-01T00:00:00Z&until=9998-12-31T23:59:59Z", (50, 30, 60, 97), 57, ["15", "16", "17"]),
    ],
)
def test_the_summary_of_a_range_counts_from_since_to_just_before_until(
    api: Api, query: str, sums: tuple[int, ...], outstanding: int | None, days: list[str]
) -> None:
    busy_days(api)
    summary = answered(api.admin.get(f"{SUMMARY}?{query}"))
    assert tuple(summary[name] for name in ("earned", "redeemed", "expired", "adjusted")) == sums
    assert [day["day"] for day in summary["days"]] == [f"2026-01-{day}" for day in days]
    if outstanding is not None:
        assert summary["outstanding"] == {"points": outstanding, "value": 100 * outstanding}


def test_the_value_outstanding_goes_by_the_rule_in_effect(api: Api) -> None:
    api.grant("ann", 10)
    answered(api.admin.post("/admin/rules", {"point_value": 250}), 201)
    assert answered(api.admin.get(SUMMARY))["outstanding"] == {"points": 10, "value": 2_500}


def test_an_empty_programme_has_an_empty_summary(api: Api) -> None:
    summary = answered(api.admin.get(SUMMARY))
    assert (summary["members"], summary["outstanding"], summary["days"]) == (0, {"points": 0, "value": 0}, [])
    assert summary["breakage_rate"] == 0


def test_a_report_that_cannot_catch_up_in_time_says_so_and_when_to_ask_again(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.projections.daily.WAIT_S", 0.05)
    with api.house.database.transaction() as cursor:
        # An append under way: it has marked where the log may not be read yet, and does not commit.
        cursor.execute("SELECT last_value FROM events_position_seq")
        [(last,)] = cursor.fetchall()
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (last,))
        api.grant("ann", 5)
        response = api.admin.get(SUMMARY)
        refused(response, 503, "report_behind")
        assert int(response.headers["Retry-After"]) > 0
    assert answered(api.admin.get(SUMMARY))["adjusted"] == 5
