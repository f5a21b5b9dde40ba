"""Fixtures that all tests share: a real server, a fresh database, a house on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config import Settings
from app.database import Database
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.postgres import Addresses, TestServer, server


@pytest.fixture(scope="session")
def postgres() -> Iterator[TestServer]:
    """One server for the whole run of this test process."""
    with server() as running:
        yield running


@pytest.fixture
def addresses(postgres: TestServer) -> Iterator[Addresses]:
    """A migrated, empty database of one's own."""
    with postgres.fresh() as fresh:
        yield fresh


@pytest.fixture
def database(addresses: Addresses) -> Iterator[Database]:
    """That database, as the application's role."""
    opened = Database(addresses.app, pool_size=20)
    yield opened
    opened.close()


@pytest.fixture
def owner(addresses: Addresses) -> Iterator[Database]:
    """That database, as its owner."""
    opened = Database(addresses.owner, pool_size=4)
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    """The house's clock; it stands still until a test moves it."""
    return Clock()


@pytest.fixture
def settings(addresses: Addresses, tmp_path: Path) -> Settings:
    """Settings over the test's own database and an own MILES_HOME."""
    return Settings(home=tmp_path, database_url=addresses.app, database_owner_url=addresses.owner, sample_data=False)


@pytest.fixture
def house(settings: Settings, clock: Clock) -> Iterator[House]:
    """A whole house: real database, sandbox gateway, a clock that tests set."""
    built = build(settings, clock=clock)
    yield built
    built.close()
