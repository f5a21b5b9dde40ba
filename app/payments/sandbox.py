"""A gateway of our own that charges nobody, for development and tests. Its payment methods are named as Stripe's test
ones; `pm_sandbox_timeout` charges and does not answer, `pm_sandbox_lost` does neither, `pm_sandbox_slow` answers late.
What `pm_sandbox_refund_timeout` paid is refunded, with no answer at first; what `pm_sandbox_refund_refused` did, not.

It stands for another company: its books are its own tables, written on a connection of its own, so that all worker
processes and restarts see the same gateway. The order id is its idempotency key. Where its books are out of reach, it
answers as any other gateway would: nobody knows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from eventsourcing.persistence import PersistenceError

from app.database import Database
from app.telemetry.logging import logger
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

_log = logger("payments")

SLOW_S = 2.0
"""How long `pm_sandbox_slow` takes to answer."""

VISA, SLOW, TIMEOUT, LOST = "pm_card_visa", "pm_sandbox_slow", "pm_sandbox_timeout", "pm_sandbox_lost"
REFUND_TIMEOUT, REFUND_REFUSED = "pm_sandbox_refund_timeout", "pm_sandbox_refund_refused"
_CHARGES = (VISA, SLOW, TIMEOUT, REFUND_TIMEOUT, REFUND_REFUSED)
_DECLINES = {"pm_card_chargeDeclined": "card_declined"}

METHOD_UNKNOWN = "payment_method_unknown"
"""The reason under which a payment method is declined that is none."""

VOIDED = "voided"
"""The reason under which a charge is declined that was voided before it came."""

_STANDS = "charge_id, reason, amount_minor, currency"

# The update changes nothing: it gives the row that stands, one that was committed just now included.
_CHARGE = f"""
INSERT INTO sandbox_charges (order_id, charge_id, amount_minor, currency, payment_method, outcome, reason)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (order_id) DO UPDATE SET order_id = excluded.order_id RETURNING {_STANDS}
"""

_REFUND = """
INSERT INTO sandbox_refunds (refund_id, order_id, amount_minor)
SELECT %(refund)s, order_id, %(amount)s FROM sandbox_charges c WHERE charge_id = %(charge)s AND outcome = 'charged'
AND %(amount)s <= amount_minor - (
    SELECT coalesce(sum(r.amount_minor), 0) FROM sandbox_refunds r WHERE r.order_id = c.order_id
)
"""


class SandboxGateway:
    """Charges in its books. An unknown payment method is declined, as a real gateway does."""

    name = "sandbox"

    def __init__(self, database_url: str, *, connections: int = 4) -> None:
        self._database = Database(database_url, pool_size=connections)

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        """Write the charge, or its refusal, once an order id; the first one stands whatever is sent later."""
        if payment_method == LOST:
            return Unknown("the request was lost")
        if payment_method == SLOW:
            time.sleep(SLOW_S)
        reason = _DECLINES.get(payment_method) or (None if payment_method in _CHARGES else METHOD_UNKNOWN)
        # What it does not know is any text that a client chose to send, and is not kept: it may name a person.
        known = "" if reason == METHOD_UNKNOWN else payment_method
        news = self._write(bill, known, "declined" if reason else "charged", reason)
        return Unknown("no answer came in time") if payment_method == TIMEOUT else news

    def outcome(self, bill: Bill) -> Charged | Declined | Absent | Unknown:
        """What stands in the books."""
        try:
            row = self._database.row(f"SELECT {_STANDS} FROM sandbox_charges WHERE order_id = %s", (bill.order_id,))
        except PersistenceError as error:
            return _out_of_reach(error)
        return _news(bill, *row) if row else Absent()

    def void(self, bill: Bill) -> Charged | Declined | Unknown:
        """Write a refusal where nothing stands yet: what comes later under this order id is declined."""
        return self._write(bill, "", "voided", VOIDED)

    def refund(
        self, bill: Bill, charge_id: str, refund_id: UUID, amount_minor: int
    ) -> Refunded | RefundRefused | Unknown:
        """Write a refund, once a refund id."""
        wanted = {"charge": charge_id, "refund": refund_id, "amount": amount_minor}
        try:
            with self._database.transaction() as cursor:
                # Two refunds of one charge take turns, so that they never give back more than it took.
                cursor.execute(
                    "SELECT payment_method FROM sandbox_charges WHERE charge_id = %(charge)s FOR UPDATE", wanted
                )
                method = (cursor.fetchone() or ("",))[0]
                cursor.execute("SELECT 1 FROM sandbox_refunds WHERE refund_id = %(refund)s", wanted)
                was_known, was_made = cursor.fetchone() is not None, False
                if not was_known and method != REFUND_REFUSED:
                    cursor.execute(_REFUND, wanted)
                    was_made = cursor.rowcount == 1
        except PersistenceError as error:
            return _out_of_reach(error)
        if was_made and method == REFUND_TIMEOUT:
            return Unknown("no answer came in time")
        if was_known or was_made:
            return Refunded(f"re_{refund_id.hex}")
        return RefundRefused("refund_not_allowed" if method == REFUND_REFUSED else "charge_exhausted")

    def statement(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        """The charges of its books, oldest first."""
        try:
            rows = self._database.rows(
                "SELECT order_id, charge_id, amount_minor, (SELECT coalesce(sum(r.amount_minor), 0)::bigint"
                " FROM sandbox_refunds r WHERE r.order_id = c.order_id), currency, created_at FROM sandbox_charges c"
                " WHERE outcome = 'charged' AND created_at >= %s AND created_at < %s ORDER BY created_at",
                (since, until),
            )
        except PersistenceError as error:
            raise GatewayUnreachable(str(error)) from error
        return (StatementLine(*row) for row in rows)

    def close(self) -> None:
        """Hang up."""
        self._database.close()

    def _write(self, bill: Bill, method: str, outcome: str, reason: str | None) -> Charged | Declined | Unknown:
        charge_id = f"ch_{bill.order_id.hex}"
        row = (bill.order_id, charge_id, bill.amount_minor, bill.currency, method, outcome, reason)
        try:
            (stands,) = self._database.written(_CHARGE, row)
        except PersistenceError as error:
            return _out_of_reach(error)
        return _news(bill, *stands)


def _out_of_reach(error: PersistenceError) -> Unknown:
    _log.warning("the sandbox gave no answer", error=str(error))
    return Unknown(str(error))


def _news(
    bill: Bill, charge_id: str, reason: str | None, amount_minor: int, currency: str
) -> Charged | Declined | Unknown:
    if reason is not None:
        return Declined(reason)
    if (amount_minor, currency) != (bill.amount_minor, bill.currency):
        return Unknown(f"charged {amount_minor} {currency}, not what the order owes", is_for_review=True)
    return Charged(charge_id)
