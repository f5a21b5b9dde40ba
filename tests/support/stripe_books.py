"""What Stripe keeps: payment intents, charges, refunds, and the rules by which they change. In memory, of one account.

Objects are JSON as the API version of the official library gives them, but for fields that nobody here reads.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]

DECLINES: Mapping[str, Json] = {
    "pm_card_chargeDeclined": {"code": "card_declined", "decline_code": "generic_decline"},
    "pm_card_chargeDeclinedInsufficientFunds": {"code": "card_declined", "decline_code": "insufficient_funds"},
    "pm_card_chargeDeclinedExpiredCard": {"code": "expired_card"},
}
AUTHENTICATION_REQUIRED = "pm_card_authenticationRequired"
METHODS = ("pm_card_visa", AUTHENTICATION_REQUIRED, *DECLINES)

CONFIRMABLE = ("requires_payment_method", "requires_confirmation")
CANCELABLE = (*CONFIRMABLE, "requires_action", "requires_capture")
SMALLEST = 50


class Refusal(Exception):
    """An error as the API words it. `is_validation`: found before anything was carried out, so nothing is stored."""

    def __init__(self, status: int, *, is_validation: bool = True, **error: Any) -> None:
        super().__init__(error)
        self.status = status
        self.is_validation = is_validation
        self.error: Json = {"type": "invalid_request_error", **error}


class StripeBooks:
    """Call it under one lock. `clock` gives Unix seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._numbers = itertools.count(1)
        self.intents: dict[str, Json] = {}
        self.charges: dict[str, Json] = {}
        self.refunds: dict[str, Json] = {}
        self.short_by = 0
        """How much less than asked the next charges take."""
        self.next_status: deque[str] = deque()
        """What the next confirmations or refunds come to, in place of succeeded."""

    def create_intent(self, params: Json) -> Json:
        """Make an intent; it charges nobody."""
        _known(params, "amount", "currency", "metadata", "allowed_payment_method_types")
        intent: Json = {
            **self._new("payment_intent", "pi"),
            "amount": _amount(params),
            "amount_received": 0,
            "canceled_at": None,
            "currency": params["currency"].lower(),
            "last_payment_error": None,
            "latest_charge": None,
            "metadata": params.get("metadata", {}),
            "payment_method_types": list(params.get("allowed_payment_method_types", {"0": "card"}).values()),
            "status": "requires_payment_method",
        }
        intent["client_secret"] = f"{intent['id']}_secret_1"
        self.intents[intent["id"]] = intent
        return intent

    def update_intent(self, intent: Json, params: Json) -> Json:
        """Merge metadata. As the reference says, any update clears what the last attempt failed of."""
        _known(params, "metadata")
        intent["metadata"] = {**intent["metadata"], **params["metadata"]}
        intent["last_payment_error"] = None
        return intent

    def confirm_intent(self, intent: Json, params: Json) -> Json:
        """Charge, by the rules of the test payment methods."""
        _known(params, "payment_method")
        method = params["payment_method"]
        if method not in METHODS:
            message = f"No such PaymentMethod: '{method}'"
            raise Refusal(400, code="resource_missing", param="payment_method", message=message)
        if intent["status"] not in CONFIRMABLE:
            raise _unexpected(intent, "confirm")
        if decline := DECLINES.get(method):
            self._decline(intent, decline)
            raise Refusal(
                402,
                is_validation=False,
                payment_intent=intent,
                **{**intent["last_payment_error"], "type": "card_error"},
            )
        if method == AUTHENTICATION_REQUIRED:
            intent["status"] = "requires_action"
        elif self.next_status:
            intent["status"] = self.next_status.popleft()
        else:
            self._take(intent)
        return intent

    def cancel_intent(self, intent: Json, params: Json) -> Json:
        """Bring it to an end, for good."""
        _known(params)
        if intent["status"] not in CANCELABLE:
            raise _unexpected(intent, "cancel")
        return self._change(intent, status="canceled", canceled_at=int(self._clock()), last_payment_error=None)

    def authenticate(self, intent_id: str, *, succeeds: bool = True) -> None:
        """The cardholder acts, or fails to."""
        intent = self.intents[intent_id]
        if succeeds:
            self._take(intent)
        else:
            self._decline(intent, {"code": "payment_intent_authentication_failure"})

    def create_refund(self, params: Json) -> Json:
        """Give back a part of what an intent took, never more than is left of it."""
        _known(params, "payment_intent", "amount", "metadata")
        intent = found(self.intents, params["payment_intent"], "payment_intent", param="payment_intent")
        charge, amount = self.charges.get(intent["latest_charge"] or ""), _amount(params)
        if charge is None or charge["status"] != "succeeded":
            raise Refusal(400, message="It does not have a successful charge to refund.")
        left = charge["amount_captured"] - charge["amount_refunded"]
        if left == 0:
            raise Refusal(400, is_validation=False, code="charge_already_refunded", message="It has been refunded.")
        if amount > left:
            raise Refusal(400, param="amount", message="Refund amount is greater than unrefunded amount on charge.")
        refund: Json = {
            **self._new("refund", "re"),
            "amount": amount,
            "charge": charge["id"],
            "currency": charge["currency"],
            "metadata": params.get("metadata", {}),
            "payment_intent": intent["id"],
            "status": self.next_status.popleft() if self.next_status else "succeeded",
        }
        if refund["status"] == "failed":
            refund["failure_reason"] = "expired_or_canceled_card"
        else:
            charge["amount_refunded"] += amount
        self.refunds[refund["id"]] = refund
        return refund

    def listed(self, kept: dict[str, Json], url: str, params: Json) -> Json:
        """A page, newest first."""
        _known(params, "limit", "starting_after", "created", "payment_intent")
        of, limit = params.get("payment_intent"), int(params.get("limit", 10))
        if not 1 <= limit <= 100:
            raise Refusal(400, code="parameter_invalid_integer", param="limit", message="Limit is 1 to 100.")
        matching = [
            thing
            for thing in reversed(kept.values())
            if of in (None, thing.get("payment_intent")) and _is_within(thing["created"], params.get("created", {}))
        ]
        if after := params.get("starting_after"):
            ids = [thing["id"] for thing in matching]
            matching = matching[ids.index(found(kept, after, "object", param="starting_after")["id"]) + 1 :]
        return {"object": "list", "url": url, "has_more": len(matching) > limit, "data": matching[:limit]}

    def _take(self, intent: Json) -> None:
        amount = intent["amount"] - self.short_by
        charge = self._charge(intent, status="succeeded", amount_captured=amount, captured=True)
        self._change(
            intent, status="succeeded", amount_received=amount, latest_charge=charge["id"], last_payment_error=None
        )

    def _decline(self, intent: Json, error: Json) -> None:
        charge = self._charge(intent, status="failed", amount_captured=0, captured=True)
        error = {"type": "card_error", "message": "It was declined.", "charge": charge["id"], **error}
        self._change(intent, status="requires_payment_method", latest_charge=charge["id"], last_payment_error=error)

    def _charge(self, intent: Json, **fields: Any) -> Json:
        own = {"amount_refunded": 0, "payment_intent": intent["id"], "metadata": dict(intent["metadata"])}
        charge = {**self._new("charge", "ch"), "amount": intent["amount"], "currency": intent["currency"], **own}
        self.charges[charge["id"]] = {**charge, **fields}
        return self.charges[charge["id"]]

    def _change(self, thing: Json, **fields: Any) -> Json:
        thing.update(fields)
        return thing

    def _new(self, kind: str, prefix: str) -> Json:
        number = f"{next(self._numbers):014d}"
        return {"id": f"{prefix}_{number}", "object": kind, "created": int(self._clock()), "livemode": False}


def found(kept: dict[str, Json], thing_id: str, kind: str, *, param: str | None = None) -> Json:
    """An object by its id; a parameter that names none is a bad request, a path that does is not found."""
    if thing_id not in kept:
        message = f"No such {kind}: '{thing_id}'"
        raise Refusal(400 if param else 404, code="resource_missing", param=param or "intent", message=message)
    return kept[thing_id]


def _known(params: Json, *names: str) -> None:
    for name in params:
        if name == "payment_method_types":
            code = "payment_method_types_no_longer_supported"
            raise Refusal(400, code=code, param=name, message="Use allowed_payment_method_types.")
        if name not in names:
            message = f"Received unknown parameter: {name}"
            raise Refusal(400, code="parameter_unknown", param=name, message=message)


def _amount(params: Json) -> int:
    raw = params.get("amount", "")
    if not (raw.isascii() and raw.isdigit() and int(raw) > 0):
        raise Refusal(400, code="parameter_invalid_integer", param="amount", message=f"Invalid integer: {raw}")
    if int(raw) < SMALLEST and "currency" in params:
        raise Refusal(400, code="amount_too_small", param="amount", message="Amount must be at least ₹0.50 inr")
    return int(raw)


def _unexpected(intent: Json, act: str) -> Refusal:
    message = f"You cannot {act} this PaymentIntent because it has a status of {intent['status']}."
    code = "payment_intent_unexpected_state"
    return Refusal(400, is_validation=False, code=code, message=message, payment_intent=intent)


def _is_within(created: int, bounds: Json) -> bool:
    return all(
        {"gte": created >= int(at), "gt": created > int(at), "lt": created < int(at), "lte": created <= int(at)}[bound]
        for bound, at in bounds.items()
    )
