"""PostgreSQL killed with 9, all its processes at once, while members check out: what was acknowledged stands.

Acknowledged is what `check_out` returned. The control gives the promise up: with `synchronous_commit` off the same
deaths lose some.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path

import pytest
from eventsourcing.persistence import PersistenceError

from app import migrations
from app.config import Settings
from app.database import Database
from app.domain.errors import DomainError
from app.domain.order_events import OrderPaid
from app.embedded import EmbeddedPostgres
from app.usecases.check_out import Purchase
from app.usecases.settle_payment import OrderOutcome
from app.wiring import House, build
from tests.support import books
from tests.support.clock import Clock
from tests.support.embedded import cleaned_up, postmaster_pid, server_processes, with_proc
from tests.support.shop import VISA, Shop

pytestmark = [pytest.mark.slow, with_proc]

CLIENTS = 6
MOST_CONTROL_ROUNDS = 10
LEAVES_THE_DISK_BEHIND = {"synchronous_commit": "off", "wal_writer_delay": "10s"}


class Load:
    """Clients that check out until the server dies under them, and what each was told."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._items = shop.items()
        self._rounds = count()
        for number in range(CLIENTS):
            shop.give(f"member-{number}", 1_000_000)
        shop.give("everybody", 1_000_000)

    def until_killed(self, home: Path, after: int) -> tuple[list[OrderOutcome], list[Purchase]]:
        """Kill the server once `after` checkouts were acknowledged; gives all that were, and what got no answer."""
        acknowledged: list[OrderOutcome] = []
        unanswered: list[Purchase] = []
        is_dead = threading.Event()
        number = next(self._rounds)

        def client(name: int) -> None:
            for turn in count():
                if is_dead.is_set():
                    return
                purchase = self._purchase(f"{number}-{name}-{turn}", name, turn)
                try:
                    acknowledged.append(self._shop.house.check_out(purchase))
                except (PersistenceError, DomainError):
                    unanswered.append(purchase)
                    is_dead.wait(0.02)  # or else clients of a dead server keep the killer from its work

        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(client, name) for name in range(CLIENTS)]
            while len(acknowledged) < after and not any(each.done() for each in clients):
                time.sleep(0.001)
            kill_all(home)
            is_dead.set()
            for each in clients:
                each.result()
        return acknowledged, unanswered

    def _purchase(self, key: str, name: int, turn: int) -> Purchase:
        user = "everybody" if turn % 4 == 0 else f"member-{name}"
        points = 500 if turn % 3 == 0 else 7 * (turn % 2)
        return Purchase(user, key, "f", self._items, points, VISA)


def kill_all(home: Path) -> None:
    """The postmaster and every process of its, as a power cut would, but for what the kernel keeps."""
    processes = [postmaster_pid(home), *server_processes(home)]
    while processes:
        for process in processes:
            with contextlib.suppress(ProcessLookupError):  # it went with the one before
                os.kill(process, signal.SIGKILL)
        processes = server_processes(home)


@contextmanager
def house_on_its_own_server(home: Path, settings: Mapping[str, str]) -> Iterator[tuple[House, EmbeddedPostgres]]:
    """A house whose server waits for the disk at each commit, unless `settings` say otherwise."""
    postgres = EmbeddedPostgres(home, settings=settings)
    with cleaned_up(home), postgres.running():
        with closing(Database(postgres.owner_url(), pool_size=1)) as owner:
            migrations.migrate(owner, "miles_app")
        with closing(build(Settings(home=home, database_url=postgres.app_url()), clock=Clock())) as house:
            yield house, postgres


def missing(house: House, acknowledged: list[OrderOutcome]) -> list[OrderOutcome]:
    """Those acknowledged checkouts that do not stand in the log as they were told."""
    log = books.read(house)
    return [
        outcome
        for outcome in acknowledged
        if not log.orders[outcome.order_id].events
        or (outcome.status == "paid" and not log.orders[outcome.order_id].of(OrderPaid))
    ]


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=[pytest.mark.long, pytest.mark.timeout(3600)])])
def test_no_acknowledged_checkout_is_lost_however_often_postgresql_is_killed(rounds: int, tmp_path: Path) -> None:
    with house_on_its_own_server(tmp_path / "home", {}) as (house, postgres):
        load = Load(Shop(house))
        paid = 0
        for number in range(rounds):
            acknowledged, unanswered = load.until_killed(tmp_path / "home", after=20 + 3 * (number % 20))
            postgres.revive()
            assert missing(house, acknowledged) == []
            for purchase in unanswered:
                assert house.check_out(purchase).status == "paid"
            assert house.recover_payments(is_all=True).failures == []
            assert books.wrongs(house) == []
            paid += sum(outcome.status == "paid" for outcome in acknowledged)
        assert paid >= 20 * rounds


def test_without_waiting_for_the_disk_the_same_deaths_lose_acknowledged_checkouts(tmp_path: Path) -> None:
    """The control."""
    with house_on_its_own_server(tmp_path / "home", LEAVES_THE_DISK_BEHIND) as (house, postgres):
        load = Load(Shop(house))
        for _ in range(MOST_CONTROL_ROUNDS):
            with closing(Database(postgres.superuser_url(), pool_size=1)) as superuser:
                superuser.execute("CHECKPOINT")  # else the schema itself is lost
            acknowledged, _ = load.until_killed(tmp_path / "home", after=40)
            postgres.revive()
            if missing(house, acknowledged):
                return
    pytest.fail(f"nothing was lost in {MOST_CONTROL_ROUNDS} rounds: the test above proves nothing")
