"""Stripe's webhooks: whether a message is Stripe's and of now, and what it says of an order. Pure but for the
library's signature code, which is imported when first needed; it asks nobody and writes nothing.

Only what is for good is told as a fact: that an intent succeeded, or was cancelled. All else is a reason to ask Stripe
itself, so that the order in which messages arrive, and how often, does not matter.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal

from app.payments.stripe import answers
from app.usecases.hear_from_gateway import GatewayNews

TOLERANCE_S = 300
"""How old a signature may be, and how far ahead: Stripe's own measure for the past, and clocks err both ways."""

# Not payment_intent.created: asking then would find an intent that nobody has confirmed yet, and give it up.
_KINDS: dict[str, Literal["charged", "voided", "refund_failed", "ask"]] = {
    "payment_intent.succeeded": "charged",
    "payment_intent.canceled": "voided",
    "payment_intent.payment_failed": "ask",
    "payment_intent.processing": "ask",
    "payment_intent.requires_action": "ask",
    "refund.created": "ask",
    "refund.updated": "ask",
    "refund.failed": "refund_failed",
    "charge.refund.updated": "ask",
}


class BadSignature(Exception):
    """The message is not Stripe's, or not of now."""


class NotAnEvent(Exception):
    """The message is signed, but is not an event as Stripe describes one."""


def read(payload: bytes, signature: str, secret: str, now: datetime) -> GatewayNews | None:
    """What a webhook's body says, given its `Stripe-Signature` header; None if it says nothing of an order of ours.

    Raises BadSignature and NotAnEvent.
    """
    _verify(payload, signature, secret, now)
    try:
        event = json.loads(payload)
        if event["object"] != "event":
            raise NotAnEvent("the body is no event")
        kind, thing = _KINDS.get(event["type"]), event["data"]["object"]
        order_id = answers.order_of(thing)
        if kind is None or order_id is None:
            return None
        return GatewayNews(
            kind=kind,
            order_id=order_id,
            charge_id=_text(thing.get("payment_intent") or thing["id"]),
            amount_minor=_whole(thing["amount_received"] if kind == "charged" else thing["amount"]),
            currency=_text(thing["currency"]).upper(),
            reason=answers.decline_reason(thing) if kind == "voided" else event["type"],
            refund_id=answers.refund_of(thing),
        )
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise NotAnEvent(f"the body is not as an event is: {error!r}") from error


def _verify(payload: bytes, signature: str, secret: str, now: datetime) -> None:
    from stripe import SignatureVerificationError, WebhookSignature  # noqa: PLC0415

    try:
        # Its own look at the age covers the past alone, and by a clock of its own.
        WebhookSignature.verify_header(payload, signature, secret, tolerance=None)
        # The first one, which is the one that the signature was made with.
        at = next(int(part[2:]) for part in signature.split(",") if part.startswith("t="))
    except (SignatureVerificationError, ValueError, TypeError) as error:
        raise BadSignature("the signature does not fit the body") from error
    if abs(now.timestamp() - at) > TOLERANCE_S:
        raise BadSignature(f"the signature is more than {TOLERANCE_S} s old or ahead")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not a text")
    return value


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value
