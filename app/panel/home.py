"""The first page: what the programme owes, what moved, and whether all runs."""

from __future__ import annotations

import json

from flask import Blueprint, render_template

from app.panel.context import house
from app.projections.daily import Behind

blueprint = Blueprint("home", __name__)

DAYS_SHOWN = 90
"""Of the chart: a season."""


@blueprint.get("/")
def shown() -> str:
    """Points outstanding and their worth, movements by day, what lapses soon, what waits, and health."""
    at = house().clock()
    overview = house().overview.at(at)
    try:
        summary = house().daily.summary(None, None, overview.point_value_minor)
    except Behind:
        summary = None
    days = summary["days"][-DAYS_SHOWN:] if summary else []
    return render_template("home.html", overview=overview, summary=summary, days=days, chart=_chart(days))


def _chart(days: list[dict[str, object]]) -> str:
    """What the script draws; JSON."""
    names = ("earned", "redeemed", "expired", "adjusted")
    return json.dumps(
        {
            "days": [str(day["day"]) for day in days],
            "series": [{"name": name, "values": [day[name] for day in days]} for name in names],
        }
    )
