"""GET /admin/orders: every purchase, with the points it earned and redeemed."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import fields, validate

from app.api import orders, paging, schemas
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, UserId, chosen

blueprint = Blueprint("admin_orders", __name__, description="All purchases.")


class Query(Paged):
    """What narrows the list; `[since, until)` is when the order was placed."""

    fields_ = chosen(schemas.Order)
    user = UserId(load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(schemas.ORDER_STATUSES))
    since = Instant(load_default=None)
    until = Instant(load_default=None)


@blueprint.route("/admin/orders")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, schemas.Orders)
def listed(query: dict[str, Any]) -> Response:
    """Orders, newest first."""
    (after,) = paging.after(query["cursor"]) or [None]
    narrowed = {name: query[name] for name in ("user", "status", "since", "until")}
    return orders.listed(house().orders.page(query["limit"], after, **narrowed), query["fields"])
