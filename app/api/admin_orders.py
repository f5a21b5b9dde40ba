"""GET /admin/orders and POST /admin/orders/<order_id>/refunds: every purchase, and giving it back."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response
from marshmallow import Schema, fields, validate

from app.api import orders, paging, schemas
from app.api.context import house, principal
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, Reason, UserId, chosen, whole
from app.api.idempotency import Key, Reply, keyed
from app.usecases.ports import Receipt
from app.usecases.refund_order import RefundWanted
from app.usecases.settle_refund import RefundOutcome, refuse_failed

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


class RefundBody(Schema):
    """How much of the order's total to give back, in minor units; all that is left where it says nothing."""

    # Absent alone means all of it: a client that sends null has lost a number.
    amount = whole(1, load_default=None, allow_none=False)
    reason = Reason(required=True)


class Refund(Schema):
    """What a refund came to; `status` is the order's after it, or pending while the gateway has not answered."""

    refund_id = fields.UUID(required=True)
    order_id = fields.UUID(required=True)
    cash_refunded = fields.Integer(required=True)
    points_restored = fields.Integer(required=True)
    points_revoked = fields.Integer(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["pending", "partially_refunded", "refunded"]))
    currency = fields.String(required=True)


@blueprint.route("/admin/orders/<order_id>/refunds", methods=["POST"])
@blueprint.arguments(RefundBody)
@blueprint.response(201, Refund)
@blueprint.alt_response(202, schema=Refund, description="The outcome of the refund is not known yet.")
@blueprint.keyed(is_required=True)
def refunded(body: dict[str, Any], order_id: str) -> Response:
    """Give an order back, whole or in part: cash and points in proportion."""
    wanted_id, actor = orders.order_id_of(order_id), principal().user_id

    def run(key: Key) -> Reply:
        def receipt(outcome: RefundOutcome) -> Receipt:
            kept = key.receipt(_reply(outcome))
            assert kept is not None, "refunds always have a key"
            return kept

        wanted = RefundWanted(wanted_id, body["amount"], body["reason"], actor, key.text)
        return _reply(house().refund_order(wanted, receipt))

    def later(given: dict[str, Any]) -> Reply | None:
        outcome = house().refund_order.outcome(wanted_id, UUID(given["refund_id"]))
        return _reply(refuse_failed(outcome)) if outcome else None

    return keyed(run, is_required=True, later=later)


def _reply(outcome: RefundOutcome) -> Reply:
    data = {
        "refund_id": outcome.refund_id,
        "order_id": outcome.order_id,
        "cash_refunded": outcome.cash_refunded_minor,
        "points_restored": outcome.points_restored,
        "points_revoked": outcome.points_revoked,
        "status": outcome.status,
        "currency": outcome.currency,
    }
    return Reply.of(202 if outcome.status == "pending" else 201, data)
