"""Buying with Stripe chosen: what the cardholder must do, and what its webhooks tell, over HTTP and real sockets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.config import Settings
from app.database import Database
from app.wiring import build, now
from tests.support import stripe_events, stripe_faults
from tests.support.http import Api, answered, bought, refused
from tests.support.stripe_server import API_KEY, StripeServer, stripe_server
from tests.support.tables import snapshot_of_tables

WITH_3DS = "pm_card_authenticationRequired"
Json = dict[str, Any]


@dataclass
class StripeShop:
    """An app that charges at Stripe, and Stripe."""

    api: Api
    stripe: StripeServer
    product: int

    def buy(self, method: str, key: str = "k") -> TestResponse:
        """ann buys for ₹470 and 30 points."""
        body = bought(self.product, points=30, payment_method=method)
        return self.api.as_customer("ann").post("/checkout/", body, key=key)

    def intent(self) -> Json:
        """The last payment intent."""
        return list(self.stripe.books.intents.values())[-1]

    def tell(self, kind: str, thing: Json | None = None, *, at: datetime | None = None, **forged: str) -> TestResponse:
        """Stripe sends a webhook about a thing, the last intent by default."""
        payload = stripe_events.event(kind, thing or self.intent())
        signed = forged.get("signature", stripe_events.signature(payload, at or now()))
        return self.api.nobody.send(
            "POST", "/payments/webhooks/stripe", data=payload, headers={"Stripe-Signature": signed}
        )

    def order(self) -> Json:
        """ann's last order."""
        order: Json = self.api.as_customer("ann").items("/user/orders")[0]
        return order

    def lines(self) -> list[str]:
        """The types of ann's lines, oldest first."""
        return [line["type"] for line in self.api.as_customer("ann").items("/user/transactions")][::-1]


@pytest.fixture
def shop(settings: Settings) -> Iterator[StripeShop]:
    with stripe_server() as stripe:
        chosen = replace(
            settings,
            payment_gateway="stripe",
            stripe_api_key=API_KEY,
            stripe_webhook_secret=stripe_events.SECRET,
            stripe_api_base=stripe.url,
        )
        house = build(chosen, clock=now)
        api = Api(house)
        api.grant("ann", 100)
        yield StripeShop(api, stripe, api.on_sale())
        house.close()


def test_a_good_card_is_charged_once_and_the_webhook_that_follows_changes_nothing(
    shop: StripeShop, owner: Database
) -> None:
    first = answered(shop.buy("pm_card_visa"), 201)
    assert shop.intent()["amount_received"] == 47_000
    assert shop.intent()["metadata"]["order_id"] == first["order_id"]
    before = snapshot_of_tables(owner)
    for _ in range(3):
        assert answered(shop.tell("payment_intent.succeeded")) == {"heard": "known"}
    assert snapshot_of_tables(owner) == before
    assert answered(shop.buy("pm_card_visa"), 201) == first


def test_a_declined_card_gives_the_points_back_and_nothing_can_be_charged_any_more(shop: StripeShop) -> None:
    body = refused(shop.buy("pm_card_chargeDeclined"), 402, "payment_declined")
    assert body["order_id"] == shop.order()["order_id"]
    assert shop.intent()["status"] == "canceled"
    assert shop.lines() == ["manual", "use", "restore"]
    answered(shop.tell("payment_intent.payment_failed"))
    answered(shop.tell("payment_intent.canceled"))
    assert shop.lines() == ["manual", "use", "restore"]


def test_a_card_that_needs_its_holder_gives_202_with_the_secret_and_the_webhook_makes_it_paid(shop: StripeShop) -> None:
    first = shop.buy(WITH_3DS)
    body = answered(first, 202)
    assert (body["status"], body["client_secret"]) == ("pending", shop.intent()["client_secret"])
    assert first.headers["Location"] == f"/orders/{body['order_id']}"
    assert answered(shop.buy(WITH_3DS), 202) == body, "the page was reloaded: the secret is still needed"
    answered(shop.tell("payment_intent.requires_action"))
    assert shop.order()["status"] == "pending"
    shop.stripe.books.authenticate(shop.intent()["id"])
    assert answered(shop.tell("payment_intent.succeeded")) == {"heard": "settled"}
    assert shop.order()["status"] == "paid"
    final = answered(shop.buy(WITH_3DS), 201)
    assert (final["status"], "client_secret" in final) == ("paid", False)
    assert shop.lines() == ["manual", "use", "earn"]


def test_a_holder_who_fails_gets_the_points_back(shop: StripeShop) -> None:
    answered(shop.buy(WITH_3DS), 202)
    shop.stripe.books.authenticate(shop.intent()["id"], succeeds=False)
    assert answered(shop.tell("payment_intent.payment_failed")) == {"heard": "asked"}
    assert shop.order()["status"] == "failed"
    assert shop.lines() == ["manual", "use", "restore"]
    refused(shop.buy(WITH_3DS), 402, "payment_declined")


def test_an_old_failure_that_arrives_after_the_success_changes_nothing(shop: StripeShop) -> None:
    answered(shop.buy(WITH_3DS), 202)
    failed_once = dict(shop.intent())
    shop.stripe.books.authenticate(shop.intent()["id"])
    answered(shop.tell("payment_intent.succeeded"))
    for kind in ("payment_intent.payment_failed", "payment_intent.requires_action"):
        assert answered(shop.tell(kind, failed_once)) == {"heard": "known"}
    assert shop.order()["status"] == "paid"
    assert shop.lines() == ["manual", "use", "earn"]


def test_a_charge_without_an_answer_is_settled_by_its_webhook(shop: StripeShop) -> None:
    shop.stripe.faults.append(("POST */confirm", stripe_faults.reset_after))
    assert answered(shop.buy("pm_card_visa"), 202)["status"] == "pending"
    assert answered(shop.tell("payment_intent.succeeded")) == {"heard": "settled"}
    assert shop.order()["status"] == "paid"
    assert shop.api.house.recover_payments(is_all=True).settled == {}


def test_a_charge_without_an_answer_is_settled_by_recovery_and_the_late_webhook_finds_it_so(shop: StripeShop) -> None:
    shop.stripe.faults.append(("POST */confirm", stripe_faults.reset_after))
    answered(shop.buy("pm_card_visa"), 202)
    assert shop.api.house.recover_payments(is_all=True).settled == {"paid": 1}
    assert answered(shop.tell("payment_intent.succeeded")) == {"heard": "known"}
    assert shop.lines() == ["manual", "use", "earn"]


@pytest.mark.parametrize("apart", [{"amount_received": 46_999}, {"currency": "usd"}])
def test_a_charge_that_is_not_what_the_order_owes_is_for_review_and_never_paid(shop: StripeShop, apart: Json) -> None:
    answered(shop.buy(WITH_3DS), 202)
    odd = {**shop.intent(), "status": "succeeded", "amount_received": 47_000, **apart}
    assert answered(shop.tell("payment_intent.succeeded", odd)) == {"heard": "review"}
    assert shop.order()["status"] == "pending"
    [review] = shop.api.auditor.items("/admin/reviews")
    assert review["order_id"] == shop.order()["order_id"]
    assert "not what the order owes" in review["reason"]


def test_a_charge_of_less_than_was_asked_for_is_for_review_when_it_is_the_reply(shop: StripeShop) -> None:
    shop.stripe.books.short_by = 1
    assert answered(shop.buy("pm_card_visa"), 202)["status"] == "pending"
    assert len(shop.api.auditor.items("/admin/reviews")) == 1
    shop.api.house.recover_payments(is_all=True)
    assert shop.order()["status"] == "pending"


def forged(shop: StripeShop) -> Iterator[Callable[[], TestResponse]]:
    """Messages that are not Stripe's, or not of now."""
    payload = stripe_events.event("payment_intent.succeeded", shop.intent())
    other = stripe_events.signature(payload, now(), secret="whsec_other")
    for signature in ("", "t=1,v1=00", "nonsense", other, stripe_events.signature(payload + b" ", now())):
        yield lambda signature=signature: shop.tell("payment_intent.succeeded", signature=signature)  # type: ignore[misc]
    for off in (timedelta(seconds=-310), timedelta(seconds=310)):
        yield lambda off=off: shop.tell("payment_intent.succeeded", at=now() + off)  # type: ignore[misc]


def test_what_stripe_did_not_sign_or_not_now_is_refused_and_writes_nothing(shop: StripeShop, owner: Database) -> None:
    answered(shop.buy(WITH_3DS), 202)
    shop.stripe.books.authenticate(shop.intent()["id"])
    before = snapshot_of_tables(owner)
    for send in forged(shop):
        refused(send(), 400, "invalid_signature")
    assert snapshot_of_tables(owner) == before
    assert answered(shop.tell("payment_intent.succeeded")) == {"heard": "settled"}


def test_what_is_signed_but_about_no_order_of_ours_is_taken_and_writes_nothing(
    shop: StripeShop, owner: Database
) -> None:
    answered(shop.buy("pm_card_visa"), 201)
    stranger = {**shop.intent(), "metadata": {"order_id": "4013b2ea-8a0f-5714-8fd6-5a9da70cc517"}}
    before = snapshot_of_tables(owner)
    assert answered(shop.tell("payment_intent.succeeded", stranger)) == {"heard": "unknown_order"}
    assert answered(shop.tell("payment_intent.succeeded", {**stranger, "metadata": {}})) == {"heard": "ignored"}
    assert answered(shop.tell("customer.created", {"id": "cus_1", "object": "customer"})) == {"heard": "ignored"}
    refused(shop.tell("payment_intent.succeeded", {"metadata": stranger["metadata"]}), 400, "bad_request")
    assert snapshot_of_tables(owner) == before


def test_a_refund_without_an_answer_is_settled_by_its_webhook(shop: StripeShop) -> None:
    order = answered(shop.buy("pm_card_visa"), 201)["order_id"]
    shop.stripe.faults.append(("POST */refunds", stripe_faults.reset_after))
    path, body = f"/admin/orders/{order}/refunds", {"reason": "A dent."}
    assert answered(shop.api.admin.post(path, body, key="r"), 202)["status"] == "pending"
    [refund] = shop.stripe.books.refunds.values()
    assert refund["amount"] == 47_000
    assert answered(shop.tell("refund.updated", refund)) == {"heard": "asked"}
    final = answered(shop.api.admin.post(path, body, key="r"), 201)
    assert (final["status"], final["cash_refunded"], final["points_restored"]) == ("refunded", 47_000, 30)
    assert len(shop.stripe.books.refunds) == 1


def test_a_refund_that_fails_after_it_was_made_is_for_review(shop: StripeShop) -> None:
    order = answered(shop.buy("pm_card_visa"), 201)["order_id"]
    answered(shop.api.admin.post(f"/admin/orders/{order}/refunds", {"reason": "A dent."}, key="r"), 201)
    [refund] = shop.stripe.books.refunds.values()
    assert answered(shop.tell("refund.failed", refund)) == {"heard": "review"}
    assert shop.order()["status"] == "refunded"
    assert [review["order_id"] for review in shop.api.auditor.items("/admin/reviews")] == [order]


def test_a_cardholder_who_never_comes_back_is_waited_for_until_a_person_gives_up(shop: StripeShop) -> None:
    order = answered(shop.buy(WITH_3DS), 202)["order_id"]
    recover = shop.api.house.recover_payments
    assert recover(is_all=True).waiting == 1
    assert recover.give_up(UUID(order)) == "failed"
    assert shop.intent()["status"] == "canceled"
    assert shop.lines() == ["manual", "use", "restore"]
