"""The feed: every movement of points, as it happens; narrowed, and as a file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from app.panel.context import house
from app.panel.formats import TYPES
from app.panel.inputs import Filters, choice, day, ends, sought, starts
from app.panel.paging import ROWS, address, after
from app.projections.pages import Item, Page
from app.projections.transactions import COLUMNS
from app.projections.transactions import Filters as Narrowed
from app.web.spreadsheets import CSV, csv_lines

blueprint = Blueprint("transactions", __name__)

NO_ORDER = UUID(int=0)
"""No order has this id: what was asked for is none's."""


class Wanted(Filters):
    """What narrows the feed."""

    user = sought("Member")
    type = choice("Kind", TYPES, "every kind")
    order_id = sought("Order")
    since = day("From")
    until = day("To")
    reason = sought("Reason contains")


@blueprint.get("/transactions")
def listed() -> str:
    """The newest lines, or those older than `after`. The first page stays up to date by itself."""
    form = Wanted(request.args)
    csv = address("transactions.exported", {**request.args.to_dict(), "after": None})
    return render_template("transactions.html", form=form, csv=csv, **_shown(form, after()))


@blueprint.get("/transactions/newer")
def newer() -> str | tuple[str, int]:
    """The first page's lines, if there is one past the id `seen`; else 204, which changes nothing on the page."""
    seen = request.args.get("seen", 0, type=int)
    shown = _shown(Wanted(request.args), None)
    if _newest(shown["lines"]) <= seen:
        return "", 204
    return render_template("transactions_lines.html", **{**shown, "seen": seen})


@blueprint.get("/transactions.csv")
def exported() -> AnyResponse:
    """All lines that the filters let through, for a spreadsheet; what cannot be asked for is said on the page."""
    form = Wanted(request.args)
    if not form.validate():
        return redirect(address("transactions.listed", request.args.to_dict()), 303)
    response = Response(
        csv_lines(house().transactions.all(_narrowed(form)), COLUMNS), content_type=f"{CSV}; charset=utf-8"
    )
    response.headers["Content-Disposition"] = "attachment; filename=transactions.csv"
    return response


def _shown(form: Wanted, past: int | None) -> dict[str, Any]:
    """A page of lines, where the next one begins, and where a first page asks for newer lines."""
    page = house().transactions.page(ROWS, past, _narrowed(form)) if form.validate() else Page([], None)
    asked = {name: value for name, value in request.args.to_dict().items() if name != "seen"}
    further = address("transactions.listed", {**asked, "after": str(page.next[0])}) if page.next else None
    poll = address("transactions.newer", {**asked, "seen": str(_newest(page.items))}) if past is None else None
    return {"lines": page.items, "older": further, "poll": poll if not form.errors else None, "seen": None}


def _newest(lines: list[Item]) -> int:
    return max((line["id"] for line in lines), default=0)


def _narrowed(form: Wanted) -> Narrowed:
    """What a form that is in order asks for. An order's id that is none finds nothing."""
    wanted = {name: (form[name].data or None) for name in ("user", "type", "reason")}
    return Narrowed(
        **wanted, order_id=_order_id(form.order_id.data), since=starts(form.since.data), until=ends(form.until.data)
    )


def _order_id(text: str | None) -> UUID | None:
    try:
        return UUID(text.strip()) if text and text.strip() else None
    except ValueError:
        return NO_ORDER
