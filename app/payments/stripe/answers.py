"""What Stripe's objects say about a bill, in the words of the port. Pure: it knows JSON, and neither Stripe's library
nor the network.

A payment intent is believed by its status at this moment, and only where its sum is the bill's.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from app.usecases.payment_gateway import (
    Absent,
    ActionNeeded,
    Bill,
    Charged,
    Declined,
    Refunded,
    RefundRefused,
    StatementLine,
    Unknown,
)

Json = dict[str, Any]

ORDER, REFUND, REFUSED = "order_id", "refund_id", "refused"
"""The keys of our metadata. `refused` keeps why a payment was declined: Stripe clears its own record of that on the
next update of the intent."""

VOIDED = "voided"
"""The reason of an intent that was cancelled without an attempt, as the sandbox calls it."""

CONFIRMABLE = ("requires_payment_method", "requires_confirmation")
"""Nothing was charged and nothing is under way, but the next confirmation may charge."""

FINAL = ("succeeded", "canceled")


def standing(bill: Bill, intent: Json) -> Charged | Declined | Absent | Unknown:
    """What has become of the bill by the present status of its intent. Absent: it may be confirmed as it is."""
    match intent["status"]:
        case "succeeded":
            return _contradiction(bill, intent, "amount_received") or Charged(intent["id"])
        case "canceled":
            return Declined(decline_reason(intent))
        case "requires_action":
            return ActionNeeded("the cardholder must act first", client_secret=intent.get("client_secret") or "")
        case status if status in CONFIRMABLE:
            return _contradiction(bill, intent, "amount") or Absent()
        case status:
            return Unknown(f"the payment intent is {status}")


def _contradiction(bill: Bill, intent: Json, sum_field: str) -> Unknown | None:
    amount, currency = intent.get(sum_field), str(intent.get("currency")).upper()
    if (amount, currency) == (bill.amount_minor, bill.currency):
        return None
    said = f"{intent['id']} is over {amount} {currency}, not {bill.amount_minor} {bill.currency}"
    return Unknown(said, is_for_review=True)


def failure(intent: Json) -> str | None:
    """Why the last attempt was declined; None if there was none, or Stripe has forgotten it."""
    error = intent.get("last_payment_error") or {}
    return failure_code(error) if error else None


def failure_code(error: Json) -> str:
    """The issuer's own word where there is one, else Stripe's."""
    return str(error.get("decline_code") or error.get("code") or "declined")


def decline_reason(intent: Json) -> str:
    """Why a cancelled intent will never charge."""
    return metadata(intent, REFUSED) or failure(intent) or VOIDED


def refunded(refund: Json, amount_minor: int) -> Refunded | RefundRefused | Unknown:
    """What has become of a refund of so much."""
    if refund.get("amount") != amount_minor:
        return Unknown(f"{refund['id']} is of {refund.get('amount')}, not {amount_minor}", is_for_review=True)
    match refund.get("status"):
        case "succeeded":
            return Refunded(refund["id"])
        case "failed" | "canceled" as status:
            return RefundRefused(refund.get("failure_reason") or status)
        case status:
            return Unknown(f"the refund is {status}")


def statement_line(charge: Json) -> StatementLine:
    """A charge that succeeded. Its id is the payment intent's, as our orders keep it, wherever it has one."""
    return StatementLine(
        order_id=order_of(charge),
        charge_id=charge.get("payment_intent") or charge["id"],
        amount_minor=charge["amount_captured"],
        refunded_minor=charge["amount_refunded"],
        currency=charge["currency"].upper(),
        at=datetime.fromtimestamp(charge["created"], UTC),
    )


def order_of(thing: Json) -> UUID | None:
    """The order that an object of Stripe's names, None where it names none of ours."""
    return _id(thing, ORDER)


def refund_of(thing: Json) -> UUID | None:
    """The refund of ours that it names."""
    return _id(thing, REFUND)


def _id(thing: Json, key: str) -> UUID | None:
    try:
        return UUID(metadata(thing, key) or "")
    except ValueError:
        return None


def metadata(thing: Json, key: str) -> str | None:
    """A value of an object's metadata."""
    value = (thing.get("metadata") or {}).get(key)
    return value if isinstance(value, str) else None
