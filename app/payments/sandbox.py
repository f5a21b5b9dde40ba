"""A gateway of our own that charges nobody, for development and tests. Its methods are named as Stripe's test ones;
`pm_sandbox_timeout` charges and does not answer, `pm_sandbox_lost` does neither, `pm_sandbox_slow` answers late.

It stands for another company: its books are its own tables, written on a connection of its own, so that all worker
processes and restarts see the same gateway. The order id is its idempotency key.
"""

from __future__ import annotations

import time
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from app.database import Database
from app.usecases.ports import Charged, Declined, Outcome, Unknown

SLOW_S = 2.0
"""How long `pm_sandbox_slow` takes to answer."""

VISA, SLOW, TIMEOUT, LOST = "pm_card_visa", "pm_sandbox_slow", "pm_sandbox_timeout", "pm_sandbox_lost"
_CHARGES = (VISA, SLOW, TIMEOUT)
_DECLINES = {"pm_card_chargeDeclined": "card_declined"}


class SandboxGateway:
    """Charges in its books. An unknown payment method is declined, as a real gateway does."""

    def __init__(self, database_url: str, *, connections: int = 4) -> None:
        self._database = Database(database_url, pool_size=connections)

    def charge(self, order_id: UUID, amount_minor: int, currency: str, payment_method: str) -> Outcome:
        """Write the charge, or its refusal, once an order id; the first one stands whatever is sent later."""
        if payment_method == LOST:
            return Unknown("the request was lost")
        if payment_method == SLOW:
            time.sleep(SLOW_S)
        reason = _DECLINES.get(payment_method) or (None if payment_method in _CHARGES else "payment_method_unknown")
        outcome = "declined" if reason else "charged"
        try:
            ((charge_id, refusal),) = self._database.written(
                # The update changes nothing: it gives the row that stands, one that was committed just now included.
                "INSERT INTO sandbox_charges"
                " (order_id, charge_id, amount_minor, currency, payment_method, outcome, reason)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id RETURNING charge_id, reason",
                (order_id, f"ch_{order_id.hex}", amount_minor, currency, payment_method, outcome, reason),
            )
        except PersistenceError as error:
            return Unknown(str(error))  # the gateway is out of reach: as with any other, nobody knows
        if payment_method == TIMEOUT:
            return Unknown("no answer came in time")
        return Charged(charge_id) if refusal is None else Declined(refusal)

    def close(self) -> None:
        """Hang up."""
        self._database.close()
