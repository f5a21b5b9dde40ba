"""Verification by short words: what it finds right, and what it stops with."""

from __future__ import annotations

import pytest

from app.audit.findings import Finding
from app.audit.walk import Report
from tests.support.shop import Shop


def verified(shop: Shop, since: int = 0) -> Report:
    """What a verification finds to be right, by the house's own keys."""
    return shop.house.verify(shop.house.trusted_keys, since)


def wrong(shop: Shop, since: int = 0) -> str:
    """What a verification stops with."""
    with pytest.raises(Finding) as caught:
        verified(shop, since)
    return str(caught.value)


def sealed(shop: Shop) -> int:
    """Seal, and give how many events are under seal."""
    checkpoint = shop.house.seal()
    assert checkpoint is not None
    return checkpoint.size
