"""Rebuilds while members buy and people look, and rebuilds that die: no request fails, no row is lost or spoilt.

Each writer keeps the account of a member of its own, to the point: what it reads after each write is what it has
written, before, in and after every swap. What all of them wrote is compared with the log at the end.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from threading import Event

import pytest

from app.config import Settings
from app.database import Database
from app.domain.rules import Rule
from app.projections.rebuild import rebuild, state
from app.projections.verify import read_models
from app.wiring import House, build
from tests.storage.commits import eventually
from tests.support.clock import Clock
from tests.support.crashing import FORKS, Errand, live
from tests.support.rebuilding import definitions, identities
from tests.support.shop import DECLINED, VISA, Shop, random_history, refusal
from tests.support.tables import snapshot_of_tables

WRITERS = 8
DEATHS = 10
BATCH = 200

pytestmark = pytest.mark.slow


class Market:
    """Members who buy and people who look, until they are told to stop. Whatever fails there fails the test."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._closing = Event()
        self._started: list[Future[int]] = []
        self.refusals: Counter[str | None] = Counter()
        shop.items()

    @contextmanager
    def at_work(self, writers: int = WRITERS) -> Iterator[None]:
        """Writers, two readers and a follower at work within the block."""
        # Whatever the rules were before, what these members earn is theirs at once.
        self._shop.house.change_rules(Rule(), None, "root")
        with ThreadPoolExecutor(writers + 3) as threads:
            work = [partial(self._write, number) for number in range(writers)]
            self._started = [threads.submit(each) for each in (*work, self._look, self._look, self._follow)]
            try:
                yield
            finally:
                self._closing.set()
        assert all(rounds.result() > 0 for rounds in self._started)

    def check(self) -> None:
        """Fail now, rather than at the end, if somebody at work has failed."""
        for rounds in self._started:
            if rounds.done():
                rounds.result()

    def _write(self, number: int) -> int:
        chance, shop = random.Random(number), self._shop
        user, available, rounds = f"member-{number}", 0, 0
        while not self._closing.is_set():
            match chance.choice(["give", "buy", "buy", "decline", "crowd"]):
                case "give":
                    shop.give(user, 40)
                    available += 40
                case "buy":
                    points = min(available, chance.choice([0, 10, 30]))
                    order = shop.buy(user, points, method=VISA)
                    assert order.status == "paid"
                    available += 50 - points
                case "decline":
                    assert shop.buy(user, min(available, 20), method=DECLINED).status == "failed"
                case "crowd":
                    self.refusals[refusal(partial(shop.buy, "everybody", chance.choice([0, 60])))] += 1
            assert shop.available(user) == available
            assert not available or shop.feed(user)[-1]["balance_after"] == available
            rounds += 1
        return rounds

    def _look(self) -> int:
        house, rounds = self._shop.house, 0
        while not self._closing.is_set():
            now = house.clock()
            accounts = house.accounts.page(100, None, now, prefix="member-").items
            assert all(account["available"] == account["balance"] for account in accounts)
            house.orders.page(20, status="paid")
            house.unsettled.counts(now)
            house.lots.due(now, None, 10)
            rounds += 1
        return rounds

    def _follow(self) -> int:
        """The report never steps back: it counts what was there when it was asked for."""
        house, rounds, earned = self._shop.house, 0, 0
        while not self._closing.is_set():
            summary = house.daily.summary(None, None, 100)
            assert summary["earned"] >= earned
            earned = summary["earned"]
            rounds += 1
        return rounds


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


@pytest.fixture
def market(shop: Shop) -> Market:
    return Market(shop)


def rebuild_all(house: House) -> None:
    """What `miles projections rebuild` does, in batches small enough that there are some."""
    assert house.settings.database_owner_url
    with closing(Database(house.settings.database_owner_url, pool_size=1)) as owner:
        rebuild(owner, house.mapper, read_models(house.settings.zone), batch=BATCH)


def rebuild_apart(settings: Settings) -> None:
    """The same, as a process of its own does it."""
    house = build(settings)
    rebuild_all(house)
    house.close()


@pytest.mark.parametrize("seconds", [8, pytest.param(30, marks=pytest.mark.long)])
def test_under_eight_writers_no_request_fails_and_the_new_tables_equal_the_fold(
    shop: Shop, market: Market, owner: Database, clock: Clock, seconds: int
) -> None:
    random_history(shop, clock, 60, seed=1)
    before, rebuilds = definitions(owner), 0
    with market.at_work():
        end = time.monotonic() + seconds
        while time.monotonic() < end or rebuilds < 2:
            served = identities(owner)
            rebuild_all(shop.house)
            assert identities(owner) != served
            market.check()
            rebuilds += 1
    assert market.refusals.keys() <= {None, "insufficient_points", "try_again"}
    assert definitions(owner) == before
    shop.house.daily.catch_up()
    assert shop.differences() == []
    assert state(owner) is None


def test_killed_at_any_of_its_writes_it_leaves_every_row_of_every_table_as_it_was(
    shop: Shop, settings: Settings, clock: Clock, owner: Database
) -> None:
    """The writes are found, not listed: a first one that lives tells them. Those of the swap are tried one by one."""
    random_history(shop, clock, 40, seed=2)
    shop.house.daily.catch_up()
    errand = Errand(settings, clock.at, rebuild_all)
    boundaries = live(errand).boundaries
    exchange = next(n for n, name in enumerate(boundaries) if name.startswith("after LOCK TABLE rebuilding."))
    assert boundaries[exchange + 1 : exchange + 3] == ["before COMMIT", "after COMMIT"]
    before, tables = snapshot_of_tables(owner), identities(owner)
    early = random.Random(2).sample(range(exchange - 10), DEATHS)
    for number in (*sorted(early), *range(exchange - 10, exchange + 2)):
        assert live(replace(errand, die_at=number)).was_killed
        assert (snapshot_of_tables(owner), identities(owner)) == (before, tables), boundaries[number]
    assert live(replace(errand, die_at=exchange + 2)).was_killed
    assert identities(owner) != tables
    assert snapshot_of_tables(owner) == before
    eventually(lambda: state(owner) is None, "the server has noticed that nobody is left of it")


def test_killed_at_random_moments_under_load_it_has_changed_nothing_and_the_next_one_succeeds(
    shop: Shop, market: Market, settings: Settings, clock: Clock, owner: Database
) -> None:
    random_history(shop, clock, 60, seed=3)
    before, chance, killed = definitions(owner), random.Random(3), 0
    with market.at_work(writers=2):
        began = time.monotonic()
        assert run(settings, for_s=None) == 0
        lasts_s = time.monotonic() - began
        for _ in range(DEATHS):
            served = identities(owner)
            killed += run(settings, for_s=chance.uniform(0.1, 0.9) * lasts_s) == -signal.SIGKILL
            if identities(owner) != served:
                assert state(owner) is None
            assert shop.differences() == []
            market.check()
        assert killed > DEATHS // 2
        rebuild_all(shop.house)
    assert definitions(owner) == before
    shop.house.daily.catch_up()
    assert shop.differences() == []
    assert state(owner) is None


def run(settings: Settings, *, for_s: float | None) -> int | None:
    """Rebuild in a process of its own, and kill it after so long; gives its exit status."""
    process = FORKS.Process(target=rebuild_apart, args=(settings,))
    process.start()
    process.join(for_s)
    process.kill()
    process.join()
    return process.exitcode
