"""Hear from the gateway: a webhook brings news of a charge, at any time, in any order, any number of times.

What is certain is written once; what contradicts our books is put up for review and never makes an order paid; all
else is only a reason to ask the gateway itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from app.domain.order import Order
from app.usecases.loyalty import Loyalty
from app.usecases.payment_gateway import Charged, Declined
from app.usecases.ports import Recoveries
from app.usecases.recover_payments import RecoverPayments
from app.usecases.settle_payment import SettlePayment, bill_of, contradiction


@dataclass(frozen=True)
class GatewayNews:
    """A verified message. `charged` and `voided` are for good; `ask` says that something happened to the order.

    A refund may fail long after it was made: then the money came back to the shop.
    """

    kind: Literal["charged", "voided", "refund_failed", "ask"]
    order_id: UUID
    charge_id: str
    amount_minor: int
    currency: str
    reason: str = ""
    refund_id: UUID | None = None


class HearFromGateway:
    """Gives what came of a message, in one word: settled, known, review, asked or unknown_order."""

    def __init__(
        self, loyalty: Loyalty, settle: SettlePayment, recover: RecoverPayments, recoveries: Recoveries
    ) -> None:
        self._loyalty = loyalty
        self._settle = settle
        self._recover = recover
        self._recoveries = recoveries

    def __call__(self, news: GatewayNews) -> str:
        """Take a message in. Raises `try_again` after 10 s of conflicts: the gateway sends it again."""
        (order,) = self._loyalty.load((Order, news.order_id))
        if order is None:
            return "unknown_order"
        if news.kind in ("ask", "refund_failed"):
            return self._ask(order, news)
        settled: Charged | Declined = Declined(news.reason)
        if news.kind == "charged":
            bill = bill_of(order)
            if (news.amount_minor, news.currency) != (bill.amount_minor, bill.currency):
                self._recoveries.review(
                    order.id, f"charged {news.amount_minor} {news.currency}, not what the order owes"
                )
                return "review"
            settled = Charged(news.charge_id)
        self._settle(order.placed.account_id, order.id, settled)
        (stands,) = self._loyalty.load((Order, order.id))
        if contradiction(stands, settled):
            return "review"
        self._recoveries.settled(order.id)
        return "settled" if order.status == "pending" else "known"

    def _ask(self, order: Order, news: GatewayNews) -> str:
        refund = order.refunds.get(news.refund_id) if news.refund_id else None
        if news.kind == "refund_failed" and refund and refund.status == "done":
            self._recoveries.review(order.id, f"the refund {refund.refund_id} failed after it was made")
            return "review"
        if order.status == "pending" or order.pending_refund:
            self._recover.one(order.id)
            return "asked"
        return "known"
