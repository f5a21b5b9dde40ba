"""Refunds at Stripe, which outlive its keys, and the statement of its charges."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import uuid4

import pytest

from app.payments.stripe.gateway import StripeGateway
from app.usecases.payment_gateway import (
    Bill,
    Charged,
    Refunded,
    RefundRefused,
    Unknown,
)
from tests.contracts.stripe.bills import HOUR, VISA, new_bill, only
from tests.support.clock import Clock
from tests.support.stripe_faults import fail_after
from tests.support.stripe_server import Call, Reply, StripeServer


def test_a_refund_is_one_long_after_its_key_has_ended(
    gateway: StripeGateway, server: StripeServer, clock: Clock, bill: Bill, charge_id: str
) -> None:
    refund_id = uuid4()
    first = gateway.refund(bill, charge_id, refund_id, 100)
    for _ in range(120):
        gateway.refund(bill, charge_id, uuid4(), 1)
    clock.move(days=40)
    assert gateway.refund(bill, charge_id, refund_id, 100) == first
    assert len(server.books.refunds) == 121


def test_a_refund_names_its_order_and_itself(
    gateway: StripeGateway, server: StripeServer, bill: Bill, charge_id: str
) -> None:
    refund_id = uuid4()
    gateway.refund(bill, charge_id, refund_id, 100)
    made = only(server.books.refunds)
    assert made["metadata"] == {"order_id": str(bill.order_id), "refund_id": str(refund_id)}
    assert made["amount"] == 100
    assert server.calls[-1].key == f"refund-{refund_id}"


@pytest.mark.parametrize("status", ["pending", "requires_action"])
def test_a_refund_under_way_is_unknown_until_it_is_done(
    gateway: StripeGateway, server: StripeServer, bill: Bill, charge_id: str, status: str
) -> None:
    refund_id = uuid4()
    server.books.next_status.append(status)
    assert gateway.refund(bill, charge_id, refund_id, 100) == Unknown(f"the refund is {status}")
    made = only(server.books.refunds)
    made["status"] = "succeeded"
    assert gateway.refund(bill, charge_id, refund_id, 100) == Refunded(made["id"])


@pytest.mark.parametrize(("status", "reason"), [("failed", "expired_or_canceled_card"), ("canceled", "canceled")])
def test_a_refund_that_failed_is_refused(
    gateway: StripeGateway, server: StripeServer, bill: Bill, charge_id: str, status: str, reason: str
) -> None:
    refund_id = uuid4()
    server.books.next_status.append(status)
    assert gateway.refund(bill, charge_id, refund_id, 100) == RefundRefused(reason)
    assert gateway.refund(bill, charge_id, refund_id, 100) == RefundRefused(reason)


@pytest.mark.parametrize(
    ("amounts", "reason"), [((47_001,), "amount_too_large"), ((47_000, 1), "charge_already_refunded")]
)
def test_more_than_was_charged_is_refused(
    gateway: StripeGateway, bill: Bill, charge_id: str, amounts: tuple[int, ...], reason: str
) -> None:
    answers = [gateway.refund(bill, charge_id, uuid4(), amount) for amount in amounts]
    assert answers[-1] == RefundRefused(reason)


def test_another_sum_under_the_same_refund_is_for_review(
    gateway: StripeGateway, server: StripeServer, bill: Bill, charge_id: str
) -> None:
    refund_id = uuid4()
    gateway.refund(bill, charge_id, refund_id, 100)
    answer = gateway.refund(bill, charge_id, refund_id, 200)
    assert isinstance(answer, Unknown)
    assert answer.is_for_review
    assert len(server.books.refunds) == 1


def test_a_refund_that_another_made_and_did_not_hear_of_is_not_made_again(
    gateway: StripeGateway, server: StripeServer, bill: Bill, charge_id: str
) -> None:
    def overtaken(call: Call) -> Reply:
        fail_after(call)
        return call.answer()

    server.faults.append(("POST /v1/refunds", overtaken))
    assert isinstance(gateway.refund(bill, charge_id, uuid4(), 100), Refunded)
    assert len(server.books.refunds) == 1


def test_a_charge_that_stripe_does_not_know_is_not_refused(gateway: StripeGateway, bill: Bill) -> None:
    assert type(gateway.refund(bill, "pi_00000000000009", uuid4(), 1)) is Unknown


# The statement


def test_a_statement_goes_on_over_all_pages(gateway: StripeGateway, clock: Clock) -> None:
    bills = []
    for _ in range(120):
        clock.move(seconds=1)
        bills.append(new_bill(clock()))
        gateway.charge(bills[-1], VISA)
    lines = list(gateway.statement(clock() - HOUR, clock() + HOUR))
    assert [line.order_id for line in lines] == [bill.order_id for bill in reversed(bills)]
    assert [line.at for line in lines] == [bill.placed_at for bill in reversed(bills)]


@pytest.mark.parametrize("metadata", [{}, {"order_id": "shop-17"}, None])
def test_a_charge_that_names_no_order_of_ours_is_listed_without_one(
    gateway: StripeGateway, server: StripeServer, clock: Clock, charge_id: str, metadata: object
) -> None:
    only(server.books.charges)["metadata"] = metadata
    (line,) = gateway.statement(clock() - HOUR, clock() + HOUR)
    assert (line.order_id, line.charge_id) == (None, charge_id)


def test_a_charge_without_an_intent_goes_by_its_own_id(
    gateway: StripeGateway, server: StripeServer, clock: Clock, charge_id: str
) -> None:
    charge = only(server.books.charges)
    charge["payment_intent"] = None
    (line,) = gateway.statement(clock() - HOUR, clock() + HOUR)
    assert line.charge_id == charge["id"] != charge_id


def test_a_reserved_sum_is_no_charge(
    gateway: StripeGateway, server: StripeServer, clock: Clock, charge_id: str
) -> None:
    only(server.books.charges)["captured"] = False
    assert list(gateway.statement(clock() - HOUR, clock() + HOUR)) == []


def test_many_threads_share_one_gateway(gateway: StripeGateway, server: StripeServer, clock: Clock) -> None:
    bills = [new_bill(clock()) for _ in range(32)]
    charges: list[Callable[[], object]] = [partial(gateway.charge, bill, VISA) for bill in bills]
    with ThreadPoolExecutor(16) as threads:
        answers = [future.result() for future in [threads.submit(charge) for charge in charges]]
    assert all(isinstance(answer, Charged) for answer in answers)
    assert len(server.books.charges) == 32
