"""The sandbox gateway as the checkout uses it: one charge an order id, whatever is sent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID, uuid4

import pytest

from app.database import Database
from app.payments import sandbox
from app.payments.sandbox import SandboxGateway
from app.usecases.ports import Charged, Declined, Outcome, Unknown
from tests.support.postgres import Addresses
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA, at_once

ORDER = uuid4()


@pytest.fixture
def gateway(addresses: Addresses) -> Iterator[SandboxGateway]:
    opened = SandboxGateway(addresses.app)
    yield opened
    opened.close()


def charge(gateway: SandboxGateway, method: str, order_id: UUID = ORDER, amount: int = 47_000) -> Outcome:
    return gateway.charge(order_id, amount, "INR", method)


def books(owner: Database) -> list[tuple[object, ...]]:
    return owner.rows("SELECT order_id, amount_minor, currency, outcome FROM sandbox_charges")


def test_a_good_card_is_charged(gateway: SandboxGateway, owner: Database) -> None:
    assert isinstance(charge(gateway, VISA), Charged)
    assert books(owner) == [(ORDER, 47_000, "INR", "charged")]


@pytest.mark.parametrize(("method", "reason"), [(DECLINED, "card_declined"), ("pm_other", "payment_method_unknown")])
def test_another_is_declined_for_good(gateway: SandboxGateway, method: str, reason: str) -> None:
    assert charge(gateway, method) == charge(gateway, VISA) == Declined(reason)


def test_a_timeout_charges_without_an_answer(gateway: SandboxGateway, owner: Database) -> None:
    assert isinstance(charge(gateway, TIMEOUT), Unknown)
    assert books(owner) == [(ORDER, 47_000, "INR", "charged")]


def test_a_lost_request_charges_nobody(gateway: SandboxGateway, owner: Database) -> None:
    assert isinstance(charge(gateway, LOST), Unknown)
    assert books(owner) == []


def test_a_slow_answer_is_an_answer(gateway: SandboxGateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SLOW_S", 0.05)
    began = time.monotonic()
    assert isinstance(charge(gateway, "pm_sandbox_slow"), Charged)
    assert time.monotonic() - began >= 0.05


def test_the_first_charge_of_an_order_stands(gateway: SandboxGateway, owner: Database) -> None:
    first = charge(gateway, VISA)
    assert charge(gateway, DECLINED) == charge(gateway, VISA, amount=1) == first
    assert books(owner) == [(ORDER, 47_000, "INR", "charged")]


def test_many_charges_at_once_are_one_and_all_are_told_so(gateway: SandboxGateway, owner: Database) -> None:
    for order_id in (uuid4() for _ in range(40)):
        outcomes = at_once([partial(charge, gateway, VISA, order_id)] * 8)
        assert set(outcomes) == {Charged(f"ch_{order_id.hex}")}
    assert len(books(owner)) == 40


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
