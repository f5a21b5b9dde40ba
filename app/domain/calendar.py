"""When points lapse and when they ripen: calendar arithmetic in the programme's own timezone."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def months_after(day: date, months: int) -> date:
    """The same day `months` calendar months later, or that month's last (31 January + 1 = 28 or 29 February)."""
    years, month = divmod(day.month - 1 + months, 12)
    year, month = day.year + years, month + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which `day` is over in `zone`: the first that no longer belongs to it."""
    return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)


def expiry(earned_at: datetime, months: int, zone: ZoneInfo) -> datetime:
    """When points earned at `earned_at` lapse: the end of the day `months` later (DOMAIN rule 4)."""
    return end_of_day(months_after(earned_at.astimezone(zone).date(), months), zone)


def grace(at: datetime, days: int, zone: ZoneInfo) -> datetime:
    """When points that come back at `at` after their lot lapsed will lapse again (DOMAIN rule 6)."""
    return end_of_day(at.astimezone(zone).date() + timedelta(days=days), zone)


def ripening(earned_at: datetime, pending_days: int) -> datetime:
    """When points earned at `earned_at` become spendable."""
    return earned_at + timedelta(days=pending_days)
