"""Settle an order once it is known what became of its charge: paid and earned, or failed and restored. Once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain import calendar
from app.domain.lots import Lot
from app.domain.order import Order
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.loyalty import Loyalty
from app.usecases.payment_gateway import Bill, Charged, Declined
from app.usecases.ports import Clock, Receipt, Recoveries

SETTLE_FOR_S = 10.0
"""How long a settlement fights for its turn. The card has been charged: "try again" is no answer any more."""


@dataclass(frozen=True)
class OrderOutcome:
    """An order as the client is told of it; `available` is what the member can spend after it.

    With a `client_secret` the cardholder must act before the charge goes on. `failure` is why it failed, in the
    gateway's own code. `is_answered`: its receipt was written with the events that brought it here.
    """

    order_id: UUID
    status: str
    total_minor: int
    points_used: int
    cash_due_minor: int
    points_earned: int
    available: int
    currency: str
    created_at: datetime
    failure: str | None = None
    client_secret: str | None = None
    is_answered: bool = field(default=False, compare=False)


class Books(NamedTuple):
    """What an order is placed and settled on, as it was loaded or has been recorded since."""

    account: PointAccount
    order: Order
    programme: Programme


MakeReceipt = Callable[[OrderOutcome], Receipt]
"""How the caller will answer: made before the append, so that the answer is written with the events."""


def outcome_of(order: Order, account: PointAccount, at: datetime) -> OrderOutcome:
    """What to tell about an order as it stands."""
    placed = order.placed
    return OrderOutcome(
        order_id=order.id,
        status=order.status,
        total_minor=placed.total_minor,
        points_used=placed.points_used,
        cash_due_minor=placed.cash_due_minor,
        points_earned=order.points_earned,
        available=account.available(at),
        currency=placed.currency,
        created_at=placed.at,
        failure=order.failure,
    )


def bill_of(order: Order) -> Bill:
    """What the order owes by card."""
    placed = order.placed
    return Bill(order.id, placed.cash_due_minor, placed.currency, placed.at)


def pay(
    order: Order, account: PointAccount, programme: Programme, at: datetime, charge_id: str | None, zone: ZoneInfo
) -> None:
    """The order is paid and earns what it promised, by the rule version it was placed under."""
    placed = order.placed
    rule = programme.numbered(placed.rule_version).rule
    lot: Lot | None = account.earn(
        at,
        order.id,
        placed.points_promised,
        placed.rule_version,
        available_at=calendar.ripening(at, rule.pending_days),
        expires_at=calendar.expiry(at, rule.expiry_months, zone),
    )
    order.pay(at, charge_id, lot)


def contradiction(order: Order, news: Charged | Declined) -> str | None:
    """How news about a settled order contradicts what stands, in words; None where it is the same news again."""
    if isinstance(news, Charged):
        return (
            None if order.charge_id == news.charge_id else f"charged as {news.charge_id}, the order is {order.status}"
        )
    return None if order.status == "failed" else f"not charged ({news.reason}), the order is {order.status}"


class SettlePayment:
    """A reply, a webhook and recovery may all bring the same news: the first one writes, the rest find it written.

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
        news: Charged | Declined,
        make_receipt: MakeReceipt | None = None,
        at_hand: Books | None = None,
    ) -> OrderOutcome:
        """Write the news unless it is written, and give how the order stands.

        Who has the books `at_hand` spares the first try their loading: should somebody have written since to what this
        writes to, it is a conflict like any other. Raises `try_again` after 10 s of conflicts.
        """

        def decide() -> OrderOutcome:
            nonlocal at_hand
            at = self._clock()
            account, order, programme = at_hand or self._books(account_id, order_id)
            may_be_old, at_hand = at_hand is not None, None
            if order.status != "pending":
                if apart := contradiction(order, news):
                    self._recoveries.review(order.id, apart)
                return outcome_of(order, account, at)
            self._decide(order, account, programme, at, news)
            if may_be_old and not account.has_news:
                # Nothing earned and nothing restored: no conflict would tell that the account has moved on.
                (account,) = self._loyalty.load((PointAccount, account_id))
            outcome = outcome_of(order, account, at)
            self._loyalty.record(account, order, beside=[make_receipt(outcome)] if make_receipt else ())
            return replace(outcome, is_answered=make_receipt is not None)

        return self._loyalty.deciding(decide, on=account_id, for_s=SETTLE_FOR_S)

    def _books(self, account_id: UUID, order_id: UUID) -> Books:
        account, order, programme = self._loyalty.load(
            (PointAccount, account_id), (Order, order_id), (Programme, PROGRAMME_ID)
        )
        return Books(account, order, programme or Programme())

    def _decide(
        self, order: Order, account: PointAccount, programme: Programme, at: datetime, news: Charged | Declined
    ) -> None:
        if isinstance(news, Charged):
            pay(order, account, programme, at, news.charge_id, self._zone)
            return
        rule = programme.numbered(order.placed.rule_version).rule
        order.fail(at, news.reason)
        account.restore(at, order.id, order.placed.taken, calendar.grace(at, rule.restore_grace_days, self._zone))
