"""Words that all tests of the Stripe gateway share."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

from app.usecases.payment_gateway import Bill
from tests.support.stripe_books import Json

VISA, DECLINED = "pm_card_visa", "pm_card_chargeDeclined"
MAKE, CONFIRM, LOOK = "POST /v1/payment_intents", "POST */confirm", "GET /v1/payment_intents/*"
UPDATE, CANCEL = "POST /v1/payment_intents/pi_??????????????", "POST */cancel"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def new_bill(at: datetime, amount_minor: int = 47_000) -> Bill:
    """What a new order owes."""
    return Bill(uuid4(), amount_minor, "INR", at)


def only(things: dict[str, Json]) -> Json:
    """The one object that there is."""
    (thing,) = things.values()
    return thing
