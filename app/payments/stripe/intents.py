"""An order's PaymentIntent at Stripe: found, made, confirmed, cancelled. Every method gives it as JSON, as it stands
after; whatever Stripe does not answer is the library's StripeError.

One order has one intent. It is made under the order id as idempotency key, from the bill alone, so making it again is
how to find it: for as long as Stripe keeps its keys, that is strictly consistent. Older ones are looked up in the list
of intents, for the search is behind by minutes, and merchants in India have none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid5

import stripe

from app.payments.stripe import answers, errors
from app.payments.stripe.answers import Json
from app.telemetry.logging import logger
from app.usecases.payment_gateway import Bill

if TYPE_CHECKING:
    from stripe.params import PaymentIntentListParamsCreated as Window

KEYS_LIVE = timedelta(hours=23)
"""Stripe prunes idempotency keys once they are 24 hours old; an hour is left for clocks and slow requests."""

CLOCKS_APART = timedelta(minutes=5)
"""How far Stripe's clock may be from ours; also how soon after its order an intent is nearly always made."""

PAGE = 100
"""Objects to a page of a list: the most that Stripe gives."""

_log = logger("payments")


class PaymentIntents:
    """The intents of one account's orders."""

    def __init__(self, client: stripe.StripeClient, clock: Callable[[], datetime]) -> None:
        self._intents = client.v1.payment_intents
        self._clock = clock

    def find(self, bill: Bill) -> Json | None:
        """The order's intent, which may be made for it; None where an old bill has none."""
        is_old = self._clock() - bill.placed_at >= KEYS_LIVE
        return self._look_up(bill) if is_old else self.make(bill)

    def make(self, bill: Bill) -> Json:
        """The order's intent, unconfirmed if it is new: that charges nobody."""
        try:
            return self._make(bill, str(bill.order_id))
        except stripe.APIError as error:
            if not errors.is_kept(error):
                raise
        # The first request failed, before it made one or after, and Stripe says so again for as long as keys live.
        return self._look_up(bill) or self._make(bill, f"{bill.order_id}-again")

    def confirm(self, bill: Bill, intent: Json, payment_method: str) -> Json:
        """Charge. What is declined is cancelled, so that nothing can confirm it any more."""
        key = uuid5(bill.order_id, f"{intent['id']} {payment_method}")
        try:
            confirmed = self._intents.confirm(
                intent["id"], {"payment_method": payment_method}, {"idempotency_key": f"confirm-{key}"}
            )
        except stripe.CardError as error:
            return self.cancel(intent, answers.failure_code(errors.details(error)))
        except stripe.InvalidRequestError as error:
            if error.code == errors.UNEXPECTED_STATE:
                return self._present(intent["id"])
            # It was not carried out, whatever is wrong with it; once the intent is cancelled it never will be.
            _log.warning("a confirmation was refused", order_id=str(bill.order_id), error=errors.said(error))
            is_method_unknown = error.code == "resource_missing" and error.param == "payment_method"
            reason = "payment_method_unknown" if is_method_unknown else error.code or "payment_method_refused"
            return self.cancel(intent, reason)
        return self._now(confirmed)

    def cancel(self, intent: Json, reason: str | None) -> Json:
        """Bring it to an end, with the reason of the decline if it had one; it may turn out to have succeeded."""
        # Under no key of ours: cancelling twice is harmless, and a failure that Stripe stored would stay for a day.
        try:
            if reason:
                self._intents.update(intent["id"], {"metadata": {answers.REFUSED: reason}})
            return plain(self._intents.cancel(intent["id"]))
        except stripe.InvalidRequestError as error:
            if error.code != errors.UNEXPECTED_STATE:
                raise
            return self._present(intent["id"])

    def _make(self, bill: Bill, key: str) -> Json:
        made = self._intents.create(
            {
                "amount": bill.amount_minor,
                "currency": bill.currency.lower(),
                "allowed_payment_method_types": ["card"],
                "metadata": {answers.ORDER: str(bill.order_id)},
            },
            {"idempotency_key": key},
        )
        return self._now(made)

    def _look_up(self, bill: Bill) -> Json | None:
        first, soon = (int((bill.placed_at + apart).timestamp()) for apart in (-CLOCKS_APART, CLOCKS_APART))
        # Nearly all are found in the few minutes around their order; the rest is read only for those that are not.
        windows: tuple[Window, ...] = ({"gte": first, "lt": soon}, {"gte": soon})
        for window in windows:
            for intent in self._intents.list({"created": window, "limit": PAGE}).auto_paging_iter():
                found = plain(intent)
                if answers.order_of(found) == bill.order_id:
                    return found
        return None

    def _now(self, intent: stripe.PaymentIntent) -> Json:
        """As it is now: an answer that Stripe replays is as old as the request that it first answered."""
        found, answer = plain(intent), intent.last_response
        return self._present(intent.id) if answer and errors.was_replayed(answer.headers) else found

    def _present(self, intent_id: str) -> Json:
        return plain(self._intents.retrieve(intent_id))


def plain(thing: Any) -> Json:
    """The JSON of one of the library's objects. Raises APIError for one that says neither what nor how it is."""
    found: Json = thing.to_dict() if isinstance(thing, stripe.StripeObject) else {}
    if not (found.get("id") and found.get("status")):
        raise stripe.APIError("an object without an id or a status")
    return found
