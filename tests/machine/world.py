"""The real thing that the machine drives: houses in several zones on one database, which is emptied between runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid5

from app.catalog.importing import import_products
from app.config import Settings
from app.database import Database
from app.payments.sandbox import SandboxGateway
from app.wiring import House, build
from tests.machine.gateway import BadLine
from tests.support.clock import Clock

USERS = ("ann", "bob")
PRICES = (0, 5, 999, 5_000, 10_000, 33_333, 50_000, 777_777)
CURRENCY = "INR"
ADMIN = "root"
_NAMES = UUID("00000000-0000-4000-8000-000000000000")
_KEPT = ("schema_migrations", "secrets", "products", "product_words")


class World:
    """A database that starts each run empty but for products and for who the members are.

    Account ids are the same in every run, so that what follows from the order of ids can be played again.
    """

    def __init__(self, app_url: str, owner_url: str, home: Path) -> None:
        self._settings = (app_url, owner_url, home)
        self._houses: dict[str, House] = {}
        self._owner = Database(owner_url, pool_size=1)
        self.clock = Clock()
        self.line = BadLine(SandboxGateway(app_url))
        self.database = Database(app_url, pool_size=2)
        self.account_ids = {user: uuid5(_NAMES, user) for user in USERS}
        self.products = self._put_on_sale()
        self._emptying = self._how_to_empty()

    def start(self, zone: str, at: datetime) -> House:
        """An empty house in this zone, at this moment."""
        self._owner.execute(self._emptying)
        self.clock.at = at.astimezone(UTC)
        self.line.reset()
        if zone not in self._houses:
            app_url, owner_url, home = self._settings
            settings = Settings(
                home=home, database_url=app_url, database_owner_url=owner_url, timezone=zone, sample_data=False
            )
            self._houses[zone] = build(settings, clock=self.clock, gateway=self.line)
        return self._houses[zone]

    def close(self) -> None:
        """Hang up everywhere."""
        for house in self._houses.values():
            house.close()
        self.line.close()
        self.database.close()
        self._owner.close()

    def _put_on_sale(self) -> dict[int, int]:
        """Price -> product."""
        lines = [
            json.dumps({"sku": f"P{price}", "name": "Pan", "brand": "Acme", "category": "Kitchen", "price": price})
            for price in PRICES
        ]
        assert import_products(self.database, [line.encode() for line in lines], CURRENCY).rejected == []
        return dict(self.database.rows("SELECT price_minor, id FROM products"))

    def _how_to_empty(self) -> str:
        """The owner's SQL; nobody may empty the log, so its guard is off for that moment."""
        tables = self._owner.rows(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename != ALL(%s)", (list(_KEPT),)
        )
        known = ", ".join(f"('{account_id}', '{user}')" for user, account_id in self.account_ids.items())
        return (
            "BEGIN; ALTER TABLE events DISABLE TRIGGER events_append_only;"
            f" TRUNCATE {', '.join(name for (name,) in tables)};"
            " ALTER TABLE events ENABLE TRIGGER events_append_only;"
            f" INSERT INTO directory (account_id, user_id) VALUES {known}; COMMIT"
        )


@contextmanager
def world(app_url: str, owner_url: str, home: Path) -> Iterator[World]:
    """A world over a migrated database, closed when done."""
    made = World(app_url, owner_url, home)
    try:
        yield made
    finally:
        made.close()
