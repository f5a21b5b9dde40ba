"""A long view of the database and a rebuild's swap: the tables that a view begins with are its own to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial

import pytest

from app.database import Cursor, Database
from app.domain.rules import Rule
from app.projections import swapping
from tests.audit.verifying import verified
from tests.audit.what_ifs import what_if
from tests.projections.test_swap import HOLD, WAITING
from tests.storage.commits import eventually
from tests.support.rebuilding import Rebuild, refused
from tests.support.shop import Shop

Finding = Callable[[Shop], object]
"""Reads in a view, and gives what it found; the same twice where nothing was appended."""

READERS: dict[str, Finding] = {
    "projections verify": lambda shop: shop.differences(),
    "audit verify": lambda shop: verified(shop)._replace(seconds=0),
    "backtest": lambda shop: what_if(shop, Rule()),
}


@pytest.fixture(params=READERS)
def find(request: pytest.FixtureRequest, shop: Shop) -> Finding:
    """Each reader in turn, in a shop with something to read."""
    for user in ("ann", "bob"):
        shop.give(user)
        shop.buy(user, points=30)
    shop.house.daily.catch_up()
    return READERS[request.param]


def test_no_swap_comes_between_the_beginning_of_a_view_and_its_first_read(
    shop: Shop, rebuilt: Rebuild, find: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, begin = find(shop), Database.view
    said: list[str] = []

    @contextmanager
    def begun(self: Database, *tables: str) -> Iterator[Cursor]:
        with begin(self, *tables) as cursor:
            said.append(refused(partial(rebuilt, patience_s=0)))
            yield cursor

    monkeypatch.setattr(Database, "view", begun)
    assert find(shop) == found
    assert len(said) == 1 and "held the live tables all the time" in said[0]
    monkeypatch.undo()
    rebuilt()
    assert find(shop) == found


def test_a_view_that_begins_at_the_swap_waits_and_sees_the_new_tables_whole(
    shop: Shop, owner: Database, rebuilt: Rebuild, threads: ThreadPoolExecutor, find: Finding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    found = find(shop)
    monkeypatch.setattr(swapping, "EXCHANGE", f"{swapping.EXCHANGE}; SET LOCAL statement_timeout = 0; {HOLD}")
    with closing(owner.open()) as keeper, keeper.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(77, 1)")
        rebuilding = threads.submit(rebuilt)
        eventually(lambda: owner.rows(WAITING) == [(1,)], "the swap is held")
        finding = threads.submit(find, shop)
        eventually(lambda: owner.rows(WAITING) == [(2,)], "the reader waits")
    assert finding.result() == found
    rebuilding.result()
