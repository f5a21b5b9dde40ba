"""What is the sandbox's alone; what it shares with every gateway is in tests/contracts/test_payment_gateways.py."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from uuid import UUID, uuid4

import pytest

from app.database import Database
from app.payments import sandbox
from app.payments.sandbox import SandboxGateway
from app.usecases.payment_gateway import Bill, Charged, Declined, RefundRefused, Unknown
from tests.support.postgres import Addresses
from tests.support.shop import DECLINED, VISA, at_once

ORDER = uuid4()
NOW = datetime(2026, 1, 15, tzinfo=UTC)


@pytest.fixture
def gateway(addresses: Addresses) -> Iterator[SandboxGateway]:
    opened = SandboxGateway(addresses.app)
    yield opened
    opened.close()


def charge(gateway: SandboxGateway, method: str, order_id: UUID = ORDER, amount: int = 47_000) -> object:
    return gateway.charge(Bill(order_id, amount, "INR", NOW), method)


def books(owner: Database) -> list[tuple[object, ...]]:
    return owner.rows("SELECT order_id, amount_minor, currency, outcome FROM sandbox_charges")


@pytest.mark.parametrize(("method", "reason"), [(DECLINED, "card_declined"), ("pm_other", "payment_method_unknown")])
def test_another_is_declined_for_good(gateway: SandboxGateway, method: str, reason: str) -> None:
    assert charge(gateway, method) == charge(gateway, VISA) == Declined(reason)


def test_a_slow_answer_is_an_answer(gateway: SandboxGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SLOW_S", 0.05)
    began = time.monotonic()
    assert isinstance(charge(gateway, "pm_sandbox_slow"), Charged)
    assert time.monotonic() - began >= 0.05


def test_the_first_charge_of_an_order_stands(gateway: SandboxGateway, owner: Database) -> None:
    first = charge(gateway, VISA)
    assert charge(gateway, DECLINED) == first
    other = charge(gateway, VISA, amount=1)
    assert isinstance(other, Unknown)
    assert other.is_for_review
    assert books(owner) == [(ORDER, 47_000, "INR", "charged")]


def test_all_of_many_charges_at_once_are_told_of_the_one(gateway: SandboxGateway, owner: Database) -> None:
    for order_id in (uuid4() for _ in range(40)):
        assert set(at_once([partial(charge, gateway, VISA, order_id)] * 8)) == {Charged(f"ch_{order_id.hex}")}
    assert len(books(owner)) == 40


def test_what_was_paid_by_a_card_that_takes_nothing_back_is_not_refunded(gateway: SandboxGateway) -> None:
    charged = charge(gateway, sandbox.REFUND_REFUSED)
    assert isinstance(charged, Charged)
    bill = Bill(ORDER, 47_000, "INR", NOW)
    assert gateway.refund(bill, charged.charge_id, uuid4(), 1) == RefundRefused("refund_not_allowed")


def test_a_charge_that_meets_another_under_way_is_told_of_it(gateway: SandboxGateway, owner: Database) -> None:
    with ThreadPoolExecutor(1) as threads:
        with owner.transaction() as other:
            other.execute(
                "INSERT INTO sandbox_charges (order_id, charge_id, amount_minor, currency, payment_method, outcome)"
                " VALUES (%s, 'ch_other', 47000, 'INR', 'pm_card_visa', 'charged')",
                (ORDER,),
            )
            second = threads.submit(charge, gateway, VISA)
            wait_until_one_waits(owner)
        assert second.result(timeout=10) == Charged("ch_other")


def wait_until_one_waits(owner: Database) -> None:
    """Come back when a statement waits for another's transaction."""
    deadline = time.monotonic() + 10
    while not owner.rows("SELECT 1 FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"):
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)
