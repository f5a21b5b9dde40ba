"""What Stripe's errors come to: a refusal where nothing was done, else that nobody knows. It asks nobody anything."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import stripe

from app.telemetry.logging import logger
from app.usecases.payment_gateway import Bill, Declined, RefundRefused, Unknown

UNEXPECTED_STATE = "payment_intent_unexpected_state"
"""The intent has come further meanwhile than the request supposes."""

UNPAYABLE = ("amount_too_small", "amount_too_large")
"""No intent can be made for such a bill, today or tomorrow: there is no charge and never will be one."""

UNREFUNDABLE = (
    "charge_already_refunded",
    "charge_disputed",
    "charge_not_refundable",
    "refund_disputed_payment",
    "balance_insufficient",
)
"""Stripe refuses such a refund before it does anything, and keeps no trace of it."""

_OURS = (
    stripe.AuthenticationError,
    stripe.PermissionError,
    stripe.InvalidRequestError,
    stripe.IdempotencyError,
)
"""A key, a permission or a request that is wrong stays wrong until somebody mends it: the log says so loudly."""

_log = logger("payments")


def about_charge(bill: Bill, error: stripe.StripeError) -> Declined | Unknown:
    """What is known of a bill's charge after an error."""
    code = code_of(error)
    return Declined(code) if code in UNPAYABLE else _nobody_knows(bill, error)


def about_refund(bill: Bill, error: stripe.StripeError) -> RefundRefused | Unknown:
    """What is known of a refund after an error."""
    code = code_of(error)
    return RefundRefused(code) if code in UNREFUNDABLE else _nobody_knows(bill, error)


def about_refused_refund(bill: Bill, error: stripe.InvalidRequestError) -> RefundRefused | Unknown:
    """Stripe will not make such a refund, and none was found: nothing was given back. Not every refusal has a code.

    A charge that it does not know is no refusal: it may be another account's, whose key was set by mistake.
    """
    if code_of(error) == "resource_missing":
        return _nobody_knows(bill, error)
    return RefundRefused(code_of(error) or ("amount_too_large" if error.param == "amount" else "refund_refused"))


def is_kept(error: stripe.APIError) -> bool:
    """Whether Stripe keeps this failure under the request's key: it gives it again, whatever came of the request."""
    return was_replayed(error.headers)


def was_replayed(headers: Mapping[str, str] | None) -> bool:
    """Whether an answer is that of an earlier request under the same key."""
    return (headers or {}).get("Idempotent-Replayed") == "true"


def said(error: stripe.StripeError) -> str:
    """An error in a few words, without what Stripe quotes of the request."""
    cause = type(error.__cause__).__name__ if error.__cause__ else ""
    words = (type(error).__name__, cause, error.http_status, code_of(error), error.request_id)
    return " ".join(str(word) for word in words if word)


def code_of(error: stripe.StripeError) -> str:
    """Stripe's code; the library passes it on for some classes of errors only."""
    return str(details(error).get("code") or "")


def details(error: stripe.StripeError) -> dict[str, Any]:
    """The `error` of an answer's body, empty where there was no such answer."""
    body = error.json_body
    found = body.get("error") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _nobody_knows(bill: Bill, error: stripe.StripeError) -> Unknown:
    log = _log.error if isinstance(error, _OURS) else _log.warning
    log("stripe gave no answer", order_id=str(bill.order_id), error=said(error), message=error.user_message)
    return Unknown(said(error), is_for_review=isinstance(error, stripe.IdempotencyError))
