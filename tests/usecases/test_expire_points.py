"""The sweep on the real stack: once, whoever runs it, and past whatever is broken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.database import Database
from app.usecases import expire_points
from app.usecases.payment_gateway import Declined
from app.wiring import House
from tests.support.clock import Clock
from tests.support.shop import TIMEOUT, Shop, at_once, refusal


def corrupt(owner: Database, shop: Shop, user: str) -> None:
    """Write an event into the member's stream that nobody can read, as no code of ours would."""
    owner.execute(
        "SELECT events_append(ARRAY[originator_id], ARRAY[max(originator_version) + 1], '{Earned.v1}', ARRAY['{'])"
        " FROM events WHERE originator_id = %s GROUP BY originator_id",
        (shop.account(user),),
    )


def test_a_sweep_takes_exactly_what_is_left(shop: Shop, clock: Clock) -> None:
    shop.give(points=100, expires_at=clock.at + timedelta(days=1))
    shop.give(points=5)
    shop.buy(points=30)
    clock.move(days=1)
    sweep = shop.house.expire_points()
    assert (sweep.accounts, sweep.points, sweep.failures) == (1, 70, [])
    assert shop.lines()[-1] == ("expire", -70)
    assert shop.left() == [0, 5, 50]
    assert shop.differences() == []


def test_a_second_sweep_finds_nothing(shop: Shop, clock: Clock) -> None:
    shop.give(expires_at=clock.at + timedelta(days=1))
    clock.move(days=3)
    shop.house.expire_points()
    length = len(shop.events())
    assert shop.house.expire_points().points == 0
    assert len(shop.events()) == length


def test_sweeps_at_once_write_one_expired_for_exactly_what_was_left(shop: Shop, neighbour: House, clock: Clock) -> None:
    users = [f"member-{n}" for n in range(10)]
    for user in users:
        shop.give(user, 100, clock.at + timedelta(days=1))
    clock.move(days=1)
    sweeps = at_once([house.expire_points for house in (shop.house, neighbour, shop.house, neighbour)])
    assert [failure for sweep in sweeps for failure in sweep.failures] == []
    assert sum(sweep.points for sweep in sweeps) == 1000
    assert all(shop.lines(user) == [("manual", 100), ("expire", -100)] for user in users)


def test_a_purchase_and_a_sweep_at_once_share_the_points_between_them(
    shop: Shop, neighbour: House, clock: Clock
) -> None:
    shop.give(points=60, expires_at=clock.at + timedelta(days=1))
    shop.give(points=40)
    clock.move(days=1)
    purchase = shop.purchase(points=40, price=4_000, method=None)
    at_once([lambda: refusal(lambda: shop.house.check_out(purchase)), lambda: refusal(neighbour.expire_points)])
    assert sorted(shop.lines()[2:]) == [("earn", 4), ("expire", -60), ("use", -40)]
    assert shop.left() == [0, 0, 4]


def test_a_failing_account_is_reported_and_stops_no_other(shop: Shop, clock: Clock, owner: Database) -> None:
    for user in ("ann", "bob", "cem"):
        shop.give(user, 10, clock.at + timedelta(days=1))
    corrupt(owner, shop, "bob")
    clock.move(days=1)
    sweep = shop.house.expire_points()
    assert (sweep.accounts, sweep.points) == (2, 20)
    [(account_id, why)] = sweep.failures
    assert account_id == shop.account("bob")
    assert "Earned.v1" in why
    assert (shop.lines("ann")[-1], shop.lines("cem")[-1]) == (("expire", -10), ("expire", -10))


def test_a_sweep_goes_through_more_accounts_than_it_asks_for_at_a_time(
    shop: Shop, clock: Clock, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expire_points, "BATCH", 2)
    users = [f"member-{n}" for n in range(5)]
    for user in users:
        shop.give(user, 10, clock.at + timedelta(days=1))
    corrupt(owner, shop, "member-0")
    clock.move(days=1)
    sweep = shop.house.expire_points()
    assert (sweep.accounts, len(sweep.failures)) == (4, 1)


def test_a_grant_for_three_seconds_is_unspendable_after_them_before_any_sweep(shop: Shop, clock: Clock) -> None:
    shop.give(points=20, expires_at=clock.at + timedelta(seconds=3))
    items = shop.items()
    clock.move(seconds=3, microseconds=-1)
    assert shop.house.check_out.quote("ann", items, 20).points_available == 20
    clock.move(microseconds=1)
    assert shop.house.check_out.quote("ann", items, 0).points_available == 0
    assert refusal(lambda: shop.buy(points=1)) == "insufficient_points"
    assert refusal(lambda: shop.give(points=-1)) == "insufficient_points"
    points = shop.points()
    assert (points["available"], points["pending"], points["next_expiry"]) == (0, 0, None)
    assert shop.house.accounts.expiring("ann", clock.at) == []


def test_points_that_a_pending_order_holds_come_back_with_grace_and_are_swept_again(shop: Shop, clock: Clock) -> None:
    shop.give(points=30, expires_at=clock.at + timedelta(days=1))
    order = shop.buy(points=20, method=TIMEOUT)
    clock.move(days=2)
    assert shop.house.expire_points().points == 10
    shop.house.settle_payment(shop.account(), order.order_id, Declined("no"))
    assert (shop.left(), shop.available()) == ([0, 20], 20)
    clock.move(days=15)
    assert shop.house.expire_points().points == 20
    assert shop.left() == [0, 0]
