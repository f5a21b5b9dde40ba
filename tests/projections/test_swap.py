"""The moment in which new tables take the place of the live ones: who waits, who goes on, and that nothing is lost.

The same under load stands in tests/faults/test_rebuild_under_load.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from threading import Event

import pytest
from eventsourcing.persistence import PersistenceError

from app.database import Database
from app.projections import swapping
from app.projections.bulk import BulkFold
from app.projections.rebuild import state
from tests.storage.commits import Gate, eventually
from tests.support.rebuilding import Rebuild, identities
from tests.support.shop import Shop

HOLD = "SET LOCAL lock_timeout = 0; SELECT pg_advisory_xact_lock(77, 1); SET LOCAL lock_timeout = '200ms'"
WAITING = """
SELECT count(DISTINCT pid) FROM pg_locks
WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.mark.parametrize(("held_after", "waiting"), [("FENCE_APPENDS", 2), ("FENCE_FOLLOWERS", 3), ("EXCHANGE", 4)])
def test_whoever_waits_at_the_swap_goes_on_with_the_new_tables(
    shop: Shop, owner: Database, rebuilt: Rebuild, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch,
    held_after: str, waiting: int,
) -> None:  # fmt: skip
    """Held in its midst, while one buys, one reads and one follows, over connections that have prepared all they need.

    Appends wait from the first fence on, followers from the second, and readers before the end.
    """
    shop.give(points=100)
    shop.buy(points=10)
    shop.house.daily.catch_up()
    shop.buy(points=10)
    monkeypatch.setattr(
        swapping, held_after, f"{getattr(swapping, held_after)}; SET LOCAL statement_timeout = 0; {HOLD}"
    )
    with closing(owner.open()) as keeper, keeper.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(77, 1)")
        rebuilding = threads.submit(rebuilt)
        eventually(lambda: owner.rows(WAITING) == [(1,)], "the swap is held")
        tables = identities(owner)
        others: list[Callable[[], object]] = [partial(shop.buy, points=20), shop.points, shop.house.daily.catch_up]
        started = [threads.submit(other) for other in others]
        eventually(lambda: owner.rows(WAITING) == [(waiting,)], "the others wait")
    assert rebuilding.result().longest_wait_s > 0
    for other in started:
        other.result()
    assert not set(identities(owner)) & set(tables)
    assert shop.available() == 100 + 3 * 50 - 40
    shop.house.daily.catch_up()
    assert shop.differences() == []


@pytest.mark.parametrize("is_fenced", [True, False])
def test_without_the_fence_an_append_would_be_lost(
    shop: Shop, owner: Database, rebuilt: Rebuild, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch,
    is_fenced: bool,
) -> None:  # fmt: skip
    """The control: held between the last fold and the exchange, a swap without its fence lets an append through."""
    shop.give()
    if not is_fenced:
        monkeypatch.setattr(swapping, "FENCE_APPENDS", "SELECT 1")
    monkeypatch.setattr(swapping, "EXCHANGE", f"SET LOCAL statement_timeout = 0; {HOLD}; {swapping.EXCHANGE}")
    with closing(owner.open()) as keeper, keeper.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(77, 1)")
        rebuilding = threads.submit(rebuilt)
        eventually(lambda: owner.rows(WAITING) == [(1,)], "the swap is held")
        giving = threads.submit(shop.give, "bob")
        eventually(lambda: giving.done() or owner.rows(WAITING) == [(2,)], "the append is through, or waits")
        assert giving.done() is not is_fenced
    rebuilding.result()
    giving.result()
    shop.house.daily.catch_up()
    assert bool(shop.differences()) is not is_fenced


def test_an_append_that_is_under_way_at_the_swap_is_waited_for_and_not_lost(
    shop: Shop, owner: Database, rebuilt: Rebuild, threads: ThreadPoolExecutor
) -> None:
    """It has drawn an earlier position than others that are committed, so neither the folds nor a follower saw it."""
    shop.give("ann")
    shop.give("bob")
    gate = Gate(owner, shop.account("ann"))
    late = threads.submit(shop.give, "ann", 1)
    eventually(gate.waiting, "the late append has its position")
    shop.give("bob")
    shop.house.daily.catch_up()
    steps: list[str] = []
    rebuilding = threads.submit(rebuilt, watch=lambda step, done, whole: steps.append(step))
    eventually(lambda: "swapping" in steps, "the swap is tried")
    shop.give("bob")
    gate.open()
    late.result()
    assert rebuilding.result().events == 7
    gate.close()
    shop.house.daily.catch_up()
    assert shop.differences() == []


def test_one_that_is_stopped_under_its_fence_fails_and_no_append_does(
    shop: Shop, rebuilt: Rebuild, threads: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that is paused, or cut off: the server takes the fence down before appends lose patience."""
    shop.give()
    fenced, through = Event(), Event()
    fold = BulkFold.rest

    def stopped(self: BulkFold, ends: Mapping[str, int]) -> tuple[int, int]:
        fenced.set()
        through.wait()
        return fold(self, ends)

    monkeypatch.setattr(BulkFold, "rest", stopped)
    rebuilding = threads.submit(rebuilt)
    fenced.wait()
    try:
        shop.give("bob", 50)
    finally:
        through.set()
    with pytest.raises(PersistenceError, match=r"idle-in-transaction timeout|server closed the connection"):
        rebuilding.result()
    monkeypatch.undo()
    rebuilt()
    assert shop.available("bob") == 50
    shop.house.daily.catch_up()
    assert shop.differences() == []


def test_readers_that_hold_a_table_are_waited_for_and_nobody_waits_for_them_meanwhile(
    shop: Shop, owner: Database, rebuilt: Rebuild, threads: ThreadPoolExecutor
) -> None:
    shop.give()
    with shop.house.database.transaction() as cursor:
        cursor.execute("SELECT FROM lots")
        rebuilding = threads.submit(rebuilt)
        eventually(lambda: state(owner) == "under way", "it has begun")
        for _ in range(20):
            shop.give("bob", 1)
            time.sleep(0.05)
        assert not rebuilding.done()
    assert rebuilding.result().longest_wait_s < 5
    assert shop.available("bob") == 20
    assert shop.differences() == []
