"""Forgetting a member while they are at the till, or while somebody writes about them: nothing breaks or stays."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import sleep
from uuid import uuid4

import pytest

from app.config import Settings
from app.database import Database
from app.payments.sandbox import SandboxGateway
from app.registers.directory import reason_statement
from app.registers.mentions import FORGOTTEN
from app.usecases.payment_gateway import Bill, Charged, Declined, Unknown
from app.usecases.ports import ReasonText
from app.wiring import House, build
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.refunds import REFUND_TIMEOUT, refund
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA, Shop, at_once, refusal
from tests.support.tables import snapshot_of_tables


def test_two_who_forget_at_once_forget_once(shop: Shop, owner: Database) -> None:
    shop.give("ann")
    ends = at_once([lambda: refusal(lambda: shop.house.forget_member("ann"))] * 4)
    assert sorted(map(str, ends)) == ["None", *["unknown_account"] * 3]
    assert owner.rows("SELECT count(*) FROM directory WHERE user_id IS NULL") == [(1,)]


class Interrupted(SandboxGateway):
    """The sandbox; before it charges, the member who buys is forgotten."""

    house: House

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        self.house.forget_member("ann", even_so=True)
        return super().charge(bill, payment_method)


@pytest.fixture
def interrupted(settings: Settings, clock: Clock, house: House) -> Iterator[House]:
    gateway = Interrupted(settings.database_url or "")
    gateway.house = house
    built = build(settings, clock=clock, gateway=gateway)
    yield built
    built.close()


@pytest.mark.parametrize(("method", "status"), [(VISA, "paid"), (DECLINED, "failed"), (TIMEOUT, "pending")])
def test_a_checkout_goes_on_whose_member_is_forgotten_while_the_card_is_charged(
    interrupted: House, shop: Shop, method: str, status: str
) -> None:
    shop.give("ann", 100)
    order = Shop(interrupted).buy("ann", 30, method=method)
    assert order.status == status
    assert shop.house.directory.account_of("ann") is None
    stands = shop.house.orders.find(order.order_id)
    assert stands is not None and (stands["user"], stands["status"]) == (None, status)
    shop.house.recover_payments(is_all=True)
    assert wrongs(shop.house) == []


def test_members_who_are_forgotten_amid_their_purchases_leave_sound_books(house: House, owner: Database) -> None:
    shop = Shop(house)
    shop.items()
    shop.give("ann", 1_000)

    def buy() -> list[str | None]:
        return [refusal(lambda: shop.buy("ann", 10)) for _ in range(6)]

    def forget() -> list[str | None]:
        return [refusal(lambda: house.forget_member("ann", even_so=True)) for _ in range(6)]

    *bought_each, forgotten = at_once([buy, buy, buy, buy, forget])
    assert None in forgotten
    assert {code for codes in bought_each for code in codes} <= {None, "insufficient_points", "try_again"}
    assert owner.rows("SELECT count(*) FROM directory WHERE user_id IS NULL") == [(forgotten.count(None),)]
    assert wrongs(house) == []


def test_a_reason_that_an_append_is_about_to_commit_is_found_and_blanked(shop: Shop, owner: Database) -> None:
    shop.give("ann")
    reason_id, account_id = uuid4(), shop.account("ann")
    with ThreadPoolExecutor(1) as thread:
        with shop.house.database.transaction() as cursor:
            cursor.execute(*reason_statement(ReasonText(reason_id, account_id, "for ann")))
            forgetting = thread.submit(shop.house.forget_member, "ann")
            wait_for_a_lock(owner)
        assert forgetting.result().texts_blanked == 2
    assert owner.rows("SELECT body FROM reasons WHERE reason_id = %s", (reason_id,)) == [("",)]


def test_a_reason_about_somebody_else_that_an_append_is_about_to_commit_loses_the_name(
    shop: Shop, owner: Database
) -> None:
    shop.give("ann")
    shop.give("bob")
    reason_id, account_id = uuid4(), shop.account("bob")
    with ThreadPoolExecutor(1) as thread:
        with shop.house.database.transaction() as cursor:
            cursor.execute(*reason_statement(ReasonText(reason_id, account_id, "as ann has")))
            forgetting = thread.submit(shop.house.forget_member, "ann")
            wait_for_a_lock(owner)
        assert forgetting.result().texts_changed == 1
    assert owner.rows("SELECT body FROM reasons WHERE reason_id = %s", (reason_id,)) == [(f"as {FORGOTTEN} has",)]


def test_those_who_give_points_while_members_are_forgotten_all_get_through(house: House, owner: Database) -> None:
    shop = Shop(house)
    users = [f"member-{n}" for n in range(5)]
    for user in users:
        shop.give(user)

    def give() -> list[str | None]:
        return [refusal(partial(shop.give, user, 1, reason=f"as {user} asked")) for user in users]

    def forget() -> list[str | None]:
        return [refusal(partial(house.forget_member, user)) for user in users]

    gave = at_once([give, give, give, forget])
    assert gave == [[None] * 5] * 4
    assert wrongs(house) == []


@pytest.mark.parametrize("waits_for", ["charge", "refund"])
def test_nobody_is_forgotten_unasked_while_an_order_of_theirs_waits(
    shop: Shop, owner: Database, waits_for: str
) -> None:
    order = shop.buy("ann", method=TIMEOUT if waits_for == "charge" else REFUND_TIMEOUT)
    shop.buy("bob", method=LOST)
    if waits_for == "refund":
        assert refund(shop, order.order_id).status == "pending"
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.forget_member("ann")) == "orders_waiting"
    assert snapshot_of_tables(owner) == before
    shop.house.recover_payments.one(order.order_id)
    assert shop.house.forget_member("ann")
    assert shop.house.forget_member("bob", even_so=True)


def test_a_reason_that_waits_for_the_forgetting_is_never_written(shop: Shop, owner: Database) -> None:
    shop.give("ann")
    with ThreadPoolExecutor(1) as thread:
        with owner.transaction() as cursor:
            cursor.execute("UPDATE directory SET user_id = NULL, forgotten_at = now() WHERE user_id = 'ann'")
            giving = thread.submit(shop.give, "ann", 7, reason="for ann")
            wait_for_a_lock(owner)
        assert giving.result().points == 7
    assert owner.rows("SELECT body FROM reasons WHERE reason_id = %s", (giving.result().adjustment_id,)) == [("",)]
    assert shop.differences() == []


def wait_for_a_lock(owner: Database) -> None:
    """Until somebody waits for a lock; the test's own time limit ends it."""
    while not owner.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
        sleep(0.01)
