"""What every payment gateway owes the house, on each of them: the sandbox on its tables, and Stripe's official library
against a server on loopback that speaks Stripe's wire format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.payments.sandbox import REFUND_TIMEOUT, SandboxGateway
from app.payments.stripe.gateway import StripeGateway
from app.usecases.payment_gateway import (
    Absent,
    Bill,
    Charged,
    Declined,
    GatewayUnreachable,
    PaymentGateway,
    Refunded,
    RefundRefused,
    StatementLine,
    Unknown,
)
from tests.support.postgres import Addresses
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA, at_once
from tests.support.stripe_faults import reset_after, reset_before
from tests.support.stripe_server import API_KEY, stripe_server

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Till:
    """A gateway, and how to make it misbehave: each of `lost`, `unheard` and `refund_unheard` prepares the next call
    and gives the payment method to charge with."""

    gateway: PaymentGateway
    out_of_reach: PaymentGateway
    lost: Callable[[], str]
    unheard: Callable[[], str]
    refund_unheard: Callable[[], str]

    def charge(self, bill: Bill, method: str = VISA) -> Charged | Declined | Unknown:
        return self.gateway.charge(bill, method)

    def charged(self, bill: Bill) -> str:
        """Charge it; gives the charge's id."""
        news = self.charge(bill)
        assert isinstance(news, Charged)
        return news.charge_id

    def lines(self, *bills: Bill) -> list[StatementLine]:
        """What the gateway's own books say of these bills."""
        listed = self.gateway.statement(datetime.now(UTC) - HOUR, datetime.now(UTC) + HOUR)
        return [line for line in listed if line.order_id in {bill.order_id for bill in bills}]


@pytest.fixture
def sandbox(addresses: Addresses) -> Iterator[Till]:
    """The sandbox misbehaves by payment method."""
    gateway, out_of_reach = SandboxGateway(addresses.app), SandboxGateway("postgresql://nobody@127.0.0.1:1/none")
    yield Till(gateway, out_of_reach, lambda: LOST, lambda: TIMEOUT, lambda: REFUND_TIMEOUT)
    gateway.close()
    out_of_reach.close()


@pytest.fixture
def stripe() -> Iterator[Till]:
    """Stripe misbehaves by a scripted fault of its server."""
    with stripe_server() as server:

        def failing(pattern: str, fault: Any) -> str:
            server.faults.append((pattern, fault))
            return VISA

        gateway, out_of_reach = StripeGateway(API_KEY, server.url), StripeGateway(API_KEY, "http://127.0.0.1:1")
        yield Till(
            gateway,
            out_of_reach,
            partial(failing, "POST */confirm", reset_before),
            partial(failing, "POST */confirm", reset_after),
            partial(failing, "POST /v1/refunds", reset_after),
        )
        gateway.close()
        out_of_reach.close()


@pytest.fixture(params=["sandbox", "stripe"])
def till(request: pytest.FixtureRequest) -> Till:
    """Each gateway in turn."""
    found: Till = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def bill() -> Bill:
    return new_bill()


def new_bill(amount_minor: int = 47_000) -> Bill:
    """What a new order owes."""
    return Bill(uuid4(), amount_minor, "INR", datetime.now(UTC))


def test_a_good_card_is_charged_once_however_often_it_is_asked(till: Till, bill: Bill) -> None:
    charge_id = till.charged(bill)
    assert till.charge(bill) == till.charge(bill, DECLINED) == till.gateway.outcome(bill) == Charged(charge_id)
    (line,) = till.lines(bill)
    assert (line.charge_id, line.amount_minor, line.refunded_minor, line.currency) == (charge_id, 47_000, 0, "INR")


@pytest.mark.parametrize(("amount", "currency"), [(47_001, "INR"), (47_000, "USD")])
def test_a_charge_that_is_not_what_the_order_owes_is_for_review(
    till: Till, bill: Bill, amount: int, currency: str
) -> None:
    till.charged(bill)
    other = till.charge(Bill(bill.order_id, amount, currency, bill.placed_at))
    assert isinstance(other, Unknown)
    assert other.is_for_review
    assert [(line.amount_minor, line.currency) for line in till.lines(bill)] == [(47_000, "INR")]


def test_each_order_has_a_charge_of_its_own(till: Till) -> None:
    bills = [new_bill(), new_bill()]
    assert till.charged(bills[0]) != till.charged(bills[1])
    assert {line.order_id for line in till.lines(*bills)} == {bill.order_id for bill in bills}


def test_charges_of_one_order_at_once_are_one_charge(till: Till) -> None:
    bills = [new_bill() for _ in range(10)]
    for bill in bills:
        answers = at_once([partial(till.charge, bill)] * 8)
        told = {answer for answer in answers if not isinstance(answer, Unknown)}
        assert told <= {till.charge(bill)}, "all who are told anything are told the same"
    assert len(till.lines(*bills)) == 10


@pytest.mark.parametrize("method", [DECLINED, "pm_nobody_knows"])
def test_what_was_declined_stays_declined(till: Till, bill: Bill, method: str) -> None:
    first = till.charge(bill, method)
    assert isinstance(first, Declined)
    assert first.reason
    assert till.charge(bill, VISA) == till.gateway.outcome(bill) == till.gateway.void(bill) == first
    assert till.lines(bill) == []


def test_an_order_never_charged_is_absent_and_looking_changes_nothing(till: Till, bill: Bill) -> None:
    assert till.gateway.outcome(bill) == till.gateway.outcome(bill) == Absent()
    assert till.lines(bill) == []
    assert isinstance(till.charge(bill), Charged)


def test_a_lost_request_charges_nobody_and_may_be_sent_again(till: Till, bill: Bill) -> None:
    assert isinstance(till.charge(bill, till.lost()), Unknown)
    assert till.gateway.outcome(bill) == Absent()
    assert till.lines(bill) == []
    assert isinstance(till.charge(bill), Charged)
    assert len(till.lines(bill)) == 1


def test_a_charge_whose_answer_was_lost_is_found(till: Till, bill: Bill) -> None:
    assert isinstance(till.charge(bill, till.unheard()), Unknown)
    found = till.gateway.outcome(bill)
    assert isinstance(found, Charged)
    assert till.charge(bill) == till.gateway.void(bill) == found
    assert [line.charge_id for line in till.lines(bill)] == [found.charge_id]


def test_what_was_voided_cannot_be_charged_any_more(till: Till, bill: Bill) -> None:
    voided = till.gateway.void(bill)
    assert voided == Declined("voided")
    assert till.charge(bill) == till.gateway.outcome(bill) == till.gateway.void(bill) == voided
    assert till.lines(bill) == []


def test_a_void_after_a_lost_request_is_for_good(till: Till, bill: Bill) -> None:
    till.charge(bill, till.lost())
    assert till.gateway.void(bill) == Declined("voided") == till.charge(bill)


def test_a_charge_is_not_voided_away(till: Till, bill: Bill) -> None:
    charge_id = till.charged(bill)
    assert till.gateway.void(bill) == Charged(charge_id)
    assert len(till.lines(bill)) == 1


def test_a_void_and_charges_at_once_agree_on_who_was_first(till: Till) -> None:
    for _ in range(10):
        bill = new_bill()
        charge, void = partial(till.charge, bill), partial(till.gateway.void, bill)
        acts: list[Callable[[], Any]] = [charge, charge, void, void]
        answers = at_once(acts)
        last = till.gateway.void(bill)
        assert {answer for answer in answers if not isinstance(answer, Unknown)} <= {last}
        assert len(till.lines(bill)) == (1 if isinstance(last, Charged) else 0)


def refund(till: Till, bill: Bill, charge_id: str, amount: int, refund_id: UUID | None = None) -> Any:
    """Give back a part; under a new id unless one is given."""
    return till.gateway.refund(bill, charge_id, refund_id or uuid4(), amount)


def test_a_refund_is_made_once_however_often_it_is_asked_for(till: Till, bill: Bill) -> None:
    charge_id, refund_id = till.charged(bill), uuid4()
    first = refund(till, bill, charge_id, 20_000, refund_id)
    assert isinstance(first, Refunded)
    assert refund(till, bill, charge_id, 20_000, refund_id) == first
    assert [line.refunded_minor for line in till.lines(bill)] == [20_000]


def test_the_same_refund_asked_for_at_once_is_one(till: Till, bill: Bill) -> None:
    charge_id, refund_id = till.charged(bill), uuid4()
    answers = at_once([partial(refund, till, bill, charge_id, 20_000, refund_id)] * 8)
    assert {answer for answer in answers if not isinstance(answer, Unknown)} <= {
        refund(till, bill, charge_id, 20_000, refund_id)
    }
    assert [line.refunded_minor for line in till.lines(bill)] == [20_000]


def test_parts_give_back_the_whole_and_no_more(till: Till, bill: Bill) -> None:
    charge_id = till.charged(bill)
    made = [refund(till, bill, charge_id, amount) for amount in (1, 20_000, 26_999)]
    assert all(isinstance(part, Refunded) for part in made)
    assert len(set(made)) == 3
    assert isinstance(refund(till, bill, charge_id, 1), RefundRefused)
    assert [line.refunded_minor for line in till.lines(bill)] == [47_000]


def test_a_part_that_is_too_large_is_refused_and_gives_back_nothing(till: Till, bill: Bill) -> None:
    charge_id = till.charged(bill)
    refund(till, bill, charge_id, 40_000)
    assert isinstance(refund(till, bill, charge_id, 7_001), RefundRefused)
    assert [line.refunded_minor for line in till.lines(bill)] == [40_000]


def test_refunds_at_once_never_exceed_the_charge(till: Till, bill: Bill) -> None:
    charge_id = till.charged(bill)
    answers = at_once([partial(refund, till, bill, charge_id, 15_000)] * 8)
    assert sum(isinstance(answer, Refunded) for answer in answers) == 3
    assert [line.refunded_minor for line in till.lines(bill)] == [45_000]


def test_a_refund_whose_answer_was_lost_is_found(till: Till, bill: Bill) -> None:
    refund_id = uuid4()
    charged = till.charge(bill, till.refund_unheard())
    assert isinstance(charged, Charged)
    assert isinstance(refund(till, bill, charged.charge_id, 20_000, refund_id), Unknown)
    assert isinstance(refund(till, bill, charged.charge_id, 20_000, refund_id), Refunded)
    assert [line.refunded_minor for line in till.lines(bill)] == [20_000]


def test_the_statement_lists_charges_and_not_what_never_became_one(till: Till) -> None:
    charged, declined, voided, unheard, asked = (new_bill() for _ in range(5))
    till.charge(charged)
    till.charge(declined, DECLINED)
    till.gateway.void(voided)
    till.charge(unheard, till.unheard())
    till.gateway.outcome(asked)
    listed = till.lines(charged, declined, voided, unheard, asked)
    assert {line.order_id for line in listed} == {charged.order_id, unheard.order_id}


def test_statements_of_adjoining_times_list_each_charge_once(till: Till, bill: Bill) -> None:
    till.charged(bill)
    (line,) = till.lines(bill)
    before = list(till.gateway.statement(line.at - HOUR, line.at))
    after = list(till.gateway.statement(line.at, line.at + HOUR))
    assert (before, after) == ([], [line])


def test_out_of_reach_nobody_knows(till: Till, bill: Bill) -> None:
    lost = till.out_of_reach
    answers = [lost.charge(bill, VISA), lost.outcome(bill), lost.void(bill), lost.refund(bill, "x", uuid4(), 1)]
    assert [type(answer) for answer in answers] == [Unknown] * 4
    assert not any(isinstance(answer, Unknown) and answer.is_for_review for answer in answers)
    with pytest.raises(GatewayUnreachable):
        list(lost.statement(datetime.now(UTC) - HOUR, datetime.now(UTC)))
