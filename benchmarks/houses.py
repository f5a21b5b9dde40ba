"""The house as it serves by default, over a database of the arena's, with a catalogue: what the HTTP lines ask."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from app.auth.tokens import LocalSecret
from app.config import Settings
from app.usecases.import_accounts import OpeningBalance
from app.wiring import build
from benchmarks import catalogue, crowd
from benchmarks.arena import Addresses, Arena
from benchmarks.servers import WORKERS, Server, serving

# Whatever the caller's own house is told, this one is on its own.
_OTHERS = ("JWT_JWKS", "JWT_ISSUER", "JWT_AUDIENCE", "PROMETHEUS_MULTIPROC_DIR", "PAYMENT_GATEWAY")
READERS = [f"reader-{number}" for number in range(crowd.MEMBERS)]
"""Members who hold points and buy nothing."""

BUYERS = [f"buyer-{number}" for number in range(crowd.MEMBERS)]
"""Members who hold nothing at first."""

SHOWN = 200
"""Products that are bought."""


class Served:
    """A serving house: where it listens and lives, the secret of its tokens, and what is bought (ids and prices)."""

    def __init__(self, server: Server, home: Path, secret: str, products: list[tuple[int, int]]) -> None:
        self.server = server
        self.home = home
        self.secret = secret
        self.products = products


@contextmanager
def shop(arena: Arena) -> Iterator[Served]:
    """The house with the whole catalogue: one database for all lines, served for the block alone."""
    with served(arena.kept("shop", lambda: _stocked(arena)), arena.home / "shop") as house:
        yield house


@contextmanager
def _stocked(arena: Arena) -> Iterator[Addresses]:
    addresses = arena.database("shop")
    catalogue.fill(addresses.owner, arena.plan.products)
    yield addresses


@contextmanager
def served(addresses: Addresses, home: Path, readers: list[str] = READERS) -> Iterator[Served]:
    """`miles serve`, with everything that it does by default, over a migrated database with a catalogue.

    `readers` are given points. The home is made where it is not there yet.
    """
    home.mkdir(exist_ok=True)
    secret = LocalSecret(home).read()
    house = build(Settings(home=home, database_url=addresses.app))
    with closing(house):
        balances = [OpeningBalance(name, 300, None, "opening") for name in readers]
        report = house.import_accounts(enumerate(balances, 1), "admin")
        if report.rejected:
            raise RuntimeError(f"opening balances were refused: {report.rejected[:3]}")
        rows = house.database.rows("SELECT id, price_minor FROM products ORDER BY id LIMIT %s", (SHOWN,))
    environment = dict.fromkeys(_OTHERS, "")
    environment |= {"HOST": "127.0.0.1", "MILES_HOME": str(home), "MILES_WORKERS": str(WORKERS)}
    environment |= {"DATABASE_URL": addresses.app, "DATABASE_OWNER_URL": addresses.owner, "MILES_SAMPLE_DATA": "0"}
    with serving(_command, environment, home / "server.log", "/readyz") as server:
        yield Served(server, home, secret, [(int(product_id), int(price)) for product_id, price in rows])


def _command(port: int) -> list[str]:
    return [sys.executable, "-m", "app", "serve"]


def buyers(house: Served) -> crowd.Shoppers:
    """The buyers at a house."""
    return crowd.Shoppers(house.server, crowd.tokens(house.secret, BUYERS), house.products, [])
