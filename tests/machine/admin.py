"""What admins do: refunds, corrections, rules and imports."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.domain.rules import Rule
from app.usecases.adjust_points import Adjustment
from app.usecases.import_accounts import OpeningBalance
from app.usecases.import_orders import PastOrder
from app.usecases.importing import Report, import_key
from app.usecases.refund_order import RefundWanted
from tests.machine import choices
from tests.machine.meanwhile import Meanwhile, pass_in_model
from tests.machine.model import Order, Refund
from tests.machine.money import Way
from tests.machine.stage import Stage
from tests.machine.terms import Refused, Terms
from tests.machine.world import ADMIN

pauses = st.sampled_from([*[Meanwhile.NOTHING] * 3, Meanwhile.RECOVERY, Meanwhile.RULES, Meanwhile.TIME])


class Admin(Stage):
    """One admin, who makes mistakes."""

    refunds: list[RefundWanted]

    @precondition(lambda self: any(map(choices.is_refundable, self.model.orders.values())))
    @rule(
        pick=choices.picks,
        amount=choices.amounts,
        way=choices.refund_ways,
        meanwhile=pauses,
        is_poor=st.booleans(),
    )
    def refund(self, pick: int, amount: str, way: Way, meanwhile: Meanwhile, is_poor: bool) -> None:
        """Give back a part of an order, or all of it; perhaps when its member has nothing left but debt to make."""
        orders = [*filter(choices.is_refundable, self.model.orders.values())]
        order = choices.one_of([order for order in orders if order.earned] or orders, pick)
        if is_poor:
            (user,) = (name for name, account in self.model.accounts.items() if account is order.account)
            self.take(user, "all")
        self._refund_anew(order, amount, way, meanwhile)

    @precondition(lambda self: self.model.orders)
    @rule(pick=choices.picks, amount=choices.any_amounts)
    def refund_any_order(self, pick: int, amount: str) -> None:
        """Or try to."""
        self._refund_anew(choices.one_of(self.model.orders.values(), pick), amount, Way.ANSWERED, Meanwhile.NOTHING)

    @precondition(lambda self: self.refunds)
    @rule(pick=choices.picks, way=choices.refund_ways)
    def ask_for_a_refund_again(self, pick: int, way: Way) -> None:
        """The same key once more."""
        self._refund(self.refunds[-1 - pick % len(self.refunds)], way, Meanwhile.NOTHING)

    @rule(user=choices.users, points=choices.grants, life=choices.lives)
    def give(self, user: str, points: int, life: timedelta | None) -> None:
        """Points by hand."""
        self._adjust(user, points, None if life is None else self.at + life)

    @rule(user=choices.users, choice=choices.corrections)
    def take(self, user: str, choice: str) -> None:
        """Points by hand, downwards."""
        self._adjust(user, -choices.correction_of(choice, self.model.accounts[user], self.at), None)

    @rule(terms=choices.terms, mistake=choices.mistakes, since=choices.sinces)
    def set_rules(self, terms: Terms, mistake: Terms | None, since: timedelta | None) -> None:
        """A new version, now or later, or one that cannot work."""
        terms = mistake or terms
        effective_from = None if since is None else self.at + since

        def by_model() -> int:
            self.model.change_rules(self.at, terms, effective_from)
            return len(self.model.versions)

        wanted = Rule(**vars(terms))
        self.both("new rules", by_model, lambda: self.house.change_rules(wanted, effective_from, ADMIN).version)

    @rule(past=st.lists(choices.purchases, min_size=1, max_size=3) | st.lists(choices.balances, min_size=1, max_size=2))
    def bring_along(self, past: list[choices.Past] | list[choices.Balance]) -> None:
        """Import purchases from before, or balances; some of them twice, some with other values."""
        if isinstance(past[0], choices.Past):
            self._import_orders([PastOrder(p.user, p.reference, self.at - p.ago, p.amount) for p in past])
        else:
            self._import_balances([
                OpeningBalance(b.user, b.points, None if b.life is None else self.at + b.life, b.reference)
                for b in past
            ])  # fmt: skip

    def _import_orders(self, lines: list[PastOrder]) -> None:
        self.both(
            "imported",
            lambda: _tally([
                self.model.import_order(self.at, p.user_id, import_key(p.reference), p.paid_at, p.amount_minor)
                for p in lines
            ]),
            lambda: _reported(self.house.import_orders(enumerate(lines, start=1))),
        )  # fmt: skip

    def _import_balances(self, lines: list[OpeningBalance]) -> None:
        self.both(
            "imported",
            lambda: _tally([
                self.model.import_balance(self.at, b.user_id, b.reference, b.points, b.expires_at) for b in lines
            ]),
            lambda: _reported(self.house.import_accounts(enumerate(lines, start=1), ADMIN)),
        )  # fmt: skip

    def _refund_anew(self, order: Order, amount: str, way: Way, meanwhile: Meanwhile) -> None:
        wanted = RefundWanted(order.id, choices.amount_of(amount, order), "broken", ADMIN, self.key())
        self.refunds.append(wanted)
        self._refund(wanted, way, meanwhile)

    def _refund(self, wanted: RefundWanted, way: Way, meanwhile: Meanwhile) -> None:
        with self.going({"refund": way}, meanwhile) as then:
            self.both("refunded", lambda: self._refunded(wanted, way, meanwhile, then), lambda: self._told(wanted))

    def _told(self, wanted: RefundWanted) -> Any:
        told = self.house.refund_order(wanted)
        return told.status, told.cash_refunded_minor, told.points_restored, told.points_revoked

    def _refunded(self, wanted: RefundWanted, way: Way, meanwhile: Meanwhile, then: datetime) -> Any:
        """What the model makes of a refund, money and all."""
        at, model, order = self.at, self.model, self.model.orders[wanted.order_id]
        refund = model.request_refund(at, order, wanted.amount_minor, wanted.key)
        told = _stands(refund)
        if refund.status != "pending":
            return told
        at = pass_in_model(meanwhile, model, at, then)
        news = model.books.refund(refund.name, way)
        if news is None:
            return told
        model.settle_refund(at, order, refund, news)
        if refund.status == "failed":
            raise Refused("refund_declined")
        return _stands(refund)

    def _adjust(self, user: str, points: int, expires_at: datetime | None) -> None:
        wanted = Adjustment(user, points, "a correction", ADMIN, self.key(), expires_at)

        def by_model() -> int:
            self.model.adjust(self.at, user, points, expires_at)
            return self.model.accounts[user].available(self.at)

        self.both("adjusted", by_model, lambda: self.house.adjust_points(wanted)[0].available)


def _stands(refund: Refund) -> Any:
    return refund.status, refund.cash if refund.is_done else 0, refund.restored, refund.revoked


def _tally(outcomes: list[str]) -> Any:
    refused = [number for number, outcome in enumerate(outcomes, start=1) if outcome == "refused"]
    return outcomes.count("imported"), outcomes.count("known"), refused


def _reported(report: Report) -> Any:
    return report.imported, report.known, [number for number, _ in report.rejected]
