"""What the tests of the read models share."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from app.database import Database
from app.projections.rebuild import rebuild, state
from app.projections.verify import read_models
from app.wiring import House
from tests.support.rebuilding import Rebuild, definitions, identities
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)


@pytest.fixture
def rebuilt(house: House, owner: Database) -> Rebuild:
    """Rebuild all there is on the house's database, in small batches."""
    models = read_models(house.settings.zone)
    return partial(rebuild, owner, house.mapper, models, batch=50)


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    """For what goes on while the test goes on."""
    with ThreadPoolExecutor(4) as executor:
        yield executor


@pytest.fixture
def unchanged(shop: Shop, owner: Database) -> Iterator[None]:
    """What the test does changes no row, no table, and leaves nothing behind."""
    shop.give()
    shop.buy(points=30)
    shop.house.daily.catch_up()
    before = snapshot_of_tables(owner), definitions(owner), identities(owner)
    yield
    assert (snapshot_of_tables(owner), definitions(owner), identities(owner)) == before
    assert state(owner) is None
