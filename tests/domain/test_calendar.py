"""When points lapse: calendar months, to the end of the programme's own day, through every clock change."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.domain import calendar

KOLKATA, BERLIN, SAO_PAULO = ZoneInfo("Asia/Kolkata"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/Sao_Paulo")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("day", "months", "then"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2096-02-29", 48, "2100-02-28"),
        ("2026-03-31", 1, "2026-04-30"),
        ("2026-10-31", 4, "2027-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2026-01-15", 12, "2027-01-15"),
        ("2026-01-15", 1200, "2126-01-15"),
    ],
)
def test_months_are_calendar_months(day: str, months: int, then: str) -> None:
    assert calendar.months_after(date.fromisoformat(day), months) == date.fromisoformat(then)


def test_twelve_months_are_a_year_and_not_360_days() -> None:
    lapses = calendar.expiry(at("2026-01-15T06:30:00Z"), 12, KOLKATA)
    assert lapses == at("2027-01-16T00:00:00+05:30")
    assert lapses - at("2026-01-15T06:30:00Z") > timedelta(days=365)


@pytest.mark.parametrize(
    ("zone", "earned", "lapses"),
    [
        # 18:29:59 UTC is one second to midnight in Kolkata, 18:30:00 the next day.
        (KOLKATA, "2026-01-15T18:29:59Z", "2026-02-16T00:00:00+05:30"),
        (KOLKATA, "2026-01-15T18:30:00Z", "2026-02-17T00:00:00+05:30"),
        # Into and out of summer time: midnight is where the wall clock says.
        (BERLIN, "2026-02-28T12:00:00Z", "2026-03-29T00:00:00+01:00"),
        (BERLIN, "2026-02-28T23:30:00Z", "2026-04-02T00:00:00+02:00"),
        (BERLIN, "2026-09-25T12:00:00Z", "2026-10-26T00:00:00+01:00"),
        # Midnight of 4 November 2018 did not exist in São Paulo: the day before ended at 01:00.
        (SAO_PAULO, "2018-10-03T12:00:00Z", "2018-11-04T01:00:00-02:00"),
        # The last hour of 17 February 2018 came twice: the day ended with the second.
        (SAO_PAULO, "2018-01-17T12:00:00Z", "2018-02-18T00:00:00-03:00"),
    ],
)
def test_points_lapse_at_the_end_of_the_day_a_month_later(zone: ZoneInfo, earned: str, lapses: str) -> None:
    expiry = calendar.expiry(at(earned), 1, zone)
    assert expiry == at(lapses)
    assert expiry.utcoffset() == timedelta(0)


@pytest.mark.parametrize("zone", [KOLKATA, BERLIN, SAO_PAULO, ZoneInfo("America/Havana"), ZoneInfo("Pacific/Apia")])
def test_a_day_is_over_at_the_first_instant_that_no_longer_belongs_to_it(zone: ZoneInfo) -> None:
    day = date(2011, 1, 1)
    while day < date(2020, 1, 1):
        over = calendar.end_of_day(day, zone)
        assert over.astimezone(zone).date() > day
        # Samoa skipped a whole day: the instant before belongs to this one or, where it never was, to the one before.
        assert (over - timedelta(microseconds=1)).astimezone(zone).date() <= day
        day += timedelta(days=1)


def test_grace_runs_to_the_end_of_its_last_day() -> None:
    assert calendar.grace(at("2026-01-15T20:00:00Z"), 14, KOLKATA) == at("2026-01-31T00:00:00+05:30")
    assert calendar.grace(at("2026-01-15T06:30:00Z"), 0, KOLKATA) == at("2026-01-16T00:00:00+05:30")


def test_points_ripen_so_many_days_later_to_the_instant() -> None:
    earned = at("2026-01-15T06:30:00Z")
    assert calendar.ripening(earned, 0) == earned
    assert calendar.ripening(earned, 7) == at("2026-01-22T06:30:00Z")
