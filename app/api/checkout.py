"""POST /checkout/quote and POST /checkout/: buy with points and cash, for the token's own user."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from flask import Response
from marshmallow import Schema, fields, validate

from app.api.bodies import answer
from app.api.context import house, principal
from app.api.documents import Blueprint
from app.api.fields import Instant, Text, whole
from app.api.idempotency import REQUEST, Key, Reply, keyed
from app.api.problems import CONTENT_TYPE, problem
from app.api.schemas import Problem
from app.telemetry.metrics import CHECKOUTS
from app.usecases.check_out import Items, Purchase
from app.usecases.ports import Receipt
from app.usecases.settle_payment import OrderOutcome

MAX_LINES = 100
MAX_QUANTITY = 1000

blueprint = Blueprint("checkout", __name__, description="Buy with points and cash.")


class Item(Schema):
    """So many of a product."""

    product_id = whole(1, required=True)
    quantity = whole(1, MAX_QUANTITY, required=True)


class QuoteBody(Schema):
    """What a member thinks of buying."""

    items = fields.List(fields.Nested(Item), required=True, validate=validate.Length(1, MAX_LINES))
    points_to_use = whole(0, 1_000_000_000, load_default=0)


class CheckoutBody(QuoteBody):
    """What a member buys. `payment_method` may be left out when no cash is due."""

    payment_method = Text(load_default=None, validate=validate.Length(1, 255))
    expected_total = whole(0, load_default=None)


class Quote(Schema):
    """What an order would come to."""

    total = fields.Integer(required=True)
    points_available = fields.Integer(required=True)
    points_usable = fields.Integer(required=True)
    points_to_use = fields.Integer(required=True)
    cash_due = fields.Integer(required=True)
    points_to_earn = fields.Integer(required=True)
    currency = fields.String(required=True)


class Checkout(Schema):
    """What an order came to; `available` is the member's after it."""

    order_id = fields.UUID(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["paid", "pending"]))
    total = fields.Integer(required=True)
    points_used = fields.Integer(required=True)
    cash_due = fields.Integer(required=True)
    points_earned = fields.Integer(required=True)
    available = fields.Integer(required=True)
    currency = fields.String(required=True)
    created_at = Instant(required=True)
    client_secret = fields.String(metadata={"description": "With it the cardholder confirms the charge (3-D Secure)."})


@blueprint.route("/checkout/quote", methods=["POST"])
@blueprint.arguments(QuoteBody)
@blueprint.response(200, Quote)
def quoted(body: dict[str, Any]) -> Response:
    """What an order would come to. Nothing is written; points that checkout would refuse are refused."""
    quote = house().check_out.quote(principal().user_id, _items(body), body["points_to_use"])
    return answer(
        {
            "total": quote.total_minor,
            "points_available": quote.points_available,
            "points_usable": quote.points_usable,
            "points_to_use": quote.points_to_use,
            "cash_due": quote.cash_due_minor,
            "points_to_earn": quote.points_to_earn,
            "currency": quote.currency,
        }
    )


@blueprint.route("/checkout/", methods=["POST"])
@blueprint.arguments(CheckoutBody)
@blueprint.response(201, Checkout)
@blueprint.alt_response(202, schema=Checkout, description="The outcome of the charge is not known yet.")
@blueprint.alt_response(402, schema=Problem, content_type=CONTENT_TYPE, description="Declined. The points are back.")
@blueprint.keyed(is_required=True)
def bought(body: dict[str, Any]) -> Response:
    """Buy: 201 paid, 202 pending, 402 declined with the points back."""
    user = principal().user_id

    def run(key: Key) -> Reply:
        assert key.claimed is not None, "checkout always has a key"
        purchase = Purchase(
            user_id=user,
            key=key.text,
            fingerprint=key.claimed.fingerprint.hex(),
            items=_items(body),
            points_to_use=body["points_to_use"],
            payment_method=body["payment_method"],
            expected_total_minor=body["expected_total"],
            claim=None if key.is_taken else key.claimed,
        )

        def receipt(outcome: OrderOutcome) -> Receipt:
            kept = key.receipt(_reply(outcome))
            assert kept is not None, "checkout always has a key"
            return kept

        outcome = house().check_out(purchase, receipt)
        CHECKOUTS.labels(outcome.status).inc()
        return _reply(outcome)

    def later(given: dict[str, Any]) -> Reply | None:
        outcome = house().check_out.outcome(UUID(given["order_id"]))
        return _reply(outcome) if outcome else None

    response = keyed(run, is_required=True, later=later, is_taken_by_run=True)
    if response.status_code in (201, 202):
        response.headers["Location"] = f"/orders/{msgspec.json.decode(response.data)['order_id']}"
    return response


def _items(body: dict[str, Any]) -> Items:
    """Lines of one product are one line."""
    quantities: dict[int, int] = {}
    for item in body["items"]:
        quantities[item["product_id"]] = quantities.get(item["product_id"], 0) + item["quantity"]
    return tuple(quantities.items())


def _reply(outcome: OrderOutcome) -> Reply:
    if outcome.status == "failed":
        request_id = msgspec.Raw(REQUEST.encode())
        said = problem("payment_declined", order_id=outcome.order_id, reason=outcome.failure, request_id=request_id)
        return Reply.of(402, said, is_kept=outcome.is_answered)
    data = {
        "order_id": outcome.order_id,
        # A replay may come after a refund: the checkout itself was paid for all that.
        "status": "pending" if outcome.status == "pending" else "paid",
        "total": outcome.total_minor,
        "points_used": outcome.points_used,
        "cash_due": outcome.cash_due_minor,
        "points_earned": outcome.points_earned,
        "available": outcome.available,
        "currency": outcome.currency,
        "created_at": outcome.created_at,
        **({"client_secret": outcome.client_secret} if outcome.client_secret else {}),
    }
    return Reply.of(202 if outcome.status == "pending" else 201, data, is_kept=outcome.is_answered)
