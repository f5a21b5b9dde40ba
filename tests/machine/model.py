"""The whole programme once more, small and plain: what every command must come to, as DOMAIN's words have it.

It must import nothing from the app, so that a mistake of the app's is not made here a second time by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from tests.machine.ledger import Account, Lot, Taken
from tests.machine.money import Books, Way
from tests.machine.terms import Refused, Terms, first_instant_after, months_later

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
BACKDATING = timedelta(minutes=1)


@dataclass
class Refund:
    """A refund of an order, asked for at an instant: `pending`, `failed`, or the order's status after it."""

    name: str
    amount: int
    cash: int
    at: datetime
    status: str = "pending"
    restored: int = 0
    revoked: int = 0

    @property
    def is_done(self) -> bool:
        return self.status not in ("pending", "failed")


@dataclass
class Order:
    """A purchase and all that came of it."""

    id: UUID
    account: Account
    fingerprint: str
    at: datetime
    terms: Terms
    total: int
    used: int
    cash: int
    promised: int
    taken: Taken
    is_good_card: bool = True
    is_imported: bool = False
    status: str = "pending"
    earned: int = 0
    lot: Lot | None = None
    restored: int = 0
    revoked: int = 0
    refunded: int = 0
    cash_back: int = 0
    refunds: dict[str, Refund] = field(default_factory=dict)

    @property
    def pending_refund(self) -> Refund | None:
        return next((refund for refund in self.refunds.values() if refund.status == "pending"), None)

    @property
    def waits_since(self) -> datetime | None:
        """Since when nobody knows what became of its money; None where all is known."""
        if self.status == "pending":
            return self.at
        return self.pending_refund.at if self.pending_refund else None

    def share(self, whole: int, amount: int) -> int:
        """The part of `whole` that goes with the next `amount`: the floor of all so far, less that of before."""
        return whole * (self.refunded + amount) // self.total - whole * self.refunded // self.total


@dataclass
class Model:
    """Accounts, orders, versions of the rules and the gateway's books, in one zone."""

    zone: ZoneInfo
    accounts: dict[str, Account]
    orders: dict[UUID, Order] = field(default_factory=dict)
    versions: list[tuple[Terms, datetime]] = field(default_factory=lambda: [(Terms(), LONG_AGO)])
    books: Books = field(default_factory=Books)
    reviews: set[UUID] = field(default_factory=set)
    balances: dict[tuple[str, str], tuple[int, datetime | None]] = field(default_factory=dict)

    def in_effect(self, at: datetime) -> Terms:
        """The newest version whose time has come."""
        return next(terms for terms, since in reversed(self.versions) if since <= at)

    def change_rules(self, at: datetime, terms: Terms, since: datetime | None) -> None:
        """Add a version."""
        if not terms.can_work() or (since and since < at - BACKDATING):
            raise Refused("invalid_request")
        self.versions.append((terms, since or at))

    def place(
        self, at: datetime, user: str, key: str, fingerprint: str, total: int, points: int, card: bool | None
    ) -> Order:
        """Place an order, or find the one that stands under the key. `card`: good, bad or none given."""
        account = self.accounts[user]
        known = self.orders.get(uuid5(account.id, key))
        if known:
            if known.fingerprint != fingerprint:
                raise Refused("idempotency_key_reused")
            return known
        terms = self.in_effect(at)
        terms.refuse_points(points, total, account.available(at))
        cash = total - points * terms.point_value
        if cash and card is None:
            raise Refused("invalid_request")
        order = self._new_order(account, key, fingerprint, at, terms, total, points, cash)
        order.is_good_card = bool(card)
        if cash == 0:
            self.settle(at, order, "charged")
        return order

    def settle(self, at: datetime, order: Order, news: str) -> None:
        """The end of a charge, whoever brings it, as often as they like."""
        if order.status != "pending":
            return
        terms = order.terms
        if news == "charged":
            order.status, order.earned = "paid", order.promised
            order.lot = order.account.earn(at, order.id, order.promised, *self._lifetime(at, terms))
        else:
            order.status, order.restored = "failed", order.used
            order.account.restore(at, order.id, order.taken, self._grace(at, terms))

    def request_refund(self, at: datetime, order: Order, amount: int | None, name: str) -> Refund:
        """Ask for a refund, or find the one that stands under the name. One without cash is done at once."""
        if name in order.refunds:
            if order.refunds[name].status == "failed":
                raise Refused("refund_declined")
            return order.refunds[name]
        left = order.total - order.refunded
        is_elsewhere = order.is_imported and order.cash
        is_whole = left == 0 and amount is None
        if order.status in ("pending", "failed") or order.pending_refund or is_elsewhere or is_whole:
            raise Refused("order_not_refundable")
        wanted = left if amount is None else amount
        if wanted < 1:
            raise Refused("invalid_request")
        if wanted > left:
            raise Refused("refund_exceeds_order")
        refund = order.refunds[name] = Refund(name, wanted, order.share(order.cash, wanted), at)
        if refund.cash == 0:
            self.settle_refund(at, order, refund, "made")
        return refund

    def settle_refund(self, at: datetime, order: Order, refund: Refund, news: str) -> None:
        """The end of a refund: points back first, then what was earned taken back."""
        if refund.status != "pending":
            return
        if news == "refused":
            refund.status = "failed"
            return
        refund.restored = order.share(order.used, refund.amount)
        refund.revoked = min(
            order.share(order.earned, refund.amount),
            max(order.earned - order.revoked - order.account.lost(order.lot, at), 0),
        )
        back = self._last_taken(order, refund.restored)
        order.account.restore(at, order.id, back, self._grace(at, order.terms))
        order.account.revoke(at, order.id, refund.revoked, order.lot)
        order.refunded += refund.amount
        order.restored += refund.restored
        order.revoked += refund.revoked
        order.cash_back += refund.cash
        order.status = refund.status = "partially_refunded" if order.refunded < order.total else "refunded"

    def adjust(self, at: datetime, user: str, points: int, expires_at: datetime | None) -> None:
        """Give or take by hand."""
        if points == 0 or (points < 0 and expires_at):
            raise Refused("invalid_request")
        account = self.accounts[user]
        if points < 0:
            account.take(at, -points)
        else:
            account.give(at, points, expires_at or self._lifetime(at, self.in_effect(at))[1])
        account.is_open = True

    def recover(self, at: datetime, orders: Sequence[UUID], way: Way, void_way: Way, refund_way: Way) -> None:
        """Ask the gateway about these orders, in turn."""
        for order in map(self.orders.__getitem__, orders):
            refund = order.pending_refund
            if order.status == "pending":
                news = self.books.outcome(order.id, way, void_way)
                if news:
                    self.settle(at, order, news)
            elif refund:
                news = self.books.refund(refund.name, refund_way)
                if news:
                    self.settle_refund(at, order, refund, news)

    def hear(
        self, at: datetime, order_id: UUID, kind: str, is_true: bool, way: Way, refund: Refund | None = None
    ) -> str:
        """News from the gateway: the truth is written once, a contradiction is reviewed, all else is asked about."""
        order = self.orders.get(order_id)
        if order is None:
            return "unknown_order"
        if not is_true or (kind == "refund_failed" and refund and refund.is_done):
            self.reviews.add(order_id)
            return "review"
        if order.status == "pending" and kind in ("charged", "voided"):
            self.settle(at, order, kind)
            return "settled"
        if order.waits_since and kind in ("ask", "refund_failed"):
            self.recover(at, [order_id], way, way, way)
            return "asked"
        return "known"

    def give_up(self, at: datetime, order: Order, way: Way) -> str | None:
        """Wait no longer: void a charge, or ask once more for a refund, and settle what it has become."""
        refund = order.pending_refund
        if order.status == "pending":
            news = self.books.charge(order.id, False, way)
            if news:
                self.settle(at, order, news)
            return order.status if news else None
        if refund is None:
            raise Refused("order_not_pending")
        news = self.books.refund(refund.name, way)
        if news:
            self.settle_refund(at, order, refund, news)
        return refund.status if news else None

    def truth(self, order_id: UUID) -> str:
        """The news that an honest gateway would send about an order now."""
        return {"charged": "charged", "declined": "voided"}.get(self.books.charges.get(order_id, ""), "ask")

    def unsettled(self) -> list[UUID]:
        """The orders that wait for the gateway, by id."""
        return sorted(order.id for order in self.orders.values() if order.waits_since)

    def import_order(self, now: datetime, user: str, key: str, paid_at: datetime, amount: int) -> str:
        """A purchase from before: imported, known or refused."""
        account, fingerprint = self.accounts[user], f"{paid_at} {amount}"
        known = self.orders.get(uuid5(account.id, key))
        if known or paid_at > now:
            return "known" if known and known.fingerprint == fingerprint else "refused"
        order = self._new_order(account, key, fingerprint, paid_at, self.in_effect(paid_at), amount, 0, amount)
        order.is_imported = True
        self.settle(paid_at, order, "charged")
        return "imported"

    def import_balance(self, now: datetime, user: str, name: str, points: int, expires_at: datetime | None) -> str:
        """An opening balance: imported, known or refused."""
        known = self.balances.get((user, name))
        if known or (expires_at and expires_at <= now):
            return "known" if known == (points, expires_at) else "refused"
        self.adjust(now, user, points, expires_at)
        self.balances[user, name] = (points, expires_at)
        return "imported"

    def _new_order(
        self, account: Account, key: str, fingerprint: str, at: datetime, terms: Terms, total: int, used: int, cash: int
    ) -> Order:
        new_id = uuid5(account.id, key)
        taken, promised = account.redeem(at, new_id, used), terms.promised(total, cash)
        account.is_open = True
        order = Order(new_id, account, fingerprint, at, terms, total, used, cash, promised, taken)
        self.orders[new_id] = order
        return order

    def _lifetime(self, at: datetime, terms: Terms) -> tuple[datetime, datetime]:
        """When points earned at an instant ripen and when they are over."""
        day = months_later(at.astimezone(self.zone).date(), terms.expiry_months)
        return at + timedelta(days=terms.pending_days), first_instant_after(day, self.zone)

    def _grace(self, at: datetime, terms: Terms) -> datetime:
        day = at.astimezone(self.zone).date() + timedelta(days=terms.restore_grace_days)
        return first_instant_after(day, self.zone)

    @staticmethod
    def _last_taken(order: Order, points: int) -> Taken:
        """What was taken last and has not gone back yet, up to `points`, as it was taken."""
        back: Taken = []
        skip = order.restored
        for lot, count in reversed(order.taken):
            skipped = min(skip, count)
            part = min(count - skipped, points)
            skip, points = skip - skipped, points - part
            if part:
                back.insert(0, (lot, part))
        return back
