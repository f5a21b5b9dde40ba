"""Charges at Stripe: the wire, the states of an intent, 3-D Secure, and bills that are older than Stripe's keys."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

import pytest

from app.payments.stripe.gateway import StripeGateway
from app.usecases.payment_gateway import (
    Absent,
    ActionNeeded,
    Bill,
    Charged,
    Declined,
    Unknown,
)
from tests.contracts.stripe.bills import CONFIRM, DAY, DECLINED, MAKE, VISA, new_bill, only
from tests.support.clock import Clock
from tests.support.stripe_books import AUTHENTICATION_REQUIRED
from tests.support.stripe_faults import (
    reset_after,
)
from tests.support.stripe_server import StripeServer


def test_the_intent_is_made_of_the_bill_alone_under_the_order_id(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    gateway.charge(bill, VISA)
    made, confirmed = server.calls
    assert made.key == str(bill.order_id)
    assert made.params == {
        "amount": "47000",
        "currency": "inr",
        "allowed_payment_method_types": {"0": "card"},
        "metadata": {"order_id": str(bill.order_id)},
    }
    assert confirmed.params == {"payment_method": VISA}
    assert confirmed.key not in (None, made.key)


def test_the_version_spoken_is_the_one_that_was_written_for_and_nothing_is_told_of_this_machine(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    gateway.charge(bill, VISA)
    for call in server.calls:
        assert call.headers["Stripe-Version"].endswith(".endive")
        assert not {"telemetry_id", "platform"} & set(json.loads(call.headers["X-Stripe-Client-User-Agent"]))


def test_a_new_order_costs_two_calls(gateway: StripeGateway, server: StripeServer, bill: Bill) -> None:
    charged = gateway.charge(bill, VISA)
    assert isinstance(charged, Charged)
    assert server.asked() == [MAKE, f"{MAKE}/{charged.charge_id}/confirm"]


@pytest.mark.parametrize(
    ("method", "reason"),
    [
        (DECLINED, "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
        ("pm_nobody_knows", "payment_method_unknown"),
    ],
)
def test_a_decline_says_why_and_cancels_the_intent(
    gateway: StripeGateway, server: StripeServer, bill: Bill, method: str, reason: str
) -> None:
    assert gateway.charge(bill, method) == Declined(reason)
    assert only(server.books.intents)["status"] == "canceled"
    assert gateway.charge(bill, VISA) == gateway.outcome(bill) == Declined(reason)


def test_what_is_too_little_to_charge_is_declined_for_good(
    gateway: StripeGateway, server: StripeServer, clock: Clock
) -> None:
    small = new_bill(clock(), 49)
    assert gateway.charge(small, VISA) == gateway.outcome(small) == gateway.void(small) == Declined("amount_too_small")
    assert server.books.intents == {}


# 3-D Secure


def test_a_card_that_must_be_authenticated_gives_its_secret(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    asked = gateway.charge(bill, AUTHENTICATION_REQUIRED)
    assert isinstance(asked, ActionNeeded)
    assert asked.client_secret == only(server.books.intents)["client_secret"] != ""
    assert gateway.outcome(bill) == asked


def test_once_the_cardholder_has_acted_it_is_charged_whatever_was_said_before(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    gateway.charge(bill, AUTHENTICATION_REQUIRED)
    intent_id = only(server.books.intents)["id"]
    server.books.authenticate(intent_id)
    assert gateway.charge(bill, AUTHENTICATION_REQUIRED) == gateway.outcome(bill) == Charged(intent_id)
    assert gateway.void(bill) == Charged(intent_id)


@pytest.mark.parametrize("again", ["charge", "void"])
def test_a_failed_authentication_is_a_decline_once_it_is_made_final(
    gateway: StripeGateway, server: StripeServer, bill: Bill, again: str
) -> None:
    gateway.charge(bill, AUTHENTICATION_REQUIRED)
    server.books.authenticate(only(server.books.intents)["id"], succeeds=False)
    assert gateway.outcome(bill) == Absent(), "it could still be confirmed with another card"
    answer = gateway.charge(bill, VISA) if again == "charge" else gateway.void(bill)
    assert answer == gateway.outcome(bill) == Declined("payment_intent_authentication_failure")


def test_an_authentication_that_nobody_finishes_can_be_voided(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    gateway.charge(bill, AUTHENTICATION_REQUIRED)
    assert gateway.void(bill) == Declined("voided")


# What contradicts the bill


def test_a_charge_of_another_sum_is_for_review_and_never_paid(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    server.books.short_by = 1
    for ask in (partial(gateway.charge, bill, VISA), partial(gateway.outcome, bill), partial(gateway.void, bill)):
        answer = ask()
        assert isinstance(answer, Unknown)
        assert answer.is_for_review


def test_a_charge_in_another_currency_is_for_review(gateway: StripeGateway, server: StripeServer, bill: Bill) -> None:
    gateway.charge(bill, VISA)
    only(server.books.intents)["currency"] = "usd"
    answer = gateway.outcome(bill)
    assert isinstance(answer, Unknown)
    assert answer.is_for_review


@pytest.mark.parametrize("days", [0, 2])
def test_another_sum_under_the_same_order_is_for_review_and_charges_nobody(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill, days: int
) -> None:
    gateway.outcome(bill)
    clock.move(days=days)
    answer = gateway.charge(Bill(bill.order_id, 48_000, "INR", bill.placed_at), VISA)
    assert isinstance(answer, Unknown)
    assert answer.is_for_review
    assert server.books.charges == {}


def test_a_charge_under_way_is_neither_final_nor_for_review(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    server.books.next_status.append("processing")
    answers = [gateway.charge(bill, VISA), gateway.outcome(bill), gateway.void(bill), gateway.charge(bill, VISA)]
    assert answers == [Unknown("the payment intent is processing")] * 4


# Bills that are older than Stripe's keys


def test_an_old_charge_is_found_among_all_others(gateway: StripeGateway, server: StripeServer, clock: Clock) -> None:
    bills = [new_bill(clock()) for _ in range(150)]
    charged = [gateway.charge(bill, VISA) for bill in bills]
    clock.move(days=40)
    assert [gateway.outcome(bills[at]) for at in (0, 75, 149)] == [charged[at] for at in (0, 75, 149)]
    assert gateway.charge(bills[0], VISA) == gateway.void(bills[0]) == charged[0]
    assert len(server.books.intents) == 150


def test_an_old_bill_that_was_never_charged_is_voided_by_an_intent_that_is_cancelled(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill
) -> None:
    clock.move(hours=23)
    assert gateway.outcome(bill) == Absent()
    assert server.books.intents == {}, "looking makes none"
    assert gateway.void(bill) == Declined("voided") == gateway.charge(bill, VISA)
    clock.move(days=3)
    assert gateway.void(bill) == gateway.charge(bill, VISA) == gateway.outcome(bill) == Declined("voided")
    assert only(server.books.intents)["status"] == "canceled"


@pytest.mark.parametrize("after", [timedelta(hours=22), timedelta(hours=24), 3 * DAY])
def test_what_was_unheard_is_found_however_late_it_is_asked_for(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill, after: timedelta
) -> None:
    server.faults.append((CONFIRM, reset_after))
    gateway.charge(bill, VISA)
    clock.move(seconds=after.total_seconds())
    assert gateway.outcome(bill) == gateway.charge(bill, VISA) == Charged(only(server.books.intents)["id"])
    assert len(server.books.charges) == 1
