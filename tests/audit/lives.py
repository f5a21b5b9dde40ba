"""Months in the life of a whole house, on a real database: everything that members, admins and imports do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta

from tests.support.clock import Clock
from tests.support.imports import bought, brought, import_accounts, import_orders
from tests.support.refunds import refund
from tests.support.shop import TIMEOUT, Shop, random_history, refusal

USERS = ["ann", "bob", "cem", "dia"]


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
