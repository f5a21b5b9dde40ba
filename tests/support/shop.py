"""A shop at work on a whole house: products, purchases, grants, and a look at what was written."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import count
from threading import Barrier
from typing import TypeVar
from uuid import UUID

from app.catalog.importing import import_products
from app.domain.errors import DomainError
from app.domain.rules import Rule
from app.projections.pages import Item
from app.projections.transactions import Filters
from app.projections.verify import read_models, verify
from app.usecases.adjust_points import Adjusted, Adjustment
from app.usecases.check_out import Items, Purchase
from app.usecases.settle_payment import OrderOutcome
from app.wiring import House
from tests.support.clock import Clock

VISA, DECLINED, TIMEOUT, LOST = (
    "pm_card_visa",
    "pm_card_chargeDeclined",
    "pm_sandbox_timeout",
    "pm_sandbox_lost",
)

DAY = timedelta(days=1)

T = TypeVar("T")


class Shop:
    """Buys and grants by short words. Every call is a command of its own, unless it is given a key."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._numbers = count(1)
        self._products: dict[int, int] = {}

    def items(self, price_minor: int = 50_000) -> Items:
        """One of a product at this price, which is put on sale if need be."""
        if price_minor not in self._products:
            product = {"sku": f"K-{price_minor}", "name": "Kettle", "brand": "Acme", "category": "Kitchen"}
            line = json.dumps({**product, "price": price_minor}).encode()
            assert import_products(self.house.database, [line], self.house.settings.currency).rejected == []
            found = self.house.database.row("SELECT id FROM products WHERE sku = %s", (product["sku"],))
            assert found is not None
            self._products[price_minor] = found[0]
        return ((self._products[price_minor], 1),)

    def purchase(
        self,
        user: str = "ann",
        points: int = 0,
        *,
        price: int = 50_000,
        method: str | None = VISA,
        key: str | None = None,
        fingerprint: str = "f",
    ) -> Purchase:
        """What `user` is about to buy."""
        return Purchase(user, key or self.key(), fingerprint, self.items(price), points, method)

    def buy(self, user: str = "ann", points: int = 0, **how: object) -> OrderOutcome:
        """Buy something for ₹500.00, or at another `price`."""
        return self.house.check_out(self.purchase(user, points, **how))  # type: ignore[arg-type]

    def give(
        self,
        user: str = "ann",
        points: int = 100,
        expires_at: datetime | None = None,
        *,
        reason: str = "welcome",
        key: str | None = None,
    ) -> Adjusted:
        """Adjust by `points`, as the admin root."""
        adjusted, _ = self.house.adjust_points(
            Adjustment(user, points, reason, "root", key or self.key(), expires_at=expires_at)
        )
        return adjusted

    def key(self) -> str:
        """An idempotency key that was never used."""
        return f"key-{next(self._numbers)}"

    def points(self, user: str = "ann") -> Item:
        """What the member's page says now."""
        return self.house.accounts.points(user, self.house.clock())

    def available(self, user: str = "ann") -> int:
        """What the member can spend now."""
        available = self.points(user)["available"]
        assert isinstance(available, int)
        return available

    def account(self, user: str = "ann") -> UUID:
        """The account that stands for a user."""
        account_id = self.house.directory.account_of(user)
        assert account_id is not None
        return account_id

    def lots(self, user: str = "ann") -> list[Item]:
        """Every lot that the member ever had."""
        return self.house.lots.of(self.account(user))

    def left(self, user: str = "ann") -> list[int]:
        """What each of those lots has left, oldest first."""
        return [lot["remaining"] for lot in self.lots(user)]

    def feed(self, user: str = "ann") -> list[Item]:
        """The member's lines, oldest first."""
        return self.house.transactions.page(1000, None, Filters(user=user)).items[::-1]

    def lines(self, user: str = "ann") -> list[tuple[str, int]]:
        """Type and points of each of those lines."""
        return [(line["type"], line["points"]) for line in self.feed(user)]

    def events(self) -> list[tuple[int, UUID, str]]:
        """Position, stream and name of everything in the log."""
        return self.house.database.rows("SELECT position, originator_id, topic FROM events ORDER BY position")

    def names(self, stream: UUID) -> list[str]:
        """The names of one stream's events, without their versions."""
        return [topic.split(".")[0] for _, of, topic in self.events() if of == stream]

    def differences(self, batch: int = 1000) -> list[str]:
        """Where the read models are not what the log says."""
        return verify(self.house.database, self.house.mapper, read_models(self.house.settings.zone), batch=batch)


def refusal(command: Callable[[], object]) -> str | None:
    """The code with which a command is refused; None if it is not."""
    try:
        command()
    except DomainError as error:
        return error.code
    return None


def at_once(commands: Sequence[Callable[[], T]]) -> list[T]:
    """Run all commands, each in a thread of its own, started together."""
    barrier = Barrier(len(commands))

    def run(command: Callable[[], T]) -> T:
        barrier.wait()
        return command()

    with ThreadPoolExecutor(len(commands)) as threads:
        return list(threads.map(run, commands))


def random_history(shop: Shop, clock: Clock, steps: int, seed: int) -> None:
    """Some members' mixed doings over months: every use case there is, refusals among them."""
    chance = random.Random(seed)
    users = ["ann", "bob", "cem", "dia"]
    for _ in range(steps):
        user = chance.choice(users)
        act = chance.choices(["buy", "give", "take", "sweep", "rules", "wait"], [8, 3, 2, 1, 0.5, 4])[0]
        _act(shop, clock, chance, act, user)


def _act(shop: Shop, clock: Clock, chance: random.Random, act: str, user: str) -> None:
    match act:
        case "buy":
            points = chance.choice([0, 10, 30, 30, 100])
            method = chance.choices([VISA, DECLINED, TIMEOUT, LOST], [5, 4, 1, 1])[0]
            refusal(lambda: shop.buy(user, points, price=chance.choice([10_000, 33_333, 50_000]), method=method))
        case "give":
            expires_at = chance.choice([None, clock.at.replace(microsecond=1) + chance.randrange(1, 60) * DAY])
            shop.give(user, chance.randrange(1, 200), expires_at)
        case "take":
            refusal(lambda: shop.give(user, -chance.randrange(1, 60), reason="correction"))
        case "sweep":
            assert shop.house.expire_points().failures == []
        case "rules":
            months, pending = chance.randrange(1, 4), chance.choice([0, 0, 9])
            shop.house.change_rules(Rule(expiry_months=months, pending_days=pending), None, "root")
        case "wait":
            clock.move(seconds=chance.choice([1, 3_600, 40_000, 86_400, 20 * 86_400]))
