"""Refund an order, whole or in part: cash by the gateway, points restored and revoked in proportion.

As at checkout, the intent is recorded before the gateway is asked, and what it answered is recorded after. One refund
of an order at a time: the next waits until this one is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple
from uuid import UUID, uuid4, uuid5

from app.domain.errors import DomainError
from app.domain.order import Order, Refund
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.loyalty import Loyalty
from app.usecases.payment_gateway import PaymentGateway, Unknown
from app.usecases.ports import Beside, Clock, Directory, DirectoryEntry, ReasonText, Recoveries
from app.usecases.settle_payment import bill_of
from app.usecases.settle_refund import MakeRefundReceipt, RefundOutcome, SettleRefund, refund_outcome_of, refuse_failed


@dataclass(frozen=True)
class RefundWanted:
    """`amount_minor` of the order's total to give back (None: all that is left), under the actor's `key`."""

    order_id: UUID
    amount_minor: int | None
    reason: str
    actor: str
    key: str


class _Requested(NamedTuple):
    order: Order
    refund: Refund
    outcome: RefundOutcome


class _Decided(NamedTuple):
    """A refund asked for anew, with whose points it moves, by which rules, and what is to be written beside it."""

    order: Order
    refund: Refund
    account: PointAccount
    programme: Programme
    beside: list[Beside]


class RefundOrder:
    """One refund an actor's key: its id is made of order, actor and key."""

    def __init__(
        self,
        loyalty: Loyalty,
        directory: Directory,
        gateway: PaymentGateway,
        settle: SettleRefund,
        recoveries: Recoveries,
        clock: Clock,
    ) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._gateway = gateway
        self._settle = settle
        self._recoveries = recoveries
        self._clock = clock

    def __call__(self, wanted: RefundWanted, make_receipt: MakeRefundReceipt | None = None) -> RefundOutcome:
        """Refund. The outcome is done (the order's status after it) or pending (nobody knows).

        Raises `unknown_order`, `order_not_refundable`, `refund_exceeds_order`, `refund_declined`, `try_again`.
        """
        requested = self._loyalty.deciding(lambda: self._request(wanted, make_receipt), on=wanted.order_id)
        if requested.refund.status != "pending":
            return refuse_failed(requested.outcome)
        order, refund = requested.order, requested.refund
        assert order.charge_id is not None
        news = self._gateway.refund(bill_of(order), order.charge_id, refund.refund_id, refund.cash_minor)
        if isinstance(news, Unknown):
            if news.is_for_review:
                self._recoveries.review(order.id, news.reason)
            return requested.outcome
        try:
            return refuse_failed(self._settle(order.placed.account_id, order.id, refund.refund_id, news, make_receipt))
        except DomainError as error:
            if error.code != "try_again":
                raise
            return requested.outcome  # given back, but not written yet: pending says just that

    def preview(self, wanted: RefundWanted) -> RefundOutcome:
        """What it would come to now, if the gateway gives the cash back. Nothing is written, and nobody is asked.

        Raises what is refused before the gateway is asked. A key that was used gives what came of it.
        """
        decided = self._decide(wanted)
        if isinstance(decided, _Decided):
            owed = decided.account.debt
            self._settle.give_back(decided.account, decided.order, decided.programme, decided.refund, None)
            outcome = refund_outcome_of(decided.order, decided.refund)
            return replace(outcome, debt_change=decided.account.debt - owed)
        return refund_outcome_of(decided.order, decided.refund)

    def outcome(self, order_id: UUID, refund_id: UUID) -> RefundOutcome | None:
        """How a refund stands now, None where there is none. Who asked for it may be forgotten."""
        (order,) = self._loyalty.load((Order, order_id))
        refund = order.refunds.get(refund_id) if order else None
        return refund_outcome_of(order, refund) if refund else None

    def _request(self, wanted: RefundWanted, make_receipt: MakeRefundReceipt | None) -> _Requested:
        decided = self._decide(wanted)
        if isinstance(decided, _Requested):
            return decided
        order, refund, account, programme, beside = decided
        if refund.cash_minor == 0:
            self._settle.give_back(account, order, programme, refund, None)
        outcome = refund_outcome_of(order, refund)
        if make_receipt and refund.status == "done":
            beside.append(make_receipt(outcome))
        self._loyalty.record(account, order, beside=beside)
        return _Requested(order, refund, outcome)

    def _decide(self, wanted: RefundWanted) -> _Requested | _Decided:
        """Ask the order for the refund, or find the one that the key stands for already."""
        at = self._clock()
        (order,) = self._loyalty.load((Order, wanted.order_id))
        if order is None:
            raise DomainError("unknown_order")
        known_actor = self._directory.account_of(wanted.actor)
        actor_id = known_actor or uuid4()
        refund_id = refund_id_of(order.id, actor_id, wanted.key)
        if refund_id in order.refunds:
            refund = order.refunds[refund_id]
            if wanted.amount_minor not in (None, refund.amount_minor):
                raise DomainError("idempotency_key_reused")
            return _Requested(order, refund, refund_outcome_of(order, refund))
        if order.placed.gateway not in (None, self._gateway.name):
            raise DomainError("order_not_refundable", order_status=order.status, gateway=order.placed.gateway)
        account, programme = self._loyalty.load((PointAccount, order.placed.account_id), (Programme, PROGRAMME_ID))
        refund = order.request_refund(at, refund_id, wanted.amount_minor, refund_id, actor_id)
        beside: list[Beside] = [] if known_actor else [DirectoryEntry(actor_id, wanted.actor)]
        beside.append(ReasonText(refund_id, order.placed.account_id, wanted.reason))
        return _Decided(order, refund, account, programme or Programme(), beside)


def refund_id_of(order_id: UUID, actor_id: UUID, key: str) -> UUID:
    """The id of the refund that an actor asks for under this key; also that of its reason's text."""
    return uuid5(order_id, f"refund {actor_id} {key}")
