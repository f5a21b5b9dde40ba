"""A gateway of our own that charges nobody, for development and tests. Its methods are named as Stripe's test ones.

It stands for another company: its books are its own tables, written on a connection of its own, so that all worker
processes and restarts see the same gateway. The order id is its idempotency key.
"""

from __future__ import annotations

import time
from uuid import UUID

from app.database import Database
from app.usecases.ports import Charged, Declined, Outcome, Unknown

SLOW_S = 2.0
"""How long `pm_sandbox_slow` takes to answer."""

_DECLINES = {"pm_card_chargeDeclined": "card_declined"}
_CHARGES = ("pm_card_visa", "pm_sandbox_slow", "pm_sandbox_timeout")
LOST = "pm_sandbox_lost"
TIMEOUT = "pm_sandbox_timeout"


class SandboxGateway:
    """Charges in its books. An unknown payment method is declined, as a real gateway does."""

    def __init__(self, database_url: str, *, connections: int = 4) -> None:
        self._database = Database(database_url, pool_size=connections)

    def charge(self, order_id: UUID, amount_minor: int, currency: str, payment_method: str) -> Outcome:
        """Write the charge, or its refusal, once an order id; the first one stands whatever is sent later."""
        if payment_method == LOST:
            return Unknown("the request was lost")
        if payment_method == "pm_sandbox_slow":
            time.sleep(SLOW_S)
        reason = _DECLINES.get(payment_method) or (None if payment_method in _CHARGES else "payment_method_unknown")
        rows = self._database.rows(
            "WITH new AS (INSERT INTO sandbox_charges"
            " (order_id, charge_id, amount_minor, currency, payment_method, outcome, reason)"
            " VALUES (%(id)s, %(charge)s, %(amount)s, %(currency)s, %(method)s, %(outcome)s, %(reason)s)"
            " ON CONFLICT (order_id) DO NOTHING RETURNING charge_id, outcome, reason)"
            " SELECT * FROM new UNION ALL"
            " SELECT charge_id, outcome, reason FROM sandbox_charges WHERE order_id = %(id)s LIMIT 1",
            {
                "id": order_id,
                "charge": f"ch_{order_id.hex}",
                "amount": amount_minor,
                "currency": currency,
                "method": payment_method,
                "outcome": "declined" if reason else "charged",
                "reason": reason,
            },
        )
        if payment_method == TIMEOUT:
            return Unknown("no answer came in time")
        charge_id, outcome, refusal = rows[0]
        return Charged(charge_id) if outcome == "charged" else Declined(refusal)

    def close(self) -> None:
        """Hang up."""
        self._database.close()
