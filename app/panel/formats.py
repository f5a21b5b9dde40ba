"""How pages write points, money, moments and people. Text comes out escaped; nothing here asks the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from markupsafe import Markup

from app.audit.money import amount, grouped

_MOMENT = timedelta(microseconds=1)

TYPES = {
    "earn": "earned",
    "use": "used",
    "expire": "expired",
    "manual": "by hand",
    "restore": "given back",
    "revoke": "taken back",
}
"""Kinds of the feed's lines, in words."""

STATUSES = {
    "pending": "pending",
    "paid": "paid",
    "failed": "not paid",
    "partially_refunded": "partly refunded",
    "refunded": "refunded",
}
"""Statuses of orders, in words."""


def install(app: Flask, currency: str, zone: ZoneInfo) -> None:
    """Give templates the filters below, and both tables of words."""

    def money(minor: int, of: str = currency) -> str:
        return amount(minor, of)

    def until(at: datetime) -> Markup:
        """The last day on which something can be used, as the programme counts days; the very moment on hover."""
        last, utc = (at - _MOMENT).astimezone(zone), at.astimezone(UTC)
        return Markup('<time datetime="{}" title="{}" data-local>{}</time>').format(
            f"{utc:%Y-%m-%dT%H:%M:%SZ}", f"until {utc:%Y-%m-%d %H:%M} UTC", day(last)
        )

    filters: dict[str, Callable[..., Any]] = {
        "points": lambda number: grouped(number, currency),
        "signed": lambda number: f"{'+' if number > 0 else ''}{grouped(number, currency)}",
        "money": money,
        "when": when,
        "until": until,
        "day": day,
    }
    app.jinja_env.filters |= filters
    app.jinja_env.globals |= {"TYPES": TYPES, "STATUSES": STATUSES, "currency": currency}


def day(day: date) -> str:
    """A day of the programme, such as 1 Mar 2026."""
    return f"{day.day} {day:%b %Y}"


def when(at: datetime | None, missing: str = "never") -> Markup | str:
    """A moment: UTC, which a script turns into the viewer's own time and keeps to be seen on hover."""
    if at is None:
        return missing
    utc = at.astimezone(UTC)
    shown = f"{utc:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", shown, shown)
