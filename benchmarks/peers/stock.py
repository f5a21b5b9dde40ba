"""The stock application's side of the lines about appends and about following the log.

What it appends are decided events, put through its own mapper and recorder: no read models, no snapshots.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.projection import ProjectionRunner

from benchmarks.hammer import Measured, hammer
from benchmarks.peers.stock_shop import LIVES, Account, Order, Shop, environment
from benchmarks.peers.stock_view import Balances, BalancesView

Decided = list[DomainEventProtocol[Any]]

ACCOUNTS = 64
FASTEST = 6_000
POINTS, TOTAL = 50, 50_000
PACKAGES = ("eventsourcing", "psycopg", "psycopg-binary", "psycopg-pool")
LINES = [{"product_id": 1, "name": "Steel water bottle", "quantity": 1, "unit_price_minor": TOTAL}]


def opened() -> Account:
    """An account with the points that its first order takes."""
    account = Account(str(uuid4()))
    account.earn(uuid4(), POINTS, datetime.now(UTC) + LIVES)
    return account


def checkout(account: Account) -> Decided:
    """One checkout, charged and settled: four events on two streams."""
    order_id = uuid4()
    account.redeem(order_id, POINTS)
    order = Order(order_id, account.id, LINES, TOTAL, POINTS, f"key {order_id}")
    order.pay(f"ch_{order_id.hex}", POINTS)
    account.earn(order_id, POINTS, datetime.now(UTC) + LIVES)
    return [*account.collect_events(), *order.collect_events()]


def checkouts(accounts: list[Account], count: int) -> Iterator[Decided]:
    """So many, by each of the accounts in turn."""
    return (checkout(accounts[number % len(accounts)]) for number in range(count))


def prepare(url: str) -> dict[str, int]:
    """Make the tables, which two workers must not do at once."""
    Shop(environment(url, 1)).close()
    return {}


def append(url: str, threads: int, warm_up_s: float, seconds: float) -> Measured:
    """One round."""
    app = Shop(environment(url, threads))
    try:
        everybody = [[opened() for _ in range(ACCOUNTS)] for _ in range(threads)]
        for account in (account for some in everybody for account in some):
            app.events.put(list(account.collect_events()))
        count = int((warm_up_s + seconds) * FASTEST / threads)
        supplies = [list(checkouts(accounts, count)) for accounts in everybody]
        return hammer(app.events.put, supplies, warm_up_s=warm_up_s, seconds=seconds)
    finally:
        app.close()


def fill(url: str, events: int) -> dict[str, int]:
    """A log of about so many events, to be followed."""
    app = Shop(environment(url, 1))
    try:
        accounts = [opened() for _ in range(ACCOUNTS)]
        app.events.put([event for account in accounts for event in account.collect_events()])
        for decided in checkouts(accounts, events // 4):
            app.events.put(decided)
        return {"events": app.recorder.max_notification_id() or 0}
    finally:
        app.close()


def follow(url: str, number: int) -> dict[str, Any]:
    """Project the whole log once, with the library's own runner. Raises RuntimeError for a wrong sum."""
    Balances.name = f"balances{number}"
    app = Shop(environment(url, 1))
    last = app.recorder.max_notification_id() or 0
    app.close()
    began = time.perf_counter()
    runner = ProjectionRunner(
        application_class=Shop, projection_class=Balances, view_class=BalancesView, env=environment(url, 5)
    )
    with runner:
        runner.wait(last, timeout=600)
        seconds = time.perf_counter() - began
        held = runner.view.total()
    if held != ACCOUNTS * POINTS:
        raise RuntimeError(f"the balances come to {held}, not {ACCOUNTS * POINTS}")
    return {"per_second": last / seconds, "events": last}


WORKS: dict[str, Callable[..., dict[str, Any]]] = {
    "prepare": prepare,
    "append": append,
    "fill": fill,
    "follow": follow,
}


if __name__ == "__main__":
    job: dict[str, Any] = json.load(sys.stdin)
    told = WORKS[job.pop("work")](**job)
    json.dump({**told, "versions": {name: version(name) for name in PACKAGES}}, sys.stdout)
