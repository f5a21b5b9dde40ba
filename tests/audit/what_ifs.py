"""Backtests by short words."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from app.audit.backtest import Figures, Outcome, backtest
from app.audit.simulation import terms
from app.domain.rules import Rule
from tests.support.shop import Shop

NOTHING = Figures()
"""No figure that is not zero."""

RULES = [
    Rule(),
    Rule(expiry_months=1, restore_grace_days=3),
    Rule(expiry_months=2, pending_days=9, earn_on="cash", earn_points=3, max_earn_per_order=90),
    Rule(point_value=37, min_redeem_per_order=10, max_redeem_per_order=30, earn_per_amount=777),
]
"""Rules that differ in everything."""


def what_if(shop: Shop, rule: Rule, since: datetime | None = None, **how: Any) -> Outcome:
    """Backtest `rule` as of now."""
    house = shop.house
    proposal = terms(house.loyalty.programme(), rule, since, house.settings.zone)
    return backtest(house.database, house.mapper, proposal, house.clock(), **how)


def changed(shop: Shop, since: datetime | None = None, **fields: Any) -> Outcome:
    """Backtest the rule that is in effect, but for these fields."""
    now = shop.house.loyalty.programme().in_effect(shop.house.clock()).rule
    return what_if(shop, msgspec.structs.replace(now, **fields), since)


def differing(outcome: Outcome) -> dict[str, int]:
    """The figures that would have been others, and by how much."""
    return {name: by for name, by in msgspec.structs.asdict(outcome.difference).items() if by}


def named(outcome: Outcome) -> list[tuple[str | None, int, int, int]]:
    """The members most affected: user, real, proposed, difference."""
    return [(member.user, member.real, member.proposed, member.difference) for member in outcome.members]
