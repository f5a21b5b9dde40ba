"""Check out: place the order and take its points, charge the card outside any transaction, settle.

The order id is derived from the member and the idempotency key, so a second try meets the first by its id.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from eventsourcing.persistence import IntegrityError

from app.domain.errors import DomainError, invalid
from app.domain.order import Order, order_id, total_of
from app.domain.order_events import Line, OrderPlaced
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.loyalty import ATTEMPTS, Loyalty
from app.usecases.payment_gateway import ActionNeeded, PaymentGateway, Unknown
from app.usecases.ports import Beside, Claim, Clock, Directory, DirectoryEntry, PriceList, Recoveries
from app.usecases.settle_payment import Books, MakeReceipt, OrderOutcome, SettlePayment, bill_of, outcome_of, pay

Items = tuple[tuple[int, int], ...]
"""Product id and quantity, in the order that they were asked for."""


@dataclass(frozen=True)
class Purchase:
    """What a member wants to buy, and how. `fingerprint` is a digest of the whole request under `key`.

    With a `claim` the key is not taken yet: it is taken by placing the order, which then must be new.
    """

    user_id: str
    key: str
    fingerprint: str
    items: Items
    points_to_use: int
    payment_method: str | None = None
    expected_total_minor: int | None = None
    claim: Claim | None = None


@dataclass(frozen=True)
class Quote:
    """What an order would come to; amounts in minor units."""

    total_minor: int
    points_available: int
    points_usable: int
    points_to_use: int
    cash_due_minor: int
    points_to_earn: int
    currency: str


class _Placed(NamedTuple):
    books: Books
    outcome: OrderOutcome


class CheckOut:
    """Quotes and orders. Prices always come from the catalogue."""

    def __init__(
        self,
        loyalty: Loyalty,
        directory: Directory,
        prices: PriceList,
        gateway: PaymentGateway,
        settle: SettlePayment,
        recoveries: Recoveries,
        clock: Clock,
        zone: ZoneInfo,
        currency: str,
    ) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._prices = prices
        self._gateway = gateway
        self._settle = settle
        self._recoveries = recoveries
        self._clock = clock
        self._zone = zone
        self._currency = currency

    def quote(self, user_id: str, items: Items, points_to_use: int) -> Quote:
        """What an order would come to now. Writes nothing, and refuses the points that checkout would."""
        at = self._clock()
        total = total_of(self._lines(items))
        account, programme = self._loyalty.load(
            (PointAccount, self._directory.account_of(user_id) or uuid4()), (Programme, PROGRAMME_ID)
        )
        available = account.available(at) if account else 0
        rule = (programme or Programme()).in_effect(at).rule
        rule.refuse_points(points_to_use, total, available)
        cash_due = rule.cash_due(total, points_to_use)
        return Quote(
            total_minor=total,
            points_available=available,
            points_usable=rule.most_usable(total, available),
            points_to_use=points_to_use,
            cash_due_minor=cash_due,
            points_to_earn=rule.points_to_earn(total, cash_due),
            currency=self._currency,
        )

    def __call__(self, purchase: Purchase, make_receipt: MakeReceipt | None = None) -> OrderOutcome:
        """Buy. The outcome is paid, failed (the card was declined, the points are back) or pending (nobody knows).

        `make_receipt` gives the answer to keep under the key; it is written with the events that settle the order.
        Raises `try_again`, at the first conflict where the purchase brings its `claim`: who else is under way with
        this key, the claim alone can tell.
        """
        placed = self._loyalty.deciding(
            lambda: self._place(purchase, make_receipt),
            on=purchase.user_id,
            attempts=1 if purchase.claim else ATTEMPTS,
        )
        if placed.outcome.status != "pending":
            return placed.outcome
        assert purchase.payment_method is not None
        account, order, _ = placed.books
        if order.placed.gateway != self._gateway.name:
            return placed.outcome  # it was asked of another gateway, which may have charged it
        news = self._gateway.charge(bill_of(order), purchase.payment_method)
        if isinstance(news, Unknown):
            return self._unknown(placed.outcome, news)
        try:
            return self._settle(account.id, order.id, news, make_receipt, placed.books)
        except DomainError as error:
            if error.code != "try_again":
                raise
            return placed.outcome  # charged, but not written yet: pending says just that

    def _unknown(self, pending: OrderOutcome, news: Unknown) -> OrderOutcome:
        """Nobody knows: the order stays pending and its points taken, until recovery knows."""
        if news.is_for_review:
            self._recoveries.review(pending.order_id, news.reason)
        return replace(pending, client_secret=news.client_secret) if isinstance(news, ActionNeeded) else pending

    def outcome(self, placed_id: UUID) -> OrderOutcome | None:
        """How an order stands now, None where there is none. Whose it is may be forgotten."""
        (order,) = self._loyalty.load((Order, placed_id))
        if order is None:
            return None
        (account,) = self._loyalty.load((PointAccount, order.placed.account_id))
        return outcome_of(order, account, self._clock())

    def _place(self, purchase: Purchase, make_receipt: MakeReceipt | None) -> _Placed:
        at = self._clock()
        known_id = self._directory.account_of(purchase.user_id)
        account_id = known_id or uuid4()
        new_id = order_id(account_id, purchase.key)
        account, order, programme = self._loyalty.load(
            (PointAccount, account_id), (Order, new_id), (Programme, PROGRAMME_ID)
        )
        programme = programme or Programme()
        if order:
            if purchase.claim:
                raise IntegrityError("the order stands already")
            if order.placed.fingerprint != purchase.fingerprint:
                raise DomainError("idempotency_key_reused")
            return _Placed(Books(account, order, programme), outcome_of(order, account, at))
        beside: list[Beside] = [] if known_id else [DirectoryEntry(account_id, purchase.user_id)]
        if purchase.claim:
            beside.append(purchase.claim)
        account = account or PointAccount.open(account_id, at)
        order = self._order(purchase, account, programme, new_id, at)
        if order.placed.cash_due_minor == 0:
            pay(order, account, programme, at, None, self._zone)
        outcome = outcome_of(order, account, at)
        if make_receipt and outcome.status == "paid":
            beside.append(make_receipt(outcome))
            outcome = replace(outcome, is_answered=True)
        self._loyalty.record(account, order, beside=beside)
        return _Placed(Books(account, order, programme), outcome)

    def _order(
        self, purchase: Purchase, account: PointAccount, programme: Programme, new_id: UUID, at: datetime
    ) -> Order:
        lines = self._lines(purchase.items)
        total = total_of(lines)
        if purchase.expected_total_minor not in (None, total):
            expected = purchase.expected_total_minor
            raise DomainError("total_changed", total=total, expected_total=expected, currency=self._currency)
        version = programme.in_effect(at)
        version.rule.refuse_points(purchase.points_to_use, total, account.available(at))
        cash_due = version.rule.cash_due(total, purchase.points_to_use)
        if cash_due and not purchase.payment_method:
            raise invalid(payment_method="Is needed where cash is due.")
        return Order.place(
            new_id,
            OrderPlaced(
                at=at,
                account_id=account.id,
                lines=lines,
                currency=self._currency,
                total_minor=total,
                points_used=purchase.points_to_use,
                taken=account.redeem(at, new_id, purchase.points_to_use),
                cash_due_minor=cash_due,
                points_promised=version.rule.points_to_earn(total, cash_due),
                rule_version=version.version,
                fingerprint=purchase.fingerprint,
                gateway=self._gateway.name if cash_due else None,
            ),
        )

    def _lines(self, items: Items) -> tuple[Line, ...]:
        priced = self._prices.prices([product_id for product_id, _ in items])
        # A price in another currency is no price here: the same number would be another amount.
        sold = {product_id for product_id, product in priced.items() if product.currency == self._currency}
        unknown = [product_id for product_id, _ in items if product_id not in sold]
        if unknown:
            raise DomainError("unknown_product", product_ids=unknown)
        return tuple(
            Line(
                product_id=product_id,
                name=priced[product_id].name,
                quantity=quantity,
                unit_price_minor=priced[product_id].unit_price_minor,
            )
            for product_id, quantity in items
        )
