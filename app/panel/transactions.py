"""The feed: every movement of points, as it happens; narrowed, and as a file."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, Response, render_template, request

from app.panel.context import house
from app.panel.formats import TYPES
from app.panel.inputs import Filters, choice, day, ends, sought, starts
from app.panel.paging import ROWS, address, after, older
from app.projections.pages import Item
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
    page = house().transactions.page(ROWS, after(), _narrowed(form))
    csv = address("transactions.exported", {**request.args.to_dict(), "after": None})
    shown = {"form": form, "lines": page.items, "older": older(page.next), "csv": csv, "seen": None}
    return render_template("transactions.html", **shown, **_live(page.items))


@blueprint.get("/transactions/newer")
def newer() -> str | tuple[str, int]:
    """The newest lines as rows, if there is one past the id `seen`; else 204, which changes nothing on the page."""
    seen = request.args.get("seen", 0, type=int)
    page = house().transactions.page(ROWS, None, _narrowed(Wanted(request.args)))
    if not page.items or page.items[0]["id"] <= seen:
        return "", 204
    return render_template("transactions_lines.html", lines=page.items, seen=seen, **_live(page.items))


@blueprint.get("/transactions.csv")
def exported() -> Response:
    """All lines that the filters let through, for a spreadsheet."""
    lines = csv_lines(house().transactions.all(_narrowed(Wanted(request.args))), COLUMNS)
    response = Response(lines, content_type=f"{CSV}; charset=utf-8")
    response.headers["Content-Disposition"] = "attachment; filename=transactions.csv"
    return response


def _narrowed(form: Wanted) -> Narrowed:
    """What the form asks for. What cannot be (a day that is none, an order's id that is none) finds nothing."""
    wanted = {name: (form[name].data or None) for name in ("user", "type", "reason")}
    return Narrowed(
        **wanted, order_id=_order_id(form.order_id.data), since=starts(form.since.data), until=ends(form.until.data)
    )


def _order_id(text: str | None) -> UUID | None:
    try:
        return UUID(text.strip()) if text and text.strip() else None
    except ValueError:
        return NO_ORDER


def _live(lines: list[Item]) -> dict[str, str | None]:
    """Where the page asks for newer lines; only the first page does."""
    newest = lines[0]["id"] if lines else 0
    asked = {**request.args.to_dict(), "seen": str(newest)}
    return {"poll": None if after() else address("transactions.newer", asked)}
