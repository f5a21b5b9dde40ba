"""Import orders: purchases from before the shop came here, each earning as of the day that it was paid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.domain.aggregate import Aggregate
from app.domain.order import Order, order_id
from app.domain.order_events import OrderPlaced
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.importing import OTHER_VALUES, Members, Outcome, Refused, Report, import_key, import_lines, load
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Clock, Directory, ReasonText, ReasonTexts
from app.usecases.settle_payment import pay

LANES = 2
"""Batches under way at once. More gave nothing on two cores."""


class PastOrder(NamedTuple):
    """A paid purchase, the instant in UTC; `reference` is the shop's own name for it, unique for the user."""

    user_id: str
    reference: str
    paid_at: datetime
    amount_minor: int

    @property
    def fingerprint(self) -> str:
        """Tells the values apart under one reference, which itself stays out of the log: it may name a person."""
        return f"import {self.paid_at.isoformat()} {self.amount_minor}"


class ImportOrders:
    """One order a user and reference, however often it is imported: a second one meets the first by its id."""

    def __init__(self, loyalty: Loyalty, directory: Directory, clock: Clock, zone: ZoneInfo, currency: str) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._clock = clock
        self._zone = zone
        self._currency = currency

    def __call__(self, lines: Iterable[tuple[int, PastOrder | Refused]]) -> Report:
        """Import numbered lines. Each opens the account if need be and earns, if anything, dated when it was paid.

        The rules are those in force then, or the first where none was yet.
        """
        return import_lines(self._loyalty, lines, self._decide, lanes=LANES)

    def _decide(self, lines: Sequence[PastOrder]) -> list[Outcome]:
        batch = _Batch(self._loyalty, self._directory, lines)
        now = self._clock()
        outcomes = [self._decide_one(batch, line, now) for line in lines]
        batch.record()
        return outcomes

    def _decide_one(self, batch: _Batch, line: PastOrder, now: datetime) -> Outcome:
        account_id, new_id = batch.ids_of(line)
        known = batch.found.get(new_id)
        if known:
            return "known" if known.placed.fingerprint == line.fingerprint else OTHER_VALUES
        if line.paid_at > now:
            return Refused("paid_at: must not lie in the future")
        account = batch.found.get(account_id) or PointAccount.open(account_id, line.paid_at)
        order = self._placed(line, account_id, new_id, batch.programme)
        pay(order, account, batch.programme, line.paid_at, None, self._zone)
        batch.add(account, order, line.reference)
        return "imported"

    def _placed(self, line: PastOrder, account_id: UUID, new_id: UUID, programme: Programme) -> Order:
        version = programme.in_effect(line.paid_at)
        return Order.place(
            new_id,
            OrderPlaced(
                at=line.paid_at,
                account_id=account_id,
                lines=(),
                currency=self._currency,
                total_minor=line.amount_minor,
                points_used=0,
                taken=(),
                cash_due_minor=line.amount_minor,
                points_promised=version.rule.points_to_earn(line.amount_minor, line.amount_minor),
                rule_version=version.version,
                fingerprint=line.fingerprint,
                gateway=None,
            ),
        )


class _Batch:
    """The aggregates that some lines are about: what was found, and what is to be recorded, by account."""

    def __init__(self, loyalty: Loyalty, directory: Directory, lines: Sequence[PastOrder]) -> None:
        self._loyalty = loyalty
        self._members = Members(directory, (line.user_id for line in lines))
        old = [self.ids_of(line) for line in lines if line.user_id in self._members.known]
        accounts = [(PointAccount, account_id) for account_id, _ in old]
        orders = [(Order, order_id) for _, order_id in old]
        self.found = load(loyalty, [*accounts, *orders, (Programme, PROGRAMME_ID)])
        self.programme: Programme = self.found.get(PROGRAMME_ID) or Programme()
        self._news: dict[UUID, list[Aggregate]] = {}
        self._references: list[ReasonText] = []

    def ids_of(self, line: PastOrder) -> tuple[UUID, UUID]:
        """The ids of a line's account and order."""
        account_id = self._members.ids[line.user_id]
        return account_id, order_id(account_id, import_key(line.reference))

    def add(self, account: PointAccount, order: Order, reference: str) -> None:
        """Keep a new order, and what it did to the account, for the lines after it and for the append."""
        self._references.append(ReasonText(order.id, account.id, f"Imported order (reference {reference})"))
        self.found |= {account.id: account, order.id: order}
        self._news.setdefault(account.id, [account]).append(order)

    def record(self) -> None:
        """Append all news, in order of the accounts, so that two imports never wait for each other in a ring."""
        if self._news:
            aggregates = [aggregate for _, of_account in sorted(self._news.items()) for aggregate in of_account]
            entries = self._members.entries(self._news)
            self._loyalty.record(*aggregates, beside=[*entries, ReasonTexts(self._references)])
