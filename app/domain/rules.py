"""The rule: every number that the programme runs on, and the formulas over them. All are whole numbers.

Money is in minor units of the programme's currency. Source of each: DOMAIN "Rules of the ledger".
"""

from __future__ import annotations

from typing import Literal

import msgspec

from app.domain.errors import DomainError

MAX_COUNT = 1_000_000_000
"""The most points, and the most minor units, that any one number of a rule may say."""

# field -> (lowest, highest). A zero amount would divide by nothing; a century is enough for any expiry.
BOUNDS = {
    "earn_points": (0, MAX_COUNT),
    "earn_per_amount": (1, MAX_COUNT),
    "point_value": (1, MAX_COUNT),
    "max_earn_per_order": (0, MAX_COUNT),
    "max_redeem_per_order": (0, MAX_COUNT),
    "min_redeem_per_order": (1, MAX_COUNT),
    "expiry_months": (1, 1200),
    "pending_days": (0, 3650),
    "restore_grace_days": (0, 3650),
}


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One version's terms. The defaults are those of an empty programme: 1 point per ₹10, worth ₹1."""

    earn_points: int = 1
    earn_per_amount: int = 1000
    point_value: int = 100
    max_earn_per_order: int = 500
    max_redeem_per_order: int = 500
    min_redeem_per_order: int = 1
    expiry_months: int = 12
    pending_days: int = 0
    earn_on: Literal["total", "cash"] = "total"
    restore_grace_days: int = 14

    def refuse_if_unworkable(self) -> None:
        """Raise `invalid_request`, naming each field, for terms that cannot work."""
        errors: dict[str, list[str]] = {}
        for field, (low, high) in BOUNDS.items():
            if not low <= getattr(self, field) <= high:
                errors[field] = [f"Must be from {low} to {high}."]
        if self.earn_on not in ("total", "cash"):
            errors["earn_on"] = ["Must be total or cash."]
        if 0 < self.max_redeem_per_order < self.min_redeem_per_order:
            errors.setdefault("min_redeem_per_order", []).append("Must not exceed max_redeem_per_order.")
        # 28 days is the shortest month: points must be able to ripen before they lapse.
        if self.pending_days >= 28 * self.expiry_months:
            errors.setdefault("pending_days", []).append("Points would lapse before they could be spent.")
        if errors:
            raise DomainError("invalid_request", errors=errors)

    def cash_due(self, total_minor: int, points: int) -> int:
        """What is left to pay by card (rule 2)."""
        return total_minor - points * self.point_value

    def points_to_earn(self, total_minor: int, cash_minor: int) -> int:
        """What an order earns once it is paid (rule 1)."""
        amount = cash_minor if self.earn_on == "cash" else total_minor
        return min(self.earn_points * (amount // self.earn_per_amount), self.max_earn_per_order)

    def most_usable(self, total_minor: int, available: int) -> int:
        """The most points that an order may take; 0 where even that would be below the minimum."""
        most = min(total_minor // self.point_value, available, self.max_redeem_per_order)
        return most if most >= self.min_redeem_per_order else 0

    def refuse_points(self, points: int, total_minor: int, available: int) -> None:
        """Raise the first broken rule, in the order of rule 2, if an order may not take `points`."""
        if points < 0:
            raise DomainError("invalid_request", errors={"points_to_use": ["Must not be negative."]})
        if points * self.point_value > total_minor:
            raise DomainError("points_exceed_total", points=points, most=total_minor // self.point_value)
        if points > available:
            raise DomainError("insufficient_points", points=points, available=available)
        if points > self.max_redeem_per_order:
            raise DomainError("points_above_maximum", points=points, maximum=self.max_redeem_per_order)
        if 0 < points < self.min_redeem_per_order:
            raise DomainError("points_below_minimum", points=points, minimum=self.min_redeem_per_order)
