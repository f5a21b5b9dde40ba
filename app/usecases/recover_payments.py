"""Recover: ask the gateway what became of charges and refunds that nobody knows the end of, until it knows.

Nothing is settled by a guess or by the passing of time. Where the gateway knows of no charge, the order id is voided
there first, so that no request still under way can charge it, and only then does the order fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from app.domain.errors import DomainError
from app.domain.order import Order
from app.usecases.loyalty import Loyalty
from app.usecases.payment_gateway import (
    Absent,
    Charged,
    Declined,
    PaymentGateway,
    Refunded,
    RefundRefused,
    Unknown,
)
from app.usecases.ports import Clock, Recoveries, UnsettledOrders
from app.usecases.settle_payment import SettlePayment, bill_of
from app.usecases.settle_refund import SettleRefund

BATCH = 100
"""Orders asked for at a time."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=1)
"""The pause after the first question, doubled with each, and its limit: news is at most an hour old."""

BY_HAND = "given up by hand"
"""The reason of what a person settled."""


@dataclass
class Recovery:
    """What a run came to. `failures` names each order that could not be done, and why."""

    settled: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    failures: list[tuple[UUID, str]] = field(default_factory=list)


class RecoverPayments:
    """Run it twice, in parallel, late or after a crash: each order is settled once, each refund made once."""

    def __init__(
        self,
        loyalty: Loyalty,
        gateway: PaymentGateway,
        unsettled: UnsettledOrders,
        recoveries: Recoveries,
        settle_payment: SettlePayment,
        settle_refund: SettleRefund,
        clock: Clock,
    ) -> None:
        self._loyalty = loyalty
        self._gateway = gateway
        self._unsettled = unsettled
        self._recoveries = recoveries
        self._settle_payment = settle_payment
        self._settle_refund = settle_refund
        self._clock = clock

    def __call__(self, *, is_all: bool = False) -> Recovery:
        """Ask about every order whose time has come, or about all. One order's failure never stops another's."""
        at = self._clock()
        recovery = Recovery()
        after: UUID | None = None
        while orders := self._unsettled.due(at, after, BATCH, is_all=is_all):
            for order_id, asked in orders:
                try:
                    status = self.one(order_id, asked)
                except Exception as error:
                    # Whatever is wrong with this order, the next one is not to blame. The run reports it.
                    recovery.failures.append((order_id, f"{type(error).__name__}: {error}"))
                    continue
                if status is None:
                    recovery.waiting += 1
                else:
                    recovery.settled[status] = recovery.settled.get(status, 0) + 1
            after = orders[-1].order_id
        return recovery

    def one(self, order_id: UUID, asked: int = 0) -> str | None:
        """Ask about one order; gives the status that its charge or refund got, None while nobody knows."""
        (order,) = self._loyalty.load((Order, order_id))
        if order.status == "pending":
            return self._recover_charge(order, asked)
        if order.pending_refund:
            return self._recover_refund(order, asked)
        self._recoveries.settled(order_id)  # somebody else was first
        return str(order.status)

    def give_up(self, order_id: UUID, *, by_hand: bool = False) -> str | None:
        """A person will wait no longer: void an order's charge, or ask once more about its refund, and settle that.

        Where nobody knows even so, `by_hand` is the person's word that no money stayed with the shop (or, for a refund,
        that none was given back), and settles it. Gives the status then, None while nobody knows. Raises
        `unknown_order`, `order_not_pending`.
        """
        (order,) = self._loyalty.load((Order, order_id))
        if order is None:
            raise DomainError("unknown_order")
        if order.status != "pending" and not order.pending_refund:
            raise DomainError("order_not_pending", order_status=order.status)
        is_charge = order.status == "pending"
        status = self._recover_charge(order, 0, give_up=True) if is_charge else self._recover_refund(order, 0)
        if status is None and by_hand:
            return self._settled(order, Declined(BY_HAND) if is_charge else RefundRefused(BY_HAND))
        return status

    def _recover_charge(self, order: Order, asked: int, *, give_up: bool = False) -> str | None:
        bill = bill_of(order)
        elsewhere = self._elsewhere(order)
        news = elsewhere or self._gateway.outcome(bill)
        if isinstance(news, Absent) or (give_up and not elsewhere):
            news = self._gateway.void(bill)
        if isinstance(news, Unknown):
            self._wait(order, order.placed.at, asked, news)
            return None
        return self._settled(order, news)

    def _recover_refund(self, order: Order, asked: int) -> str | None:
        refund = order.pending_refund
        assert refund is not None
        assert order.charge_id is not None
        # Under the same id a refund is one, so asking for it again is how to learn what became of it.
        news = self._elsewhere(order) or self._gateway.refund(
            bill_of(order), order.charge_id, refund.refund_id, refund.cash_minor
        )
        if isinstance(news, Unknown):
            self._wait(order, refund.requested_at, asked, news)
            return None
        return self._settled(order, news)

    def _elsewhere(self, order: Order) -> Unknown | None:
        """Another gateway was asked, so this one's word means nothing."""
        if order.placed.gateway == self._gateway.name:
            return None
        return Unknown(f"was asked of {order.placed.gateway}, which is not the gateway now", is_for_review=True)

    def _settled(self, order: Order, news: Charged | Declined | Refunded | RefundRefused) -> str:
        account_id, refund = order.placed.account_id, order.pending_refund
        if isinstance(news, Charged | Declined):
            status = self._settle_payment(account_id, order.id, news).status
        else:
            assert refund is not None
            status = self._settle_refund(account_id, order.id, refund.refund_id, news).status
        self._recoveries.settled(order.id)
        return status

    def _wait(self, order: Order, since: datetime, asked: int, news: Unknown) -> None:
        pause = min(FIRST_PAUSE * 2 ** min(asked, 16), LONGEST_PAUSE)
        self._recoveries.asked(order.id, since, self._clock() + pause, news.reason)
        if news.is_for_review:
            self._recoveries.review(order.id, news.reason)
