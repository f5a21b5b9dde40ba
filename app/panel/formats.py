"""How pages write points, money, moments and people. Text comes out escaped; nothing here asks the database."""

from __future__ import annotations

from datetime import UTC, datetime

from flask import Flask
from markupsafe import Markup

from app.audit.money import amount, grouped

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


def install(app: Flask, currency: str) -> None:
    """Give templates the filters `points`, `signed`, `money`, `when`, `day`, and both tables of words."""

    def money(minor: int, of: str = currency) -> str:
        return amount(minor, of)

    app.jinja_env.filters |= {
        "points": lambda number: grouped(number, currency),
        "signed": lambda number: f"{'+' if number > 0 else ''}{grouped(number, currency)}",
        "money": money,
        "when": when,
        "day": lambda at: f"{at.day} {at:%b %Y}",
    }
    app.jinja_env.globals |= {"TYPES": TYPES, "STATUSES": STATUSES, "currency": currency}


def when(at: datetime | None, missing: str = "never") -> Markup | str:
    """A moment: UTC, which a script turns into the viewer's own time and keeps to be seen on hover."""
    if at is None:
        return missing
    utc = at.astimezone(UTC)
    shown = f"{utc:%Y-%m-%d %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(f"{utc:%Y-%m-%dT%H:%M:%SZ}", shown, shown)
