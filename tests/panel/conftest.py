"""The panel over a test's own house, and people who are logged in to it."""

from __future__ import annotations

import pytest

from app.wiring import House
from tests.support.panel import Panel


@pytest.fixture
def panel(house: House) -> Panel:
    """The whole site; `panel.as_admin()` gives somebody who looks at the panel."""
    return Panel(house)
