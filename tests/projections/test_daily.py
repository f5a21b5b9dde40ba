"""The daily report: each event exactly once, any range of time, and never older than the log."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from eventsourcing.persistence import Notification, PersistenceError

from app.config import Settings
from app.database import Database
from app.eventstore.recorder import PostgresApplicationRecorder
from app.eventstore.tracking import PostgresTrackingRecorder
from app.projections import daily
from app.projections.daily import Behind, DailyReport, split
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.shop import DECLINED, Shop, at_once, random_history

VALUE = 100
COUNTS = ("earned", "redeemed", "restored", "revoked", "expired", "adjusted")
OF_TYPE = {
    "earn": "earned",
    "use": "redeemed",
    "restore": "restored",
    "revoke": "revoked",
    "expire": "expired",
    "manual": "adjusted",
}


def report_over(house: House, log: PostgresApplicationRecorder) -> DailyReport:
    """Another follower under the same name, which reads the log through `log`."""
    return DailyReport(house.database, log, PostgresTrackingRecorder(house.database), house.mapper, house.settings.zone)


def test_four_that_catch_up_at_once_count_each_event_once(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_history(shop, clock, 120, seed=1)
    monkeypatch.setattr(daily, "BATCH", 5)
    at_once([shop.house.daily.catch_up] * 4)
    assert shop.house.daily.position() == shop.events()[-1][0]
    assert shop.differences() == []


def test_a_batch_that_another_follower_has_half_counted_is_not_counted_again(shop: Shop) -> None:
    shop.give(points=10)
    house = shop.house

    class Overtaken(PostgresApplicationRecorder):
        """Between this follower's read and its write, another one counts the first event of the batch."""

        def select_notifications(self, *args: Any, **kwargs: Any) -> Sequence[Notification]:
            batch = super().select_notifications(*args, **kwargs)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(daily, "BATCH", 1)
                house.daily.advance()
            return batch

    report_over(house, Overtaken(house.database)).advance()
    house.daily.catch_up()
    assert shop.differences() == []


@pytest.mark.parametrize("failure", ["internal_error", "deadlock_detected"])
def test_a_crash_while_a_batch_is_counted_counts_none_of_it(shop: Shop, owner: Database, failure: str) -> None:
    shop.give(points=10)
    owner.execute(
        "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION 'crashed' USING ERRCODE = '{failure}'; END $$;"
        " CREATE TRIGGER crash AFTER INSERT OR UPDATE ON daily FOR EACH ROW EXECUTE FUNCTION crash()"
    )
    with pytest.raises(PersistenceError, match="crashed"):
        shop.house.daily.catch_up()
    assert shop.house.daily.position() == 0
    assert owner.rows("SELECT * FROM daily") == []
    owner.execute("DROP TRIGGER crash ON daily")
    shop.house.daily.catch_up()
    assert shop.differences() == []
    assert shop.house.daily.summary(None, None, VALUE)["adjusted"] == 10


def test_a_summary_counts_what_was_written_just_before_it(shop: Shop) -> None:
    for n in range(1, 4):
        shop.give(points=10)
        assert shop.house.daily.summary(None, None, VALUE)["adjusted"] == 10 * n


def test_a_summary_of_all_time(shop: Shop, clock: Clock) -> None:
    shop.give("ann", 200)
    shop.buy("ann", 30)
    shop.buy("ann", 30, method=DECLINED)
    shop.buy("bob")
    shop.give("ann", -20)
    clock.move(days=400)
    shop.house.expire_points()
    assert shop.house.daily.summary(None, None, VALUE) == {
        "outstanding": {"points": 0, "value": 0},
        "debt": 0,
        "members": 2,
        "earned": 100,
        "redeemed": 60,
        "restored": 30,
        "revoked": 0,
        "expired": 250,
        "adjusted": 180,
        "breakage_rate": round(250 / 300, 4),
        "days": [
            {"day": date(2026, 1, 15), "earned": 100, "redeemed": 60, "expired": 0, "adjusted": 180},
            {"day": date(2027, 2, 19), "earned": 0, "redeemed": 0, "expired": 250, "adjusted": 0},
        ],
    }


def test_nothing_at_all_is_summed_up_as_nothing(shop: Shop) -> None:
    summary = shop.house.daily.summary(None, None, VALUE)
    assert summary["days"] == []
    assert (summary["breakage_rate"], summary["members"], summary["outstanding"]["points"]) == (0.0, 0, 0)


@pytest.mark.parametrize(
    ("timezone", "start"),
    [
        ("Asia/Kolkata", "2026-01-15T06:30:00Z"),
        ("Europe/Berlin", "2026-03-27T06:30:00Z"),
        # Midnight of 4 November 2018 did not exist in São Paulo.
        ("America/Sao_Paulo", "2018-11-02T06:30:00Z"),
    ],
)
def test_any_range_of_time_sums_to_what_the_feed_says(settings: Settings, timezone: str, start: str) -> None:
    clock = Clock(datetime.fromisoformat(start))
    house = build(replace(settings, timezone=timezone), clock=clock)
    try:
        began = clock.at
        random_history(Shop(house), clock, 150, seed=7)
        feed, openings = everything(house)
        chance = random.Random(3)
        zone = house.settings.zone
        for _ in range(80):
            since, until = (bound(chance, zone, began, clock.at, feed) for _ in range(2))
            assert_agrees(house, since, until, feed, openings)
    finally:
        house.close()


def everything(house: House) -> tuple[list[dict[str, Any]], list[datetime]]:
    """The whole feed, and when accounts were opened."""
    columns = ("type", "points", "created_at", "debt_repaid", "debt_added")
    rows = house.database.rows(f"SELECT {', '.join(columns)} FROM transactions")
    opened = house.database.rows("SELECT opened_at FROM balances")
    return [dict(zip(columns, row, strict=True)) for row in rows], [at for (at,) in opened]


def bound(
    chance: random.Random, zone: ZoneInfo, began: datetime, ended: datetime, feed: list[dict[str, Any]]
) -> datetime | None:
    """No bound, a midnight, the very instant of a line, or any instant."""
    anywhen = began + chance.random() * (ended - began + timedelta(days=2)) - timedelta(days=1)
    match chance.randrange(8):
        case 0:
            return None
        case 1 | 2:
            midnight = datetime.combine(anywhen.astimezone(zone).date(), clock_time.min, zone)
            return midnight.astimezone(UTC)
        case 3 | 4:
            at = chance.choice(feed)["created_at"]
            assert isinstance(at, datetime)
            return at + chance.choice([-1, 0, 1]) * timedelta(microseconds=1)
    return anywhen


def assert_agrees(
    house: House, since: datetime | None, until: datetime | None, feed: list[dict[str, Any]], openings: list[datetime]
) -> None:
    """The report over `[since, until)` is what a walk over every line says."""

    def within(at: datetime) -> bool:
        return (since is None or at >= since) and (until is None or at < until)

    summary = house.daily.summary(since, until, VALUE)
    lines = [line for line in feed if within(line["created_at"])]
    before = [line for line in feed if until is None or line["created_at"] < until]
    outstanding = sum(line["points"] for line in before)
    expected = gross(lines)
    assert {name: summary[name] for name in COUNTS} == expected, (since, until)
    assert summary["outstanding"] == {"points": outstanding, "value": outstanding * VALUE}, (since, until)
    assert summary["members"] == sum(map(within, openings))
    issued = expected["earned"] + sum(max(change(line), 0) for line in lines if line["type"] == "manual")
    assert summary["breakage_rate"] == (round(expected["expired"] / issued, 4) if issued else 0.0)
    shown = ("earned", "redeemed", "expired", "adjusted")
    by_day: dict[date, list[dict[str, Any]]] = {}
    for line in lines:
        by_day.setdefault(line["created_at"].astimezone(house.settings.zone).date(), []).append(line)
    days = {day: {name: gross(of_day)[name] for name in shown} for day, of_day in sorted(by_day.items())}
    assert summary["days"] == [{"day": day, **sums} for day, sums in days.items() if any(sums.values())], (since, until)


def change(line: dict[str, Any]) -> int:
    """The gross points of a line, signed."""
    points = line["points"] + line["debt_repaid"] - line["debt_added"]
    assert isinstance(points, int)
    return points


def gross(lines: list[dict[str, Any]]) -> dict[str, int]:
    """The totals of lines by kind: positive, but for adjustments."""
    sums = dict.fromkeys(COUNTS, 0)
    for line in lines:
        kind = OF_TYPE[line["type"]]
        sums[kind] += change(line) if kind == "adjusted" else abs(change(line))
    return sums


def test_a_range_that_ends_before_it_begins_is_empty(shop: Shop, clock: Clock) -> None:
    shop.give()
    for back in (timedelta(0), timedelta(hours=1), timedelta(days=3)):
        summary = shop.house.daily.summary(clock.at, clock.at - back, VALUE)
        assert (summary["adjusted"], summary["days"]) == (0, [])


def test_whole_days_and_ragged_ends_cover_a_range_without_overlap() -> None:
    zone, chance = ZoneInfo("America/Sao_Paulo"), random.Random(5)
    origin = datetime(2018, 11, 1, tzinfo=UTC)
    for _ in range(500):
        since, until = sorted(origin + timedelta(minutes=30 * chance.randrange(300)) for _ in range(2))
        first, last, ragged = split(since, until, zone)
        midnights = [datetime.combine(day, clock_time.min, zone).astimezone(UTC) for day in (first, last)]
        pieces = sorted([*ragged, *([(midnights[0], midnights[1])] if first < last else [])])
        edges = [since, *(edge for piece in pieces for edge in piece), until]
        assert edges[::2] == edges[1::2]
        assert all(start < end for start, end in pieces)


@contextmanager
def append_under_way(database: Database, end: str) -> Iterator[None]:
    """Somebody else's append that has drawn its position and is not committed yet; ends with `end`."""
    connection = database.open()
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "SELECT events_append(ARRAY[%s]::uuid[], ARRAY[1]::bigint[], ARRAY['Elsewhere.v1'], ARRAY['{}'])",
            (uuid4(),),
        )
        yield
        cursor.execute(end)
    connection.close()


@pytest.mark.parametrize("end", ["COMMIT", "ROLLBACK"])
def test_an_append_under_way_holds_the_report_back_until_it_ends(shop: Shop, database: Database, end: str) -> None:
    report = shop.house.daily
    shop.give(points=1)
    with append_under_way(database, end):
        shop.give(points=2)
        last = shop.events()[-1][0]
        with pytest.raises(Behind):
            report.reach(last, 0.1)
        assert report.position() < last
    report.reach(last, 0.1)
    assert report.position() == last
    assert shop.differences() == []


def test_a_summary_of_a_log_that_it_cannot_reach_is_refused(
    shop: Shop, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daily, "WAIT_S", 0.1)
    with append_under_way(database, "ROLLBACK"):
        shop.give(points=2)
        with pytest.raises(Behind):
            shop.house.daily.summary(None, None, VALUE)
    assert shop.house.daily.summary(None, None, VALUE)["adjusted"] == 2
