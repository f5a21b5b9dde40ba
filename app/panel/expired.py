"""Expired points: what lapsed, what has lapsed and waits for the sweep, and what will lapse soon."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.panel.context import house
from app.panel.paging import ROWS, after, older
from app.projections.overview import SOON
from app.projections.transactions import Filters

blueprint = Blueprint("expired", __name__)


@blueprint.get("/expired")
def listed() -> str:
    """What is still to come and what waits stand on the first page alone; lapses, newest first, on all."""
    at, past = house().clock(), after()
    page = house().transactions.page(ROWS, past, Filters(type="expire"))
    return render_template(
        "expired.html",
        lines=page.items,
        older=older(page.next),
        is_first=past is None,
        unswept=house().lots.unswept(at) if past is None else None,
        lapsing=house().lots.lapsing(at, at + SOON, house().settings.zone) if past is None else [],
    )
