"""The order gives back: whole, in parts, once, and never more than it holds."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from app.domain.lots import Part
from app.domain.order import Order, Refund
from app.domain.order_events import OrderPaid, OrderPlaced, OrderRefunded, PaymentFailed, RefundFailed, RefundRequested
from tests.domain.samples import ADMIN, DAY, NOW, REASON, lot, placed
from tests.support.given import ID, Given, given

LATER = NOW + DAY
FIRST, SECOND = UUID(int=1), UUID(int=2)
PAID = OrderPaid(at=NOW, charge_id="ch_1", cash_minor=47_000, points_earned=50, lot=lot(2, 50))
FAILED = PaymentFailed(at=NOW, reason="card_declined", points_restored=30)


def asked(refund_id: UUID = FIRST, amount: int = 50_000, cash: int = 47_000) -> RefundRequested:
    return RefundRequested(
        at=LATER, refund_id=refund_id, amount_minor=amount, cash_minor=cash, reason_id=REASON, actor_id=ADMIN
    )


def made(
    refund_id: UUID = FIRST, amount: int = 50_000, left: int = 0, cash: int = 47_000, **points: int
) -> OrderRefunded:
    return OrderRefunded(
        at=LATER,
        refund_id=refund_id,
        amount_minor=amount,
        left_minor=left,
        cash_minor=cash,
        points_restored=points.get("restored", 30),
        points_revoked=points.get("revoked", 50),
        expired=points.get("expired", 0),
        gateway_refund_id="re_1",
    )


def refused(refund_id: UUID = FIRST) -> RefundFailed:
    return RefundFailed(at=LATER, refund_id=refund_id, reason="charge_exhausted")


def request(order: Order, amount: int | None = None, refund_id: UUID = SECOND) -> Refund:
    return order.request_refund(LATER, refund_id, amount, REASON, ADMIN)


def give_back(order: Order, expired: int = 0) -> None:
    refund = order.pending_refund
    assert refund is not None
    order.refund(LATER, refund, expired, "re_1")


def give_nothing(order: Order) -> None:
    refund = order.pending_refund
    assert refund is not None
    order.fail_refund(LATER, refund, "charge_exhausted")


def given_paid(*since: RefundRequested | OrderRefunded | RefundFailed) -> Given[Order]:
    return given(Order, placed(), PAID, *since)


# -- asking


def test_the_intent_is_recorded_with_the_cash_that_the_gateway_is_asked_for() -> None:
    outcome = given_paid().when(lambda order: request(order, 10_000, FIRST))
    order = outcome.then(asked(amount=10_000, cash=9_400))
    assert (order.status, order.refunded_minor, order.pending_refund) == ("paid", 0, outcome.result)


@pytest.mark.parametrize(("refunded", "left"), [(0, 50_000), (1, 49_999), (49_999, 1)])
def test_without_an_amount_all_that_is_left_is_asked_for(refunded: int, left: int) -> None:
    cash = 47_000 * refunded // 50_000
    before = (asked(FIRST, refunded, cash), made(FIRST, refunded, left, cash)) if refunded else ()
    given_paid(*before).when(request).then(asked(SECOND, left, 47_000 - cash))


def test_an_order_that_was_not_paid_cannot_be_refunded() -> None:
    given(Order, placed()).when(request).then_refused("order_not_refundable", order_status="pending")
    given(Order, placed(), FAILED).when(request).then_refused("order_not_refundable", order_status="failed")


def test_an_order_whose_cash_was_paid_elsewhere_cannot_be_refunded_here() -> None:
    given(Order, placed(), OrderPaid(at=NOW, charge_id=None, cash_minor=47_000, points_earned=50, lot=None)).when(
        request
    ).then_refused("order_not_refundable", order_status="paid")


def test_an_order_that_points_paid_for_alone_can_be_refunded_though_it_has_no_charge() -> None:
    paid = OrderPaid(at=NOW, charge_id=None, cash_minor=0, points_earned=3, lot=lot(2, 3))
    given(Order, placed(total_minor=3_000, cash_due_minor=0), paid).when(request).then(asked(SECOND, 3_000, 0))


@pytest.mark.parametrize("amount", [50_001, 2**63, 10**30])
def test_more_than_is_left_is_refused_with_what_is_left(amount: int) -> None:
    given_paid().when(lambda order: request(order, amount)).then_refused(
        "refund_exceeds_order", amount=amount, left=50_000, currency="INR"
    )


@pytest.mark.parametrize("amount", [0, -1, -(2**63)])
def test_less_than_a_paisa_is_refused(amount: int) -> None:
    given_paid().when(lambda order: request(order, amount)).then_refused(
        "invalid_request", errors={"amount": ["Must be 1 or more."]}
    )


def test_of_a_refunded_order_nothing_is_left() -> None:
    whole = (asked(), made())
    given_paid(*whole).when(request).then_refused("order_not_refundable", order_status="refunded")
    given_paid(*whole).when(lambda order: request(order, 1)).then_refused("refund_exceeds_order", left=0)


# -- what came of it


def test_a_refund_that_was_made_tells_what_it_moved_and_what_is_left() -> None:
    order = (
        given_paid(asked(amount=10_000, cash=9_400))
        .when(give_back)
        .then(made(amount=10_000, left=40_000, cash=9_400, restored=6, revoked=10))
    )
    assert (order.status, order.refunded_minor, order.pending_refund) == ("partially_refunded", 10_000, None)
    assert (order.points_restored, order.points_revoked) == (6, 10)
    assert order.refunds[FIRST] == Refund(FIRST, LATER, 10_000, 9_400, "done", 6, 10, 40_000)


def test_the_last_part_makes_the_order_refunded() -> None:
    before = (asked(amount=10_000, cash=9_400), made(amount=10_000, left=40_000, cash=9_400, restored=6, revoked=10))
    order = (
        given_paid(*before, asked(SECOND, 40_000, 37_600))
        .when(give_back)
        .then(made(SECOND, amount=40_000, left=0, cash=37_600, restored=24, revoked=40))
    )
    assert (order.status, order.points_restored, order.points_revoked) == ("refunded", 30, 50)


def test_a_refund_that_the_gateway_refused_leaves_the_order_as_it_was_and_another_may_be_asked_for() -> None:
    order = given_paid(asked()).when(give_nothing).then(refused())
    assert (order.status, order.refunded_minor, order.points_restored, order.points_revoked) == ("paid", 0, 0, 0)
    assert (order.refunds[FIRST].status, order.refunds[FIRST].reason) == ("failed", "charge_exhausted")
    given_paid(asked(), refused()).when(request).then(asked(SECOND))


@pytest.mark.parametrize("answer", [made(), refused()])
def test_a_refund_is_answered_once(answer: OrderRefunded | RefundFailed) -> None:
    order = given_paid(asked(), answer).aggregate()
    assert order.pending_refund is None
    with pytest.raises(AssertionError):
        order.refund(LATER, order.refunds[FIRST], 0, "re_2")
    with pytest.raises(AssertionError):
        order.fail_refund(LATER, order.refunds[FIRST], "late")
    assert not order.has_news


# -- whose points


def test_what_was_taken_last_goes_back_first() -> None:
    first, second, third = lot(1, 10, lapses=10), lot(2, 10, lapses=20), lot(3, 10, lapses=30)
    taken = (Part(first, 4), Part(second, 10), Part(third, 6))
    terms = placed(total_minor=20, points_used=20, taken=taken, cash_due_minor=0)
    order = given(Order, terms, OrderPaid(at=NOW, charge_id=None, cash_minor=0, points_earned=0, lot=None)).aggregate()
    went_back = []
    for amount in (5, 5, 9, 1):
        refund = request(order, amount, UUID(int=100 + order.refunded_minor))
        went_back.append(order.parts_to_restore(refund))
        give_back(order)
    assert went_back == [
        (Part(third, 5),),
        (Part(second, 4), Part(third, 1)),
        (Part(first, 3), Part(second, 6)),
        (Part(first, 1),),
    ]


@pytest.mark.parametrize(
    ("amount", "expired", "revoked"),
    [(50_000, 0, 50), (50_000, 20, 30), (50_000, 50, 0), (25_000, 20, 25), (25_000, 30, 20), (999, 0, 0)],
)
def test_points_that_expired_already_are_not_asked_for_again(amount: int, expired: int, revoked: int) -> None:
    order = given_paid().aggregate()
    request(order, amount)
    give_back(order, expired)
    assert order.points_revoked == revoked


def test_points_that_expire_between_two_parts_are_asked_for_by_neither() -> None:
    order = given_paid().aggregate()
    for refund_id, expired in ((FIRST, 0), (SECOND, 40)):
        request(order, 25_000, refund_id)
        give_back(order, expired)
    assert order.points_revoked == 25
    assert order.status == "refunded"


# -- the invariants of the docstring, each by its name


@st.composite
def orders(draw: st.DrawFn) -> OrderPlaced:
    """An order of any terms: its shares need not divide by anything."""
    total = draw(st.one_of(st.integers(1, 60), st.integers(1, 10**7)))
    sizes = draw(st.lists(st.integers(1, 200), max_size=4))
    taken = tuple(Part(lot(n, size + n, lapses=n), size) for n, size in enumerate(sizes, start=1))
    cash, earned = draw(st.integers(0, total)), draw(st.integers(0, 700))
    return placed(total_minor=total, points_used=sum(sizes), taken=taken, cash_due_minor=cash, points_promised=earned)


@settings(max_examples=300, deadline=None)
@for_all(orders(), st.data())
def test_refunds_in_any_number_of_parts_sum_exactly_to_the_whole(terms: OrderPlaced, data: st.DataObject) -> None:
    total, earned = terms.total_minor, terms.points_promised
    order = Order.place(ID, terms)
    order.pay(NOW, "ch_1", lot(9, earned) if earned else None)
    cash, refunded, went_back = 0, 0, Counter[int]()
    while refunded < total:
        left = total - refunded
        size = data.draw(st.one_of(st.integers(1, left), st.sampled_from([1, None])))
        refund = request(order, size if len(order.refunds) < 8 else None, UUID(int=len(order.refunds)))
        went_back.update({part.lot.id: part.points for part in order.parts_to_restore(refund)})
        give_back(order)
        cash, refunded = cash + refund.cash_minor, refunded + refund.amount_minor
        assert cash == terms.cash_due_minor * refunded // total
        assert order.points_restored == terms.points_used * refunded // total
        assert order.points_revoked == earned * refunded // total
        assert order.status == ("refunded" if refunded == total else "partially_refunded")
    assert refunded == total
    assert (cash, order.points_restored, order.points_revoked) == (terms.cash_due_minor, terms.points_used, earned)
    assert went_back == Counter({part.lot.id: part.points for part in terms.taken})


def test_one_refund_at_a_time() -> None:
    waiting = given_paid(asked(amount=10_000, cash=9_400))
    for amount in (1, 40_000, None):
        waiting.when(lambda order, amount=amount: request(order, amount)).then_refused(  # type: ignore[misc]
            "order_not_refundable", order_status="paid"
        )
    given_paid(asked(amount=10_000, cash=9_400), refused()).when(lambda order: request(order, 1)).then(
        asked(SECOND, 1, 0)
    )
