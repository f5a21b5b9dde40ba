"""Every way in which a call to Stripe can fail, and calls at once: the answer is never more than what is certain."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from app.payments.stripe.gateway import StripeGateway
from app.usecases.payment_gateway import (
    Absent,
    Bill,
    Charged,
    Declined,
    GatewayUnreachable,
    Refunded,
    Unknown,
)
from tests.contracts.stripe.bills import CANCEL, CONFIRM, DECLINED, HOUR, LOOK, MAKE, UPDATE, VISA, new_bill, only
from tests.support.clock import Clock
from tests.support.stripe_books import Json
from tests.support.stripe_faults import (
    fail_after,
    fail_before,
    hang,
    held_until,
    rate_limit,
    reset_after,
    reset_before,
)
from tests.support.stripe_server import API_KEY, Fault, Reply, StripeServer, error

pytestmark = pytest.mark.slow

FAULTS: list[Fault] = [reset_before, reset_after, hang, fail_before, fail_after, rate_limit]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("where", [MAKE, CONFIRM])
def test_a_charge_whose_call_failed_is_unknown_and_then_what_stripe_has(
    gateway: StripeGateway, server: StripeServer, bill: Bill, where: str, fault: Fault
) -> None:
    server.faults.append((where, fault))
    assert type(gateway.charge(bill, VISA)) is Unknown
    charged = [charge["payment_intent"] for charge in server.books.charges.values()]
    assert len(charged) == (1 if where == CONFIRM and fault in (reset_after, fail_after) else 0)
    assert gateway.outcome(bill) == (Charged(charged[0]) if charged else Absent())
    assert gateway.void(bill) == (Charged(charged[0]) if charged else Declined("voided"))
    assert [intent["status"] for intent in server.books.intents.values()].count("requires_payment_method") == 0


@pytest.mark.parametrize("fault", [reset_before, reset_after, hang, fail_before, fail_after, rate_limit])
@pytest.mark.parametrize("where", [UPDATE, CANCEL])
def test_a_decline_that_could_not_be_made_final_is_unknown_until_it_is(
    gateway: StripeGateway, server: StripeServer, bill: Bill, where: str, fault: Fault
) -> None:
    server.faults.append((where, fault))
    assert type(gateway.charge(bill, DECLINED)) is Unknown
    assert isinstance(gateway.void(bill), Declined)
    assert only(server.books.intents)["status"] == "canceled"
    assert gateway.charge(bill, VISA) == gateway.void(bill)


def test_a_decline_keeps_its_reason_though_stripe_forgets_it(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    server.faults.append((CANCEL, reset_after))
    gateway.charge(bill, "pm_card_chargeDeclinedInsufficientFunds")
    assert only(server.books.intents)["last_payment_error"] is None
    assert gateway.outcome(bill) == Declined("insufficient_funds")


@pytest.mark.parametrize("fault", FAULTS)
def test_the_look_at_an_intent_may_fail_too(
    gateway: StripeGateway, server: StripeServer, bill: Bill, fault: Fault
) -> None:
    gateway.charge(bill, VISA)
    server.faults.append((LOOK, fault))
    assert type(gateway.outcome(bill)) is Unknown
    assert isinstance(gateway.outcome(bill), Charged)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_refund_whose_call_failed_is_unknown_and_then_made_once(
    gateway: StripeGateway, server: StripeServer, bill: Bill, fault: Fault
) -> None:
    charged, refund_id = gateway.charge(bill, VISA), uuid4()
    assert isinstance(charged, Charged)
    server.faults.append(("POST /v1/refunds", fault))
    assert type(gateway.refund(bill, charged.charge_id, refund_id, 20_000)) is Unknown
    assert isinstance(gateway.refund(bill, charged.charge_id, refund_id, 20_000), Refunded)
    assert len(server.books.refunds) == 1


@pytest.mark.parametrize("fault", FAULTS)
def test_a_statement_that_cannot_be_read_to_its_end_says_so(
    gateway: StripeGateway, server: StripeServer, clock: Clock, fault: Fault
) -> None:
    for _ in range(101):
        gateway.charge(new_bill(clock()), VISA)
    lines = gateway.statement(clock() - HOUR, clock() + HOUR)
    next(lines)
    server.faults.append(("GET /v1/charges", fault))
    with pytest.raises(GatewayUnreachable):
        list(lines)


def test_an_answer_that_does_not_come_is_not_waited_for(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    server.faults.append((MAKE, hang))
    began = monotonic()
    assert type(gateway.charge(bill, VISA)) is Unknown
    assert monotonic() - began < 10


@pytest.mark.parametrize("body", [{}, [], {"id": "pi_1"}, {"object": "payment_intent", "status": "succeeded"}])
def test_an_answer_that_makes_no_sense_is_no_answer(
    gateway: StripeGateway, server: StripeServer, bill: Bill, body: Json
) -> None:
    server.faults.append((MAKE, lambda _: Reply(200, body)))
    assert type(gateway.charge(bill, VISA)) is Unknown


@pytest.mark.parametrize("status", [401, 403, 400])
def test_our_own_mistake_is_unknown_and_loud(
    gateway: StripeGateway, server: StripeServer, bill: Bill, status: int
) -> None:
    server.faults.append((MAKE, lambda _: error(status, type="invalid_request_error", message="Not so.")))
    with capture_logs() as logs:
        assert type(gateway.charge(bill, VISA)) is Unknown
    assert [(line["log_level"], line["order_id"]) for line in logs] == [("error", str(bill.order_id))]


def test_a_wrong_key_charges_nobody(server: StripeServer, bill: Bill, capsys: pytest.CaptureFixture[str]) -> None:
    gateway = StripeGateway("sk_test_of_another_shop", server.url)
    assert gateway.charge(bill, VISA) == Unknown("AuthenticationError 401 req_00000000000000")
    gateway.close()
    said = capsys.readouterr()
    assert "sk_test_of_another_shop" not in said.err + said.out


# Several at once


def test_a_void_overtakes_a_charge_under_way(gateway: StripeGateway, server: StripeServer, bill: Bill) -> None:
    patient = StripeGateway(API_KEY, server.url)
    gate, arrived = threading.Event(), threading.Event()
    server.faults.append((CONFIRM, held_until(gate, arrived)))
    with ThreadPoolExecutor(1) as threads:
        charge = threads.submit(patient.charge, bill, VISA)
        assert arrived.wait(10)
        assert "idempotency_key_in_use" in getattr(gateway.charge(bill, VISA), "reason", "")
        assert gateway.void(bill) == Declined("voided")
        gate.set()
        assert charge.result(timeout=10) == Declined("voided")
    patient.close()
    assert server.books.charges == {}


def test_one_intent_is_made_though_two_make_it_at_once(
    gateway: StripeGateway, server: StripeServer, bill: Bill
) -> None:
    patient = StripeGateway(API_KEY, server.url)
    gate, arrived = threading.Event(), threading.Event()
    server.faults.append((MAKE, held_until(gate, arrived)))
    with ThreadPoolExecutor(1) as threads:
        charge = threads.submit(patient.charge, bill, VISA)
        assert arrived.wait(10)
        assert [type(ask) for ask in (gateway.charge(bill, VISA), gateway.outcome(bill), gateway.void(bill))] == [
            Unknown
        ] * 3
        gate.set()
        assert isinstance(charge.result(timeout=10), Charged)
    patient.close()
    assert len(server.books.intents) == 1
