"""The model's rules and calendar, written from the words of the programme. It must import nothing from the app."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo


class Refused(Exception):
    """The model refuses a command, with the code that the client must get."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Terms:
    """One version of the rules; the defaults are the programme's."""

    earn_points: int = 1
    earn_per_amount: int = 1000
    point_value: int = 100
    max_earn_per_order: int = 500
    max_redeem_per_order: int = 500
    min_redeem_per_order: int = 1
    expiry_months: int = 12
    pending_days: int = 0
    earn_on: str = "total"
    restore_grace_days: int = 14

    def can_work(self) -> bool:
        """No amount that divides by nothing, no cap below nothing."""
        amounts = self.earn_per_amount, self.point_value, self.expiry_months, self.min_redeem_per_order
        others = (
            self.earn_points, self.max_earn_per_order, self.max_redeem_per_order, self.pending_days,
            self.restore_grace_days,
        )  # fmt: skip
        return min(amounts) > 0 and min(others) >= 0 and self.earn_on in ("total", "cash")

    def refuse_points(self, points: int, total: int, available: int) -> None:
        """The first limit that is broken, in the order of the programme's second rule."""
        if points < 0:
            raise Refused("invalid_request")
        if points * self.point_value > total:
            raise Refused("points_exceed_total")
        if points > available:
            raise Refused("insufficient_points")
        if points > self.max_redeem_per_order:
            raise Refused("points_above_maximum")
        if points and points < self.min_redeem_per_order:
            raise Refused("points_below_minimum")

    def promised(self, total: int, cash: int) -> int:
        """What an order will earn."""
        amount = total if self.earn_on == "total" else cash
        return min(amount // self.earn_per_amount * self.earn_points, self.max_earn_per_order)


def first_instant_after(day: date, zone: ZoneInfo) -> datetime:
    """When `day` is over: found by walking, quarter by quarter, since every offset is a multiple of one."""
    return next(instant for instant in _quarters_around(day) if instant.astimezone(zone).date() > day)


def months_later(day: date, months: int) -> date:
    """A month at a time on the calendar's pages, then the day or that month's last."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def _quarters_around(day: date) -> Iterator[datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=8)
    return (start + timedelta(minutes=15 * n) for n in range(4 * 48))
