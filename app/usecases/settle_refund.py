"""Settle a refund once it is known what became of its money: restored and revoked, or failed. Once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain import calendar
from app.domain.account_events import Expired
from app.domain.errors import DomainError
from app.domain.order import Order, Refund
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.loyalty import Loyalty
from app.usecases.payment_gateway import Refunded, RefundRefused
from app.usecases.ports import Clock, Receipt, Recoveries
from app.usecases.settle_payment import SETTLE_FOR_S


@dataclass(frozen=True)
class RefundOutcome:
    """A refund as the client is told of it. `status` is the order's after it, or `pending`, or `failed`.

    `debt_change` is told by a preview alone: how much more, or below zero less, the member would owe.
    """

    refund_id: UUID
    order_id: UUID
    cash_refunded_minor: int
    points_restored: int
    points_revoked: int
    status: str
    currency: str
    reason: str = ""
    debt_change: int = 0


MakeRefundReceipt = Callable[[RefundOutcome], Receipt]


def refund_outcome_of(order: Order, refund: Refund) -> RefundOutcome:
    """What to tell about a refund as it stands."""
    status = refund.status
    if status == "done":
        status = "partially_refunded" if refund.left_minor else "refunded"
    return RefundOutcome(
        refund_id=refund.refund_id,
        order_id=order.id,
        cash_refunded_minor=refund.cash_minor if refund.status == "done" else 0,
        points_restored=refund.points_restored,
        points_revoked=refund.points_revoked,
        status=status,
        currency=order.placed.currency,
        reason=refund.reason,
    )


class SettleRefund:
    """The first one to bring the gateway's news writes it; the rest find it written.

    News that contradicts what stands changes nothing; a person looks at it.
    """

    def __init__(self, loyalty: Loyalty, recoveries: Recoveries, clock: Clock, zone: ZoneInfo) -> None:
        self._loyalty = loyalty
        self._recoveries = recoveries
        self._clock = clock
        self._zone = zone

    def __call__(
        self,
        account_id: UUID,
        order_id: UUID,
        refund_id: UUID,
        news: Refunded | RefundRefused,
        make_receipt: MakeRefundReceipt | None = None,
    ) -> RefundOutcome:
        """Write the news unless it is written, and give how the refund stands.

        Raises `try_again` after 10 s of conflicts.
        """

        def decide() -> RefundOutcome:
            account, order, programme = self._loyalty.load(
                (PointAccount, account_id), (Order, order_id), (Programme, PROGRAMME_ID)
            )
            refund = order.refunds[refund_id]
            if refund.status != "pending":
                if isinstance(news, Refunded) != (refund.status == "done"):
                    self._recoveries.review(order.id, f"the refund {refund_id} is {refund.status}, says {news}")
                return refund_outcome_of(order, refund)
            if isinstance(news, RefundRefused):
                order.fail_refund(self._clock(), refund, news.reason)
            else:
                self.give_back(account, order, programme or Programme(), refund, news.gateway_refund_id)
            outcome = refund_outcome_of(order, refund)
            beside = [make_receipt(outcome)] if make_receipt and refund.status == "done" else []
            self._loyalty.record(account, order, beside=beside)
            return outcome

        return self._loyalty.deciding(decide, on=account_id, for_s=SETTLE_FOR_S)

    def give_back(
        self,
        account: PointAccount,
        order: Order,
        programme: Programme,
        refund: Refund,
        gateway_refund_id: str | None,
    ) -> None:
        """Decide what a refund that was made does to the points: first restore, then revoke (DOMAIN rule 7)."""
        at = self._clock()
        rule = programme.numbered(order.placed.rule_version).rule
        expired = 0
        if order.lot:
            expired = expired_of(order.lot.id, self._loyalty.history(account)) + account.lapsed_of(order.lot.id, at)
        restored, revoked = order.parts_to_restore(refund), order.points_to_revoke(refund, expired)
        grace_until = calendar.grace(at, rule.restore_grace_days, self._zone)
        account.restore(at, order.id, restored, grace_until, refund.refund_id)
        account.revoke(at, order.id, revoked, order.lot.id if order.lot else None, refund.refund_id)
        order.refund(at, refund, expired, gateway_refund_id)


def expired_of(lot_id: int, history: Sequence[Any]) -> int:
    """How much of a lot sweeps have taken, by the account's own events."""
    return sum(
        part.points for event in history if isinstance(event, Expired) for part in event.taken if part.lot.id == lot_id
    )


def refuse_failed(outcome: RefundOutcome) -> RefundOutcome:
    """Raise `refund_declined` for a refund that the gateway refused."""
    if outcome.status == "failed":
        raise DomainError("refund_declined", refund_id=outcome.refund_id, reason=outcome.reason)
    return outcome
