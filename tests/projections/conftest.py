"""What the tests of the read models share."""

from __future__ import annotations

import pytest

from app.wiring import House
from tests.support.shop import Shop


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)
