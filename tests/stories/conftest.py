"""The API over a house of the test's own."""

from __future__ import annotations

import pytest

from app.wiring import House
from tests.support.http import Api


@pytest.fixture
def api(house: House) -> Api:
    """An app, and whoever calls it."""
    return Api(house)
