"""Whole checkouts and refunds whose connection dies: no conflict, the right answer, one charge, nothing twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.config import Settings
from app.database import Database
from app.eventstore import recorder
from app.payments.sandbox import SandboxGateway
from app.usecases.payment_gateway import Bill, Charged, Declined, Refunded, RefundRefused, Unknown
from app.wiring import build
from tests.storage.proxy import (
    Cut,
    Proxy,
    hang_up_at_once,
    lose_half_the_question,
    lose_the_answer,
    lose_the_question,
    proxy,
)
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.http import Api, answered, bought, refused
from tests.support.postgres import Addresses
from tests.support.shop import Shop

each_loss = pytest.mark.parametrize(
    "loss", [lose_the_question, lose_half_the_question, lose_the_answer, hang_up_at_once]
)
each_moment = pytest.mark.parametrize("moment", ["first", "settle", "both"])


class CuttingGateway(SandboxGateway):
    """The sandbox on a line of its own; once it has answered, our own line is cut at the next append."""

    def __init__(self, url: str, line: Proxy) -> None:
        super().__init__(url)
        self._line = line
        self.then: list[Cut] = []

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        news = super().charge(bill, payment_method)
        self._line.cuts.extend(self.then)
        return news

    def refund(
        self, bill: Bill, charge_id: str, refund_id: UUID, amount_minor: int
    ) -> Refunded | RefundRefused | Unknown:
        news = super().refund(bill, charge_id, refund_id, amount_minor)
        self._line.cuts.extend(self.then)
        return news


class CutShop:
    """A shop over a line that is cut when an order or a refund is written down, when it is settled, or both times."""

    def __init__(self, api: Api, line: Proxy, gateway: CuttingGateway) -> None:
        self.api = api
        self._line = line
        self._gateway = gateway
        self._product = api.on_sale(50_000)

    def cut(self, moment: str, loss: Cut) -> None:
        """From now on."""
        self._line.cuts.extend([loss] if moment in ("first", "both") else [])
        self._gateway.then = [loss] if moment in ("settle", "both") else []

    def buy(self, user: str, points: int, key: str = "k") -> TestResponse:
        """₹500.00, the rest of it by card."""
        return self.api.as_customer(user).post("/checkout/", bought(self._product, points=points), key=key)

    def refund(self, order_id: str, key: str = "r") -> TestResponse:
        """₹200.00 of it."""
        body = {"amount": 20_000, "reason": "broken"}
        return self.api.admin.post(f"/admin/orders/{order_id}/refunds", body, key=key)

    def names(self, order_id: str) -> list[str]:
        """The events of an order, once its line has been cut as often as it was to be."""
        assert not self._line.cuts
        return Shop(self.api.house).names(UUID(order_id))


@pytest.fixture
def line(addresses: Addresses) -> Iterator[Proxy]:
    """A line to the test's database that can be cut."""
    with proxy(addresses.app) as opened:
        yield opened


@pytest.fixture
def cut_shop(addresses: Addresses, line: Proxy, settings: Settings, clock: Clock) -> Iterator[CutShop]:
    """The gateway's own books are reached as ever."""
    gateway = CuttingGateway(addresses.app, line)
    house = build(dataclasses.replace(settings, database_url=line.url), clock=clock, gateway=gateway)
    yield CutShop(Api(house), line, gateway)
    house.close()


@each_moment
@each_loss
@pytest.mark.parametrize("given", [0, 100])
def test_a_checkout_whose_connection_dies_is_no_conflict_and_charges_once(
    *, given: int, loss: Cut, moment: str, cut_shop: CutShop, owner: Database
) -> None:
    if given:
        cut_shop.api.grant("ann", given)
    cut_shop.cut(moment, loss)
    first = cut_shop.buy("ann", points=given)
    order = answered(first, 201)
    assert (order["status"], order["points_earned"], order["available"]) == ("paid", 50, 50)
    assert cut_shop.names(order["order_id"]) == ["OrderPlaced", "OrderPaid"]
    assert owner.rows("SELECT amount_minor, outcome FROM sandbox_charges") == [(50_000 - 100 * given, "charged")]
    assert wrongs(cut_shop.api.house) == []
    assert cut_shop.buy("ann", points=given).get_data() == first.get_data()


@each_moment
@each_loss
def test_a_refund_whose_connection_dies_is_no_conflict_and_gives_back_once(
    *, loss: Cut, moment: str, cut_shop: CutShop, owner: Database
) -> None:
    cut_shop.api.grant("ann", 100)
    order_id = answered(cut_shop.buy("ann", points=100), 201)["order_id"]
    cut_shop.cut(moment, loss)
    first = cut_shop.refund(order_id)
    refund = answered(first, 201)
    given_back = refund["cash_refunded"], refund["points_restored"], refund["points_revoked"], refund["status"]
    assert given_back == (16_000, 40, 20, "partially_refunded")
    assert cut_shop.names(order_id)[2:] == ["RefundRequested", "OrderRefunded"]
    assert owner.rows("SELECT amount_minor FROM sandbox_refunds") == [(16_000,)]
    assert wrongs(cut_shop.api.house) == []
    assert cut_shop.refund(order_id).get_data() == first.get_data()


@each_loss
def test_points_alone_are_taken_and_given_back_once_though_both_connections_die(loss: Cut, cut_shop: CutShop) -> None:
    cut_shop.api.grant("ann", 500)
    cut_shop.cut("first", loss)
    order_id = answered(cut_shop.buy("ann", points=500), 201)["order_id"]
    cut_shop.cut("first", loss)
    assert answered(cut_shop.refund(order_id), 201)["points_restored"] == 200
    assert cut_shop.names(order_id) == ["OrderPlaced", "OrderPaid", "RefundRequested", "OrderRefunded"]
    assert wrongs(cut_shop.api.house) == []


@each_moment
@each_loss
def test_where_an_append_is_sent_but_once_the_client_is_told_that_nobody_knows(
    *, loss: Cut, moment: str, cut_shop: CutShop, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the cuts are deadly. And even then the key finds the one order, or none, once its lease ran out."""
    monkeypatch.setattr(recorder, "APPEND_ATTEMPTS", 1)
    cut_shop.api.grant("ann", 100)
    cut_shop.cut(moment, loss)
    refused(cut_shop.buy("ann", points=100), 503, "unavailable")
    cut_shop.cut("never", loss)
    owner.execute("UPDATE idempotency SET leased_until = now() - interval '1 second' WHERE status IS NULL")
    order = answered(cut_shop.buy("ann", points=100), 201)
    assert cut_shop.names(order["order_id"]) == ["OrderPlaced", "OrderPaid"]
    assert owner.rows("SELECT amount_minor, outcome FROM sandbox_charges") == [(40_000, "charged")]
    assert wrongs(cut_shop.api.house) == []
