"""Months in the life of a whole house, on a real database: everything that members, admins and imports do."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from tests.support.clock import Clock
from tests.support.imports import bought, brought, import_accounts, import_orders
from tests.support.refunds import REFUND_REFUSED, REFUND_TIMEOUT, refund
from tests.support.shop import DAY, DECLINED, LOST, TIMEOUT, VISA, Shop, random_history, refusal

T = TypeVar("T")

USERS = ["ann", "bob", "cem", "dia"]

METHODS = {VISA: 7, DECLINED: 2, TIMEOUT: 1, LOST: 1, REFUND_TIMEOUT: 2, REFUND_REFUSED: 1}
"""How often each is paid with."""

ACTS = {"buy": 10, "give": 3, "take": 2, "refund": 6, "import": 1, "sweep": 1, "recover": 2, "wait": 6}
"""How often each is done."""


def lived(shop: Shop, clock: Clock, seed: int, rounds: int = 10, steps: int = 6) -> Iterator[None]:
    """Play some rounds, and stop after each for a look. Every life begins with points held, and with a debt."""
    chance = random.Random(seed)
    shop.give("ann", 100)
    shop.buy("ann", 30, method=TIMEOUT)
    spent_elsewhere = shop.buy("bob")
    shop.buy("bob", 50, price=5_000, method=None)
    refund(shop, spent_elsewhere.order_id)
    yield
    for number in range(rounds):
        random_history(shop, clock, steps, chance.randrange(1_000_000))
        user = chance.choice(USERS)
        match chance.choice(["refund", "refund", "import", "balance", "recover"]):
            case "refund":
                _refund(shop, chance)
            case "import":
                paid_at = clock() - timedelta(days=chance.randrange(1, 500))
                assert import_orders(shop.house, bought(user, f"S-{number}", paid_at)).imported == 1
            case "balance":
                line = brought(user, chance.randrange(1, 90), None, f"L-{number}")
                assert import_accounts(shop.house, line).imported == 1
            case "recover":
                assert shop.house.recover_payments(is_all=True).failures == []
        yield


def _refund(shop: Shop, chance: random.Random) -> None:
    """Of an order by chance: often all of it, so that what was spent meanwhile becomes debt."""
    rows = shop.house.database.rows("SELECT order_id, total FROM orders WHERE status = 'paid' ORDER BY position")
    for order_id, total in chance.sample(rows, min(2, len(rows))):
        amount = chance.choice([None, None, total // 3])
        refusal(lambda order_id=order_id, amount=amount: refund(shop, order_id, amount))  # type: ignore[misc]


def live_mixed(
    shop: Shop, clock: Clock, chance: random.Random, steps: int, hosts: Mapping[float, int] | None = None
) -> None:
    """Everything that members and admins do, over a year and more, under whatever rule stands; refunds of all ends.

    Each step is done by one of the `hosts`: the seconds that its clock is ahead, and how often it has its turn.
    """
    orders: list[UUID] = []
    began, run = clock.at, chance.randrange(10**9)
    for n in range(steps):
        ahead = timedelta(seconds=_one_of(chance, hosts or {0.0: 1}))
        clock.at += ahead
        refusal(lambda: _do(shop, clock, chance, orders, began + (clock.at - began) * chance.random(), f"{run}-{n}"))  # noqa: B023
        clock.at -= ahead


def _do(shop: Shop, clock: Clock, chance: random.Random, orders: list[UUID], paid_at: datetime, reference: str) -> None:
    user, act = chance.choice(USERS), _one_of(chance, ACTS)
    match act:
        case "buy":
            points, price = chance.choice([0, 10, 30, 50, 100]), chance.choice([3, 10_000, 33_333, 50_000, 999_999])
            wanted = shop.purchase(user, points, price=price, method=_one_of(chance, METHODS))
            orders.append(shop.house.check_out(wanted).order_id)
        case "give":
            lives_for = chance.choice([None, chance.randrange(1, 60) * DAY, timedelta(hours=chance.randrange(1, 9))])
            shop.give(user, chance.randrange(1, 200), lives_for and clock.at + lives_for)
        case "take":
            shop.give(user, -chance.randrange(1, 60))
        case "refund" if orders:
            refund(shop, chance.choice(orders[-12:]), chance.choice([None, 1, 3_333, 9_999]))
        case "import":
            import_orders(shop.house, bought(user, f"S-{reference}", paid_at, 70_000))
            import_accounts(shop.house, brought(user, 40, None, f"L-{reference}"))
        case "sweep":
            assert shop.house.expire_points().failures == []
        case "recover":
            assert shop.house.recover_payments(is_all=True).failures == []
        case "wait":
            clock.move(seconds=chance.choice([1, 3_600, 40_000, 5 * 86_400, 30 * 86_400]))


def _one_of(chance: random.Random, weights: Mapping[T, int]) -> T:
    (found,) = chance.choices([*weights], [*weights.values()])
    return found
