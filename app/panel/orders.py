"""Orders: what was bought, what it earned and took, how it went, and giving it back."""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, abort, render_template, request
from wtforms import StringField

from app.panel.context import house
from app.panel.formats import STATUSES
from app.panel.inputs import Filters, choice, day, ends, starts
from app.panel.paging import ROWS, after, older

blueprint = Blueprint("orders", __name__)


class Wanted(Filters):
    """What narrows the list."""

    user = StringField("Member")
    status = choice("Status", STATUSES, "every status")
    since = day("From")
    until = day("To")


@blueprint.get("/orders")
def listed() -> str:
    """Orders, newest first."""
    form = Wanted(request.args)
    page = house().orders.page(
        ROWS,
        after(),
        user=form.user.data or None,
        status=form.status.data or None,
        since=starts(form.since.data),
        until=ends(form.until.data),
    )
    return render_template("orders.html", form=form, orders=page.items, older=older(page.next))


@blueprint.get("/orders/<uuid:order_id>")
def one(order_id: UUID) -> str:
    """One order."""
    order = house().orders.find(order_id)
    if order is None:
        abort(404)
    return render_template("order.html", order=order)
