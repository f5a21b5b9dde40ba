"""Whatever isolation the database gives its sessions by default, ours see what was committed while they waited.

A seal and the swap of a rebuild take a lock, and read what others did before they had it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from uuid import uuid4

import pytest

from app.audit import sealing
from app.config import Settings
from app.database import Cursor, Database
from app.projections import swapping
from app.projections.rebuild import rebuild
from app.projections.verify import read_models
from app.wiring import House, build
from tests.storage.commits import event, open_append
from tests.support.clock import Clock
from tests.support.postgres import Addresses
from tests.support.shop import Shop


@pytest.fixture(params=["read committed", "repeatable read", "serializable"])
def later(request: pytest.FixtureRequest, house: House, owner: Database, settings: Settings) -> Iterator[House]:
    """A house whose sessions began after the operator had set the database's default."""
    owner.execute(
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %%I SET default_transaction_isolation = %%L',"
        " current_database(), %s); END $$",
        (request.param,),
    )
    clock = house.clock
    assert isinstance(clock, Clock)
    built = build(settings, clock=clock)
    yield built
    built.close()


def test_an_append_that_commits_while_the_mark_is_asked_for_is_under_the_seal(
    house: House, later: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_append(house.database) as slow:
        house.log.insert_events([event(uuid4())])
        ask = sealing._low_water_mark

        def committed_just_before(cursor: Cursor) -> int:
            slow.commit()
            return ask(cursor)

        monkeypatch.setattr(sealing, "_low_water_mark", committed_just_before)
        checkpoint = later.seal()
    assert checkpoint is not None
    assert (checkpoint.size, checkpoint.position) == (2, 2)


def test_what_is_appended_just_before_the_fence_of_a_swap_is_not_lost(
    house: House, later: House, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(house)
    shop.give("ann")
    compare = swapping.differences

    def given_just_before(cursor: Cursor, table: str) -> list[str]:
        if shop.house.directory.account_of("bob") is None:
            shop.give("bob", 50)
        return compare(cursor, table)

    monkeypatch.setattr(swapping, "differences", given_just_before)
    with closing(Database(addresses.owner, pool_size=1)) as owner:
        rebuild(owner, later.mapper, read_models(later.settings.zone))
    assert shop.available("bob") == 50
    assert shop.differences() == []
