"""A gateway on a loopback Stripe, both living by the test's clock, and a bill of now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.payments.stripe.gateway import StripeGateway
from app.usecases.payment_gateway import Bill, Charged
from tests.contracts.stripe.bills import VISA, new_bill
from tests.support.clock import Clock
from tests.support.stripe_server import API_KEY, StripeServer, stripe_server


@pytest.fixture
def server(clock: Clock) -> Iterator[StripeServer]:
    """Stripe, living by the test's clock."""
    with stripe_server(lambda: clock().timestamp()) as running:
        yield running


@pytest.fixture
def gateway(server: StripeServer, clock: Clock) -> Iterator[StripeGateway]:
    """One that does not wait for long."""
    opened = StripeGateway(API_KEY, server.url, timeout_s=0.5, clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def bill(clock: Clock) -> Bill:
    return new_bill(clock())


@pytest.fixture
def charge_id(gateway: StripeGateway, bill: Bill) -> str:
    charged = gateway.charge(bill, VISA)
    assert isinstance(charged, Charged)
    return charged.charge_id
