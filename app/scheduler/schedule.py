"""The schedule: which job, how often it is looked at, and which slot a look belongs to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from app.scheduler import jobs
from app.wiring import House


@dataclass(frozen=True)
class Job:
    """`run` is looked at `every` so often. With a `slot`, each slot runs once, whoever leads, and is recorded."""

    name: str
    every: timedelta
    run: Callable[[House], str]
    slot: Callable[[House], datetime] | None = None
    is_run_at_start: bool = False


def programme_day(house: House) -> datetime:
    """The slot of today: the instant at which the programme's day began."""
    zone = house.settings.zone
    return datetime.combine(house.clock().astimezone(zone).date(), time.min, zone).astimezone(UTC)


SCHEDULE = (
    # Looked at every quarter of an hour, since that is where the world's midnights lie in UTC; it runs once a day.
    Job("expire-points", timedelta(minutes=15), jobs.expire_points, slot=programme_day, is_run_at_start=True),
    Job("recover-payments", timedelta(seconds=15), jobs.recover_payments),
    # For a minute at most what was appended stands unsigned. Where nothing was, a look costs a few rows.
    Job("seal-log", timedelta(minutes=1), jobs.seal_log),
    Job("daily-report", timedelta(seconds=5), jobs.follow_log),
)
