"""Whoever brings the gateway's news, in whatever order and however often: one settlement, the same end.

A reply, a webhook and recovery bring it, one after another in every order up to four, and all at once from two houses.
News that contradicts what stands never changes the order: a person looks at it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import combinations, permutations, product
from typing import Any, Literal
from uuid import UUID

import pytest

from app.config import Settings
from app.domain.order import Order
from app.payments.sandbox import SandboxGateway
from app.projections.unsettled import REVIEW_AFTER
from app.usecases.hear_from_gateway import GatewayNews
from app.usecases.payment_gateway import Bill, Charged, Declined, Unknown
from app.usecases.settle_payment import OrderOutcome, bill_of
from app.wiring import House, build
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.shop import DECLINED, LOST, VISA, Shop, at_once

pytestmark = pytest.mark.slow

Answer = Charged | Declined | Unknown

SOURCES = ("reply", "webhook", "recovery")
SEQUENCES = [sequence for length in range(1, 5) for sequence in product(SOURCES, repeat=length)]

TRUTHS: dict[str, Callable[[SandboxGateway, Bill], Answer]] = {
    "charged": lambda gateway, bill: gateway.charge(bill, VISA),
    "declined": lambda gateway, bill: gateway.charge(bill, DECLINED),
    "voided": lambda gateway, bill: gateway.void(bill),
    "absent": lambda gateway, bill: gateway.charge(bill, LOST),
}
"""What became of a charge, of which nobody here has heard yet."""


class Till:
    """Orders that wait for news, and the three ways by which it comes."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.shop = Shop(house)
        assert isinstance(house.gateway, SandboxGateway)
        self.gateway = house.gateway
        self._members = 0

    def place(self) -> Order:
        """A new member's order of ₹500.00 with 30 of 100 points, whose charge got no answer."""
        self._members += 1
        user = f"member-{self._members}"
        self.shop.give(user, 100)
        order_id = self.shop.buy(user, 30, method=LOST, key="key").order_id
        return self.load(order_id)

    def load(self, order_id: UUID) -> Order:
        """An order as it stands."""
        order = self.house.loyalty.load((Order, order_id))[0]
        assert isinstance(order, Order)
        return order

    def bring(self, source: str, order: Order, answer: Answer) -> None:
        """The answer comes by way of `source`. Nobody settles by a reply that did not come."""
        bring(self.house, source, order, answer)

    def end(self, order: Order) -> tuple[str, list[str], list[int], list[tuple[str, int]]]:
        """How an order stands, with all that was written of it and of its member's points."""
        user = self.house.directory.users_of([order.placed.account_id])[order.placed.account_id]
        assert user is not None
        return self.load(order.id).status, self.shop.names(order.id), self.shop.left(user), self.shop.lines(user)

    def reviews(self) -> set[UUID]:
        """The orders that a person should look at."""
        return {row["order_id"] for row in self.house.unsettled.reviews(self.house.clock(), 1000).items}


def bring(house: House, source: str, order: Order, answer: Answer) -> None:
    """As `Till.bring`, to one of several houses."""
    match source:
        case "reply" if not isinstance(answer, Unknown):
            house.settle_payment(order.placed.account_id, order.id, answer)
        case "webhook":
            house.hear_from_gateway(message(order, answer))
        case "recovery":
            assert house.recover_payments(is_all=True).failures == []


def message(order: Order, answer: Answer) -> GatewayNews:
    """What the gateway sends of its own accord: a card that was declined may yet be charged, so that is no news."""
    bill = bill_of(order)
    told: dict[str, Any] = {"order_id": order.id, "amount_minor": bill.amount_minor, "currency": bill.currency}
    match answer:
        case Charged(charge_id):
            return GatewayNews("charged", charge_id=charge_id, **told)
        case Declined("voided" as reason):
            return GatewayNews("voided", charge_id="", reason=reason, **told)
        case _:
            return GatewayNews("ask", charge_id="", reason="payment_failed", **told)


PAID = ("paid", ["OrderPlaced", "OrderPaid"], [70, 50], [("manual", 100), ("use", -30), ("earn", 50)])
FAILED = ("failed", ["OrderPlaced", "PaymentFailed"], [100], [("manual", 100), ("use", -30), ("restore", 30)])
PENDING = ("pending", ["OrderPlaced"], [70], [("manual", 100), ("use", -30)])


@pytest.fixture
def till(house: House) -> Till:
    return Till(house)


@pytest.mark.parametrize("truth", TRUTHS)
def test_in_every_order_and_number_there_is_one_settlement_and_the_same_end(truth: str, till: Till) -> None:
    for sequence in SEQUENCES:
        order = till.place()
        answer = TRUTHS[truth](till.gateway, bill_of(order))
        for source in sequence:
            till.bring(source, order, answer)
        nobody_asked = truth == "absent" and set(sequence) == {"reply"}
        assert till.end(order) == (PENDING if nobody_asked else PAID if truth == "charged" else FAILED), sequence
        till.bring("recovery", order, answer)
    assert till.reviews() == set()
    assert wrongs(till.house) == []


@pytest.mark.parametrize("truth", TRUTHS)
def test_all_at_once_from_two_houses_there_is_one_settlement(truth: str, till: Till, neighbour: House) -> None:
    for _ in range(10):
        order = till.place()
        answer = TRUTHS[truth](till.gateway, bill_of(order))

        def brings(house: House, source: str, order: Order = order, answer: Answer = answer) -> Callable[[], None]:
            return lambda: bring(house, source, order, answer)

        at_once([brings(house, source) for house in (till.house, neighbour) for source in SOURCES * 2])
        assert till.end(order) == (PAID if truth == "charged" else FAILED)
    assert till.reviews() == set()
    assert wrongs(till.house) == []


def test_a_buyer_who_comes_back_while_recovery_gives_up_is_charged_or_gets_the_points_back(
    till: Till, neighbour: House
) -> None:
    ends = set()
    for number in range(20):
        order = till.place()
        purchase = till.shop.purchase(f"member-{number + 1}", 30, key="key")
        first, _ = at_once([lambda p=purchase: neighbour.check_out(p), lambda: recovered(till.house)])  # type: ignore[misc]
        assert isinstance(first, OrderOutcome)
        assert till.end(order) == (PAID if first.status == "paid" else FAILED)
        ends.add(first.status)
    assert ends <= {"paid", "failed"}
    assert wrongs(till.house) == []


def recovered(house: House) -> object:
    """Nothing failed."""
    assert house.recover_payments(is_all=True).failures == []
    return None


@pytest.fixture
def out_of_reach(settings: Settings, clock: Clock) -> Iterator[House]:
    """A house on the same database whose gateway cannot be reached."""
    gateway = SandboxGateway("postgresql://nobody@127.0.0.1:1/nowhere", connections=1)
    built = build(settings, clock=clock, gateway=gateway)
    yield built
    built.close()


def test_while_nobody_knows_nothing_settles_the_order_not_even_three_days(
    till: Till, out_of_reach: House, clock: Clock
) -> None:
    silence = Unknown("out of reach")
    orders = [till.place() for _ in SEQUENCES]
    for order, sequence in zip(orders, SEQUENCES, strict=True):
        for source in sequence:
            if source != "recovery":
                bring(out_of_reach, source, order, silence)
    assert len(out_of_reach.recover_payments(is_all=True).settled) == 0
    assert {str(till.end(order)) for order in orders} == {str(PENDING)}
    assert till.reviews() == set()
    clock.at += REVIEW_AFTER
    assert till.reviews() == {order.id for order in orders}
    bring(out_of_reach, "recovery", orders[0], silence)
    assert {str(till.end(order)) for order in orders} == {str(PENDING)}
    recovered(till.house)  # the gateway is back, and has no charge
    assert {str(till.end(order)) for order in orders} == {str(FAILED)}
    assert till.reviews() == set()
    assert wrongs(till.house) == []


def told(kind: Literal["charged", "voided"], charge_id: str = "", **other: Any) -> Callable[[Bill], GatewayNews]:
    """A message about a bill, right in everything but what is `other`."""

    def of(bill: Bill) -> GatewayNews:
        news = GatewayNews(kind, bill.order_id, charge_id, bill.amount_minor, bill.currency, "canceled")
        return replace(news, **other)

    return of


NEWS = {
    "charged": told("charged", "ch_1"),
    "charged elsewhere": told("charged", "ch_2"),
    "a paisa less": told("charged", "ch_1", amount_minor=46_999),
    "another currency": told("charged", "ch_1", currency="USD"),
    "voided": told("voided"),
}


def judged(sequence: tuple[str, ...]) -> tuple[str, str | None, bool]:
    """The order's status, its charge and whether it is up for review: the first certain news stands, for good."""
    status, charge_id, is_up = "pending", None, False
    for name in sequence:
        news = NEWS[name](Bill(UUID(int=0), 47_000, "INR", Clock()()))
        is_right = (news.amount_minor, news.currency) == (47_000, "INR")
        if status == "pending" and is_right:
            status, charge_id = ("paid", news.charge_id) if news.kind == "charged" else ("failed", None)
        else:
            stands = ("charged", charge_id) if status == "paid" else ("voided", "")
            is_up = is_up or not is_right or status == "pending" or (news.kind, news.charge_id) != stands
    return status, charge_id, is_up


@pytest.mark.parametrize("length", [1, 2, 3])
def test_news_that_contradicts_what_stands_goes_to_a_person_and_changes_no_order(length: int, till: Till) -> None:
    for sequence in product(NEWS, repeat=length):
        order = till.place()
        for name in sequence:
            till.house.hear_from_gateway(NEWS[name](bill_of(order)))
        stands = till.load(order.id)
        assert (stands.status, stands.charge_id, order.id in till.reviews()) == judged(sequence), sequence
        assert till.end(order) == {"paid": PAID, "failed": FAILED, "pending": PENDING}[stands.status]
    assert till.shop.differences() == []


ANSWERS: dict[str, Answer] = {"ch_1": Charged("ch_1"), "ch_2": Charged("ch_2"), "voided": Declined("voided")}


@pytest.mark.parametrize(("first", "then"), [*permutations(ANSWERS, 2)])
@pytest.mark.parametrize("source", ["reply", "webhook"])
def test_a_reply_that_contradicts_what_stands_goes_to_a_person_too(
    first: str, then: str, source: str, till: Till
) -> None:
    order = till.place()
    till.bring(source, order, ANSWERS[first])
    till.bring("reply", order, ANSWERS[then])
    assert till.end(order) == (FAILED if first == "voided" else PAID)
    assert till.reviews() == {order.id}


@pytest.mark.parametrize(("one", "other"), [*combinations(ANSWERS, 2)])
def test_of_two_contradictory_messages_at_once_one_is_written_and_the_other_goes_to_a_person(
    one: str, other: str, till: Till, neighbour: House
) -> None:
    for _ in range(10):
        order = till.place()

        def tells(house: House, name: str, order: Order = order) -> Callable[[], None]:
            return lambda: bring(house, "webhook", order, ANSWERS[name])

        at_once([tells(till.house, one), tells(neighbour, other)])
        assert till.end(order) in (PAID, FAILED)
        assert order.id in till.reviews()


@pytest.mark.parametrize("wrong", [{"amount_minor": 46_999}, {"amount_minor": 47_001}, {"currency": "USD"}], ids=str)
@pytest.mark.parametrize("source", ["client", "webhook", "recovery"])
def test_a_charge_of_another_amount_or_currency_is_never_taken_for_the_payment(
    source: str, wrong: dict[str, Any], till: Till
) -> None:
    order = till.place()
    bill = bill_of(order)
    charged = till.gateway.charge(replace(bill, **wrong), VISA)
    assert isinstance(charged, Charged)
    for _ in range(2):
        match source:
            case "client":
                till.house.check_out(till.shop.purchase("member-1", 30, key="key"))
            case "webhook":
                till.house.hear_from_gateway(told("charged", charged.charge_id, **wrong)(bill))
            case "recovery":
                recovered(till.house)
        assert till.end(order) == PENDING
        assert till.reviews() == {order.id}
