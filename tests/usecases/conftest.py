"""What the tests of the use cases share: a shop on the house, and a second process on its database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.config import Settings
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.shop import Shop


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)


@pytest.fixture
def neighbour(settings: Settings, clock: Clock) -> Iterator[House]:
    """A second house on the same database: what another process sees, without the first one's locks."""
    built = build(settings, clock=clock)
    yield built
    built.close()
