"""POST /payments/webhooks/stripe: the gateway's own news, signed by it."""

from __future__ import annotations

from flask import Response, request
from marshmallow import Schema, fields

from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.domain.errors import DomainError
from app.payments import webhooks
from app.telemetry.logging import logger

blueprint = Blueprint("payments", __name__, description="For the payment gateway.", any_query=True)

_log = logger("payments")


class Heard(Schema):
    """What came of a message: settled, known, asked, review, unknown_order or ignored."""

    heard = fields.String(required=True)


@blueprint.route("/payments/webhooks/stripe", methods=["POST"])
@blueprint.response(200, Heard)
def stripe() -> Response:
    """Take in an event that Stripe signed. Its news is written once, however often it comes and in what order."""
    settings = house().settings
    if settings.payment_gateway != "stripe":
        raise DomainError("not_found")
    signature = request.headers.get("Stripe-Signature", "")
    try:
        news = webhooks.read(request.get_data(), signature, settings.stripe_webhook_secret, house().clock())
    except webhooks.BadSignature as error:
        raise DomainError("invalid_signature", reason=str(error)) from None
    except webhooks.NotAnEvent as error:
        _log.error("a signed message is no event as we know it", error=str(error)[:500])
        raise DomainError("bad_request") from None
    heard = house().hear_from_gateway(news) if news else "ignored"
    if news and heard in ("review", "unknown_order"):
        _log.error("a message of the gateway's contradicts our books", heard=heard, order_id=str(news.order_id))
    return answer({"heard": heard})
