"""GET /admin/reviews and DELETE /admin/reviews/<order_id>: orders that a person should look at."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from app.api import orders, paging, schemas
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, chosen
from app.api.idempotency import Key, Reply, keyed
from app.domain.errors import DomainError

blueprint = Blueprint("admin_reviews", __name__, description="Orders that a person should look at.")


class Review(Schema):
    """An order whose charge or refund nobody has known for 72 hours, or that something contradicts: `reason` says what.

    `waiting_since` is from when on it waits for the gateway, if it does, `asked` how often that was asked in vain,
    `last_answer` what it said.
    """

    order_id = fields.UUID(required=True)
    user = fields.String(required=True, allow_none=True)
    status = fields.String(required=True)
    reason = fields.String(required=True)
    waiting_since = Instant(required=True, allow_none=True)
    asked = fields.Integer(required=True)
    next_at = Instant(required=True, allow_none=True)
    last_answer = fields.String(required=True, allow_none=True)
    cash_due = fields.Integer(required=True)
    cash_refunded = fields.Integer(required=True)
    currency = fields.String(required=True)
    created_at = Instant(required=True)


class Reviews(schemas.Page):
    """A page of them, newest order first."""

    items = fields.List(fields.Nested(Review), required=True)


class Query(Paged):
    """Which page, and which fields of each."""

    fields_ = chosen(Review)


@blueprint.route("/admin/reviews")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, Reviews)
def listed(query: dict[str, Any]) -> Response:
    """Orders up for review. Nothing settles them but news of the gateway's."""
    (after,) = paging.after(query["cursor"]) or [None]
    page = house().unsettled.reviews(house().clock(), query["limit"], after)
    return paging.listed([orders.shown(item) for item in page.items], page.next, query["fields"])


@blueprint.route("/admin/reviews/<order_id>", methods=["DELETE"])
@blueprint.response(204)
@blueprint.keyed(is_required=False)
def cleared(order_id: str) -> Response:
    """Somebody has looked at what contradicts an order. One that only waits stays until the gateway knows."""

    def run(key: Key) -> Reply:
        wanted = orders.order_id_of(order_id)
        if house().orders.find(wanted) is None:
            raise DomainError("unknown_order")
        house().recoveries.clear(wanted)
        return Reply(204, "")

    return keyed(run, is_required=False, content=request.get_data)
