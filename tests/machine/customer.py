"""What members do, and what becomes of their cards: quotes, orders, retries, and the gateway's own messages."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.usecases.check_out import Purchase
from app.usecases.hear_from_gateway import GatewayNews
from app.usecases.refund_order import refund_id_of
from app.usecases.settle_payment import OrderOutcome
from tests.machine import choices
from tests.machine.meanwhile import Meanwhile, pass_in_model
from tests.machine.model import Order, Refund
from tests.machine.money import Way
from tests.machine.stage import Stage
from tests.machine.world import ADMIN, CURRENCY

GOOD, BAD = "pm_card_visa", "pm_card_chargeDeclined"
METHODS = {True: GOOD, False: BAD, None: None}


class Customer(Stage):
    """Members, and the gateway that speaks to us by itself."""

    purchases: dict[UUID, Purchase]

    @rule(user=choices.users, price=choices.prices, points=choices.redemptions, is_good=choices.cards)
    def buy(self, user: str, price: int, points: str, is_good: bool | None) -> None:
        """Nothing goes wrong on the line; the card may be declined, or there is none."""
        self._buy(user, price, points, is_good)

    @rule(user=choices.users, price=choices.prices, points=choices.spendings)
    def spend(self, user: str, price: int, points: str) -> None:
        """As many points as the order may take, most of the time, and the rest by card."""
        self._buy(user, price, points, True)

    @rule(
        user=choices.users, price=choices.prices, points=choices.spendings, is_good=st.booleans(),
        way=choices.troubles, meanwhile=st.sampled_from(Meanwhile),
    )  # fmt: skip
    def buy_over_a_bad_line(
        self, user: str, price: int, points: str, is_good: bool, way: Way, meanwhile: Meanwhile
    ) -> None:
        """The answer does not come."""
        self._buy(user, price, points, is_good, way, meanwhile)

    @rule(user=choices.users, price=choices.prices, points=choices.spendings, meanwhile=st.sampled_from(Meanwhile))
    def buy_while_something_happens(self, user: str, price: int, points: str, meanwhile: Meanwhile) -> None:
        """Recovery, a webhook or a long time comes in before the answer."""
        self._buy(user, price, points, True, Way.ANSWERED, meanwhile)

    @precondition(lambda self: self.purchases)
    @rule(pick=choices.picks, way=choices.ways, is_same=st.sampled_from([True, True, True, False]))
    def send_again(self, pick: int, way: Way, is_same: bool) -> None:
        """The same key once more, with the same request or another."""
        known = list(self.purchases.values())
        purchase = known[-1 - pick % len(known)]
        fingerprint = purchase.fingerprint if is_same else "another"
        again = Purchase(
            purchase.user_id, purchase.key, fingerprint, purchase.items, purchase.points_to_use, purchase.payment_method
        )
        self._check_out(again, self._total(purchase), way, Meanwhile.NOTHING)

    @precondition(lambda self: self.model.orders)
    @rule(pick=choices.picks, kind=choices.news, way=choices.ways)
    def hear_the_truth(self, pick: int, kind: str | None, way: Way) -> None:
        """A webhook, as often and as late as it likes."""
        order = self.order_that_waits(pick)
        news = self._news(order, kind or self.model.truth(order.id))
        refund = next(reversed(order.refunds.values()), None)
        admin_id = self.house.directory.account_of(ADMIN)
        if refund and admin_id:
            news = replace(news, refund_id=refund_id_of(order.id, admin_id, refund.name))
        self._hear(news, True, way, refund)

    @precondition(lambda self: self.model.orders)
    @rule(pick=choices.picks, lie=choices.lies)
    def hear_a_lie(self, pick: int, lie: str) -> None:
        """News that contradicts our books: a person must look, and nothing else happens."""
        order = self.order_that_waits(pick)
        news = self._news(order, "charged")
        if lie == "order":
            news = replace(news, order_id=UUID(int=1))
        elif lie == "currency":
            news = replace(news, currency="XTS")
        elif lie == "amount" or order.status == "pending":
            news = replace(news, amount_minor=order.cash + 1)
        else:
            news = replace(news, charge_id="ch_other")
        self._hear(news, False, Way.ANSWERED)

    def order_that_waits(self, pick: int) -> Order:
        """One that waits for the gateway, most of the time."""
        orders = self.model.orders.values()
        waiting = [order for order in orders if order.waits_since] if pick % 3 else []
        return choices.one_of(waiting or orders, pick)

    def _hear(self, news: GatewayNews, is_true: bool, way: Way, refund: Refund | None = None) -> None:
        with self.going({"outcome": way, "void": way, "refund": way}):
            self.both(
                "heard",
                lambda: self.model.hear(self.at, news.order_id, news.kind, is_true, way, refund),
                lambda: self.house.hear_from_gateway(news),
            )
        self.last_asked |= dict.fromkeys(self.world.line.asked, self.at)

    def _quote(self, user: str, price: int, wanted: int) -> None:
        """Ask what an order would come to; nothing is written."""
        at, terms, account = self.at, self.model.in_effect(self.at), self.model.accounts[user]

        def by_model() -> Any:
            available = account.available(at)
            terms.refuse_points(wanted, price, available)
            usable = min(available, price // terms.point_value, terms.max_redeem_per_order)
            usable = usable if usable >= terms.min_redeem_per_order else 0
            cash = price - wanted * terms.point_value
            return price, available, usable, wanted, cash, terms.promised(price, cash)

        def by_house() -> Any:
            quote = self.house.check_out.quote(user, self._items(price), wanted)
            return (
                quote.total_minor, quote.points_available, quote.points_usable, quote.points_to_use,
                quote.cash_due_minor, quote.points_to_earn,
            )  # fmt: skip

        self.both("quoted", by_model, by_house)

    def _buy(
        self,
        user: str,
        price: int,
        points: str,
        is_good: bool | None,
        way: Way = Way.ANSWERED,
        meanwhile: Meanwhile = Meanwhile.NOTHING,
    ) -> None:
        wanted = choices.points_of(points, self.model.accounts[user], self.at, price, self.model.in_effect(self.at))
        self._quote(user, price, wanted)
        purchase = Purchase(user, self.key(), "f", self._items(price), wanted, METHODS[is_good])
        self._check_out(purchase, price, way, meanwhile)

    def _check_out(self, purchase: Purchase, total: int, way: Way, meanwhile: Meanwhile) -> None:
        heard: list[GatewayNews] = []
        overtake = (lambda: self.house.hear_from_gateway(heard[0])) if meanwhile is Meanwhile.NEWS else None
        with self.going({"charge": way}, meanwhile, overtake) as then:
            self.both(
                "bought",
                lambda: self._bought(purchase, total, way, meanwhile, then, heard),
                lambda: _told(self.house.check_out(purchase)),
            )

    def _bought(
        self,
        purchase: Purchase,
        total: int,
        way: Way,
        meanwhile: Meanwhile,
        then: datetime,
        heard: list[GatewayNews],
    ) -> Any:
        """What the model makes of an order, charge and all."""
        at, model, user = self.at, self.model, purchase.user_id
        card = {GOOD: True, BAD: False}.get(purchase.payment_method or "")
        order = model.place(at, user, purchase.key, purchase.fingerprint, total, purchase.points_to_use, card)
        self.purchases[order.id] = purchase
        told = self._stands(order, at)
        if order.status != "pending":
            return told
        at = pass_in_model(meanwhile, model, at, then)
        news = model.books.charge(order.id, order.is_good_card, way)
        if meanwhile is Meanwhile.NEWS:
            kind = model.truth(order.id)
            heard.append(self._news(order, kind))
            model.hear(at, order.id, kind, True, Way.ANSWERED)
        if news is None:
            return told
        model.settle(at, order, news)
        return self._stands(order, at)

    def _stands(self, order: Order, at: datetime) -> Any:
        available = order.account.available(at)
        return order.id, order.status, order.total, order.used, order.cash, order.earned, available, order.at

    def _news(self, order: Order, kind: str) -> GatewayNews:
        return GatewayNews(kind, order.id, f"ch_{order.id.hex}", order.cash, CURRENCY, "card_declined")  # type: ignore[arg-type]

    def _items(self, price: int) -> tuple[tuple[int, int], ...]:
        return ((self.world.products[price], 1),)

    def _total(self, purchase: Purchase) -> int:
        ((product, _),) = purchase.items
        return next(price for price, sold in self.world.products.items() if sold == product)


def _told(outcome: OrderOutcome) -> Any:
    return (
        outcome.order_id, outcome.status, outcome.total_minor, outcome.points_used, outcome.cash_due_minor,
        outcome.points_earned, outcome.available, outcome.created_at,
    )  # fmt: skip
