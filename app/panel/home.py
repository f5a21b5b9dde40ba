"""The first page: what the programme owes, what moved, and whether all runs."""

from __future__ import annotations

import json
from datetime import date, timedelta

from flask import Blueprint, render_template

from app.panel.context import house
from app.projections.daily import Behind
from app.projections.pages import Item

blueprint = Blueprint("home", __name__)

DAYS_SHOWN = 90
"""Of the chart: a season."""

SERIES = ("earned", "redeemed", "expired", "adjusted")


@blueprint.get("/")
def shown() -> str:
    """Points outstanding and their worth, movements by day, what lapses soon, what waits, and health."""
    at = house().clock()
    overview = house().overview.at(at)
    try:
        summary = house().daily.summary(None, None, overview.point_value_minor)
    except Behind:
        summary = None
    days = _season(summary["days"], at.astimezone(house().settings.zone).date()) if summary else []
    return render_template("home.html", overview=overview, summary=summary, days=days, chart=_chart(days))


def _season(days: list[Item], today: date) -> list[Item]:
    """Every day of the last DAYS_SHOWN, those too on which nothing moved; none at all where nothing ever did."""
    if not days:
        return []
    moved = {day["day"]: day for day in days}
    shown = [today - timedelta(days=ago) for ago in reversed(range(DAYS_SHOWN))]
    return [moved.get(day) or {"day": day, **dict.fromkeys(SERIES, 0)} for day in shown]


def _chart(days: list[Item]) -> str:
    """What the script draws; JSON."""
    series = [{"name": name, "values": [day[name] for day in days]} for name in SERIES]
    return json.dumps({"days": [str(day["day"]) for day in days], "series": series})
