"""The catalogue, for all its contracts."""

from __future__ import annotations

import pytest

from app.catalog.products import Catalogue
from app.database import Database


@pytest.fixture
def catalogue(database: Database) -> Catalogue:
    """The catalogue of the test's own database."""
    return Catalogue(database)
