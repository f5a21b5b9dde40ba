"""The scheduler: whether one leads, what its jobs are for, and what came of those whose runs are kept."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, render_template, request

from app.panel.context import house
from app.panel.paging import ROWS, here

blueprint = Blueprint("jobs", __name__)

JOBS = {
    "expire-points": "Takes points that have lapsed out of their accounts: once on each day of the programme, and at"
    " each start. Each run stands below.",
    "recover-payments": "Asks the payment gateway every 15 seconds what became of charges and refunds that it has not"
    " answered about.",
    "seal-log": "Signs a checkpoint over the log each minute in which something was appended, and sends copies out.",
    "daily-report": "Counts what is new in the log into the report by day, every 5 seconds.",
    "sample-data": "The sample story: a small catalogue and a few members, told once in an empty database.",
}
"""What each is for; tests hold the names against the schedule."""


@blueprint.get("/jobs")
def listed() -> str:
    """Runs, newest first."""
    runs = house().job_runs.newest(ROWS + 1, _before())
    older = here(before=runs[ROWS - 1].started_at.isoformat()) if len(runs) > ROWS else None
    overview = house().overview.at(house().clock())
    return render_template("jobs.html", jobs=JOBS, runs=runs[:ROWS], older=older, overview=overview)


def _before() -> datetime | None:
    """The moment that the page goes on before; None on the first page, and for what is none."""
    try:
        at = datetime.fromisoformat(request.args.get("before", ""))
    except ValueError:
        return None
    return at if at.tzinfo else None
