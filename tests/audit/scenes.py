"""A log to tamper with: some hundred events in every state of proof, and its owner with the triggers off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.audit.findings import Finding
from app.config import Settings
from app.database import Cursor, Database
from app.usecases.import_accounts import OpeningBalance
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.postgres import TestServer
from tests.support.refunds import refund
from tests.support.shop import Shop, random_history, refusal
from tests.support.tampering import Log


class Scene(NamedTuple):
    """A house with a history, and a transaction of its owner's in which the triggers are off."""

    house: House
    cursor: Cursor
    log: Log

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever is done within is undone."""
        self.cursor.execute("SAVEPOINT undone")
        try:
            yield
        finally:
            self.cursor.execute("ROLLBACK TO SAVEPOINT undone")
            self.cursor.execute("RELEASE SAVEPOINT undone")

    def finding(self, *, is_told: bool = True) -> Finding | None:
        """What a verification of what stands now stops with; without the file outside if it is not told of it."""
        verify = self.house.verify
        with self.undone():
            try:
                verify.within(self.cursor, self.house.trusted_keys, verify.told() if is_told else None)
            except Finding as finding:
                return finding
        return None


@contextmanager
def tampered(postgres: TestServer, home: Path) -> Iterator[Scene]:
    """Two checkpoints, a tail that no checkpoint covers yet, and positions that nobody used. All edits are undone."""
    with postgres.fresh() as addresses:
        house = build(Settings(home=home, database_url=addresses.app, sample_data=False), clock=Clock())
        owner = Database(addresses.owner, pool_size=1)
        shop = Shop(house)
        openings = (OpeningBalance(user, 0, None, "L-1") for user in ("eve", "fay"))
        assert house.import_accounts(enumerate(openings), "root").imported == 2
        shop.give("eve")
        shop.give("fay")
        for seed in range(2):
            live(shop, owner, 60, seed)
            assert house.seal() is not None
        house.daily.catch_up()
        live(shop, owner, 40, seed=2)
        with owner.transaction() as cursor:
            cursor.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
            yield Scene(house, cursor, Log.read(cursor))
            cursor.execute("ROLLBACK")
            cursor.execute("BEGIN")
        owner.close()
        house.close()


def live(shop: Shop, owner: Database, steps: int, seed: int) -> None:
    """Some steps of a history, with a few refunds, and positions that were drawn and given up."""
    clock = shop.house.clock
    assert isinstance(clock, Clock)
    for quarter in range(4):
        random_history(shop, clock, steps // 4, 10 * seed + quarter)
        owner.execute("SELECT nextval('events_position_seq')")
        for (order_id,) in owner.rows("SELECT order_id FROM orders WHERE status = 'paid' ORDER BY position LIMIT 1"):
            refusal(partial(refund, shop, order_id, 4_000))
