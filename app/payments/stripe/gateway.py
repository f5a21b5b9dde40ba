"""Charges cards at Stripe, by its official library.

A charge is two calls: the order's PaymentIntent is made, which charges nobody, then confirmed with a payment method.
Declined is said only of an intent that is cancelled. Nothing is tried again here: whoever asks does that, at a pace of
their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING
from uuid import UUID

import requests
import stripe

from app.payments.stripe import answers, errors
from app.payments.stripe.answers import Json
from app.payments.stripe.intents import PAGE, PaymentIntents, plain
from app.usecases.payment_gateway import (
    Absent,
    Bill,
    Charged,
    Declined,
    GatewayUnreachable,
    Refunded,
    RefundRefused,
    StatementLine,
    Unknown,
)

if TYPE_CHECKING:
    from stripe.params import ChargeListParamsCreated as Window
    from stripe.params import RefundCreateParams

TIMEOUT_S = 20.0
"""For each call. Issuers answer within seconds, at worst ten; a customer who waits for longer has gone."""


def _now() -> datetime:
    return datetime.now(UTC)


class StripeGateway:
    """Stripe behind the port. Open it in the process that uses it, not before a fork."""

    name = "stripe"

    def __init__(
        self,
        api_key: str,
        api_base: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        # The library would else write an id of this machine into its user's home, and send it along.
        stripe.enable_telemetry = False
        # One session for all threads: the library's own are a thread's each, and close() would close but one.
        self._session = requests.Session()
        client = stripe.StripeClient(
            api_key,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeout_s, session=self._session),
        )
        self._intents = PaymentIntents(client, clock)
        self._refunds = client.v1.refunds
        self._charges = client.v1.charges

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        """Confirm the order's intent, unless it has come further already."""
        try:
            return _ended(bill, self._charge(bill, payment_method))
        except stripe.StripeError as error:
            return errors.about_charge(bill, error)

    def outcome(self, bill: Bill) -> Charged | Declined | Absent | Unknown:
        """How the order's intent stands. To find it may make it, unconfirmed."""
        try:
            intent = self._intents.find(bill)
        except stripe.StripeError as error:
            return errors.about_charge(bill, error)
        return answers.standing(bill, intent) if intent else Absent()

    def void(self, bill: Bill) -> Charged | Declined | Unknown:
        """Cancel the order's intent; where there is none, make one that is, for whatever may come late."""
        try:
            intent = self._intents.find(bill) or self._intents.make(bill)
            if intent["status"] not in answers.FINAL:
                intent = self._intents.cancel(intent, answers.failure(intent))
            return _ended(bill, intent)
        except stripe.StripeError as error:
            return errors.about_charge(bill, error)

    def refund(
        self, bill: Bill, charge_id: str, refund_id: UUID, amount_minor: int
    ) -> Refunded | RefundRefused | Unknown:
        """Give back a part, unless a refund of that id is found: Stripe's keys are forgotten after a day."""
        try:
            refund = self._find_refund(charge_id, refund_id)
        except stripe.StripeError as error:
            return errors.about_refund(bill, error)
        try:
            refund = refund or self._make_refund(bill, charge_id, refund_id, amount_minor)
        except stripe.InvalidRequestError as error:
            return errors.about_refused_refund(bill, error)
        except stripe.StripeError as error:
            return errors.about_refund(bill, error)
        return answers.refunded(refund, amount_minor)

    def statement(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        """The charges of the account that succeeded, newest first; ours and whoever else's it serves."""
        # Stripe's instants are whole seconds: those that are not before a bound begin with the next whole one.
        created: Window = {"gte": ceil(since.timestamp()), "lt": ceil(until.timestamp())}
        try:
            for charge in self._charges.list({"created": created, "limit": PAGE}).auto_paging_iter():
                found = plain(charge)
                if found["status"] == "succeeded" and found["captured"]:
                    yield answers.statement_line(found)
        except stripe.StripeError as error:
            raise GatewayUnreachable(errors.said(error)) from error

    def close(self) -> None:
        """Hang up."""
        self._session.close()

    def _charge(self, bill: Bill, payment_method: str) -> Json:
        intent = self._intents.find(bill) or self._intents.make(bill)
        if not isinstance(answers.standing(bill, intent), Absent):
            return intent
        if reason := answers.failure(intent):
            return self._intents.cancel(intent, reason)  # what was declined once stays declined
        return self._intents.confirm(bill, intent, payment_method)

    def _find_refund(self, charge_id: str, refund_id: UUID) -> Json | None:
        for refund in self._refunds.list({"payment_intent": charge_id, "limit": PAGE}).auto_paging_iter():
            found = plain(refund)
            if answers.metadata(found, answers.REFUND) == str(refund_id):
                return found
        return None

    def _make_refund(self, bill: Bill, charge_id: str, refund_id: UUID, amount_minor: int) -> Json:
        wanted: RefundCreateParams = {
            "payment_intent": charge_id,
            "amount": amount_minor,
            "metadata": {answers.ORDER: str(bill.order_id), answers.REFUND: str(refund_id)},
        }
        key = f"refund-{refund_id}"
        try:
            return plain(self._refunds.create(wanted, {"idempotency_key": key}))
        except stripe.APIError as error:
            if not errors.is_kept(error):
                raise
        # As with an intent: it failed for good under its key, before it was made or after.
        found = self._find_refund(charge_id, refund_id)
        return found or plain(self._refunds.create(wanted, {"idempotency_key": f"{key}-again"}))


def _ended(bill: Bill, intent: Json) -> Charged | Declined | Unknown:
    """How an intent stands after all was tried to bring it to an end."""
    answer = answers.standing(bill, intent)
    return Unknown(f"the payment intent {intent['status']}") if isinstance(answer, Absent) else answer
