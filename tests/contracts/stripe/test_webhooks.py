"""Stripe's webhooks: who is believed, and what a message comes to. The signatures are made by the published rule."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from stripe import WebhookSignature

from app.payments.stripe.gateway import StripeGateway
from app.payments.webhooks import BadSignature, NotAnEvent, read
from app.usecases.hear_from_gateway import GatewayNews
from app.usecases.payment_gateway import Bill, Charged
from tests.contracts.stripe.bills import DECLINED, VISA, only
from tests.support.clock import Clock
from tests.support.stripe_books import AUTHENTICATION_REQUIRED, Json
from tests.support.stripe_events import SECRET, event, signature
from tests.support.stripe_server import StripeServer

ORDER = uuid4()
INTENT: Json = {
    "id": "pi_1",
    "object": "payment_intent",
    "amount": 47_000,
    "amount_received": 47_000,
    "currency": "inr",
    "metadata": {"order_id": str(ORDER)},
    "status": "succeeded",
}
PAID = event("payment_intent.succeeded", INTENT)


def heard(clock: Clock, kind: str, thing: object) -> GatewayNews | None:
    """What a genuine message about an object says."""
    body = event(kind, thing)  # type: ignore[arg-type]
    return read(body, signature(body, clock()), SECRET, clock())


def refused(clock: Clock, payload: bytes, header: str, secret: str = SECRET) -> bool:
    try:
        read(payload, header, secret, clock())
    except BadSignature:
        return True
    return False


# Who is believed


def test_a_message_signed_now_is_believed(clock: Clock) -> None:
    assert not refused(clock, PAID, signature(PAID, clock()))


@pytest.mark.parametrize(("seconds", "is_refused"), [(-301, True), (-300, False), (300, False), (301, True)])
def test_a_signature_is_good_for_five_minutes_before_and_after(clock: Clock, seconds: int, is_refused: bool) -> None:
    assert refused(clock, PAID, signature(PAID, clock() + timedelta(seconds=seconds))) == is_refused


def test_an_old_message_is_not_made_new_by_another_time(clock: Clock) -> None:
    old = signature(PAID, clock() - timedelta(days=1))
    now = f"t={int(clock().timestamp())}"
    moved = old.split(",", 1)[1]
    assert all(refused(clock, PAID, header) for header in (f"{old},{now}", f"{now},{old}", f"{now},{moved}"))


@pytest.mark.parametrize("flipped", [0, len(PAID) // 2, len(PAID) - 1])
def test_a_changed_body_is_not_believed(clock: Clock, flipped: int) -> None:
    forged = PAID[:flipped] + bytes([PAID[flipped] ^ 1]) + PAID[flipped + 1 :]
    assert refused(clock, forged, signature(PAID, clock()))


def test_another_secret_is_not_believed(clock: Clock) -> None:
    assert refused(clock, PAID, signature(PAID, clock(), "whsec_other"))


def test_a_signature_of_an_older_scheme_alone_is_not_believed(clock: Clock) -> None:
    assert refused(clock, PAID, signature(PAID, clock()).replace("v1=", "v0="))


def test_one_good_signature_among_several_is_enough(clock: Clock) -> None:
    stamp, good, _ = signature(PAID, clock()).split(",")
    assert not refused(clock, PAID, f"{stamp},v1={'0' * 64},{good}"), "as while a secret is being rolled"


@pytest.mark.parametrize(
    "header",
    ["", "t=1", "v1=aa", "t=,v1=aa", "t=x,v1=aa", "t=1,v1=", "t=1,v1=é", ",,,", "=", "t=" + "9" * 5000 + ",v1=aa"],
)
def test_a_header_that_makes_no_sense_is_not_believed(clock: Clock, header: str) -> None:
    assert refused(clock, PAID, header)


def test_a_body_that_is_no_text_is_not_believed(clock: Clock) -> None:
    payload = b"\xff\xfe" + PAID
    assert refused(clock, payload, signature(payload, clock()))


def test_no_secret_believes_nothing(clock: Clock) -> None:
    assert refused(clock, PAID, signature(PAID, clock(), ""), "")


def test_the_library_signs_as_we_do(clock: Clock) -> None:
    theirs = WebhookSignature.generate_signature_header(PAID.decode(), SECRET, int(clock().timestamp()))
    assert signature(PAID, clock()).startswith(theirs)


# What is said


def test_an_intent_that_succeeded_is_charged(clock: Clock) -> None:
    assert heard(clock, "payment_intent.succeeded", INTENT) == GatewayNews(
        "charged", ORDER, "pi_1", 47_000, "INR", "payment_intent.succeeded"
    )


def test_what_came_in_counts_and_not_what_was_asked(clock: Clock) -> None:
    news = heard(clock, "payment_intent.succeeded", {**INTENT, "amount_received": 1, "currency": "usd"})
    assert news is not None
    assert (news.amount_minor, news.currency) == (1, "USD")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "voided"),
        ({"last_payment_error": {"code": "card_declined", "decline_code": "lost_card"}}, "lost_card"),
        ({"last_payment_error": {"code": "expired_card"}}, "expired_card"),
        ({"metadata": {"order_id": str(ORDER), "refused": "insufficient_funds"}}, "insufficient_funds"),
    ],
)
def test_an_intent_that_was_cancelled_is_voided_and_says_why(clock: Clock, fields: Json, reason: str) -> None:
    news = heard(clock, "payment_intent.canceled", {**INTENT, "status": "canceled", **fields})
    assert news == GatewayNews("voided", ORDER, "pi_1", 47_000, "INR", reason)


@pytest.mark.parametrize("kind", ["payment_failed", "processing", "requires_action"])
def test_what_is_not_for_good_is_a_reason_to_ask(clock: Clock, kind: str) -> None:
    news = heard(clock, f"payment_intent.{kind}", {**INTENT, "status": "requires_payment_method"})
    assert news is not None
    assert (news.kind, news.order_id) == ("ask", ORDER)


@pytest.mark.parametrize("kind", ["refund.created", "refund.updated", "charge.refund.updated"])
def test_news_of_a_refund_is_a_reason_to_ask_about_its_order(clock: Clock, kind: str) -> None:
    refund = {"id": "re_1", "object": "refund", "amount": 5, "currency": "inr", "payment_intent": "pi_1"}
    news = heard(clock, kind, {**refund, "metadata": INTENT["metadata"]})
    assert news == GatewayNews("ask", ORDER, "pi_1", 5, "INR", kind)


@pytest.mark.parametrize(
    ("kind", "metadata"),
    [
        ("payment_intent.created", INTENT["metadata"]),
        ("charge.succeeded", INTENT["metadata"]),
        ("customer.created", INTENT["metadata"]),
        ("payment_intent.succeeded", {}),
        ("payment_intent.succeeded", None),
        ("payment_intent.succeeded", {"order_id": "shop-17"}),
    ],
)
def test_what_says_nothing_of_an_order_of_ours_is_passed_over(clock: Clock, kind: str, metadata: object) -> None:
    assert heard(clock, kind, {**INTENT, "metadata": metadata}) is None


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"[]",
        b"1",
        b'"event"',
        b"{}",
        b'{"object": "v2.core.event", "type": "payment_intent.succeeded"}',
        b'{"object": "event"}',
        b'{"object": "event", "type": "payment_intent.succeeded"}',
        b'{"object": "event", "type": "payment_intent.succeeded", "data": {"object": []}}',
        b'{"object": "event", "type": [], "data": {"object": {}}}',
        *(
            event("payment_intent.succeeded", {**INTENT, **fields})
            for fields in (
                {"amount_received": "47000"},
                {"amount_received": True},
                {"amount_received": 1.5},
                {"amount_received": None},
                {"currency": None},
                {"id": 7},
                {"metadata": "x"},
            )
        ),
    ],
)
def test_what_is_signed_but_no_event_is_told_apart(clock: Clock, payload: bytes) -> None:
    with pytest.raises(NotAnEvent):
        read(payload, signature(payload, clock()), SECRET, clock())


# With the gateway's own objects


def test_the_webhook_of_a_charge_says_what_the_reply_said(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill
) -> None:
    charged = gateway.charge(bill, VISA)
    assert isinstance(charged, Charged)
    news = heard(clock, "payment_intent.succeeded", only(server.books.intents))
    assert news is not None
    assert (news.kind, news.order_id, news.charge_id) == ("charged", bill.order_id, charged.charge_id)
    assert (news.amount_minor, news.currency) == (bill.amount_minor, bill.currency)


def test_the_webhook_of_a_decline_gives_the_reason_of_the_reply(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill
) -> None:
    declined = gateway.charge(bill, DECLINED)
    news = heard(clock, "payment_intent.canceled", only(server.books.intents))
    assert news is not None
    assert (news.kind, news.reason) == ("voided", getattr(declined, "reason", None))


def test_the_client_secret_is_no_part_of_the_news(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill
) -> None:
    gateway.charge(bill, AUTHENTICATION_REQUIRED)
    intent = only(server.books.intents)
    assert intent["client_secret"] not in repr(heard(clock, "payment_intent.requires_action", intent))


def test_the_order_of_fields_and_spaces_is_signed_as_it_came(clock: Clock) -> None:
    spaced = json.dumps(json.loads(PAID), indent=2, sort_keys=True).encode()
    assert read(spaced, signature(spaced, clock()), SECRET, clock()) == read(
        PAID, signature(PAID, clock()), SECRET, clock()
    )
