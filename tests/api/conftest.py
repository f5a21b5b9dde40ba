"""The API over a house of the test's own, and one that tests share which leave nothing behind that matters."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.config import Settings
from app.database import Database
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.http import Api
from tests.support.postgres import TestServer


@pytest.fixture
def api(house: House) -> Api:
    """An app, and whoever calls it."""
    return Api(house)


class CommonShop(Api):
    """An app that many tests share, with one product on sale and a look at its tables."""

    def __init__(self, house: House, owner: Database) -> None:
        super().__init__(house)
        self.owner = owner
        self.product = self.on_sale()


@pytest.fixture(scope="module")
def common(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommonShop]:
    """For requests that are refused, or whose answers do not hang on what others did before."""
    with postgres.fresh() as fresh:
        house = build(Settings(home=tmp_path_factory.mktemp("common"), database_url=fresh.app), clock=Clock())
        owner = Database(fresh.owner, pool_size=2)
        yield CommonShop(house, owner)
        owner.close()
        house.close()
