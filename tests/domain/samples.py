"""Accounts, lots and orders as the domain's tests start from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from app.domain import lots
from app.domain.account_events import Lifetime, PointAccountState
from app.domain.lots import Lot, Part
from app.domain.order_events import Line, OrderPlaced
from app.domain.point_account import PointAccount
from tests.support.given import Given, given

NOW = datetime(2026, 1, 15, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
NEXT_YEAR, GRACE = NOW + 365 * DAY, NOW + 14 * DAY
ORDER = UUID("22222222-2222-4222-8222-222222222222")
REASON = UUID("33333333-3333-4333-8333-333333333333")
ADMIN = UUID("44444444-4444-4444-8444-444444444444")
REFUND = UUID("66666666-6666-4666-8666-666666666666")
MEMBER = UUID("55555555-5555-4555-8555-555555555555")


def lot(number: int, points: int, *, lapses: int = 365, earned: int = -1, ripens: int | None = None) -> Lot:
    """A lot that was earned, ripens and lapses so many days from NOW."""
    return Lot(
        id=number,
        points=points,
        earned_at=NOW + earned * DAY,
        available_at=NOW + (earned if ripens is None else ripens) * DAY,
        expires_at=NOW + lapses * DAY,
    )


def whole(lot: Lot) -> Part:
    """All that a lot was made with."""
    return Part(lot, lot.points)


def holding(*parts: Part, debt: int = 0, made: int | None = None) -> PointAccountState:
    """A snapshot of an account that holds `parts` and nothing else is known of."""
    lots_made = max((part.lot.id for part in parts), default=0) if made is None else made
    balance = lots.total(parts)
    # What was revoked and not found is the debt, so that the totals agree from the start.
    return PointAccountState(
        sorted(parts, key=lambda part: part.lot.burn_key), lots_made, debt, Lifetime(earned=balance)
    )


def given_holding(*parts: Part, debt: int = 0) -> Given[PointAccount]:
    """An account that holds `parts`, ready for a command."""
    return given(PointAccount, holding(*parts, debt=debt))


def earn(account: PointAccount, points: int) -> Lot | None:
    """Earn on ORDER, for a year."""
    return account.earn(NOW, ORDER, points, 1, NOW, NEXT_YEAR)


def adjust(account: PointAccount, points: int) -> None:
    """Adjust by hand, for a year."""
    account.adjust(NOW, points, REASON, ADMIN, NEXT_YEAR)


def placed(**changes: Any) -> OrderPlaced:
    """₹500.00 paid with 30 points and ₹470.00 by card, which promises 50 points."""
    thirty = lot(1, 100)
    facts: dict[str, Any] = {
        "at": NOW,
        "account_id": MEMBER,
        "lines": (Line(product_id=1, name="Kettle", quantity=1, unit_price_minor=50_000),),
        "currency": "INR",
        "total_minor": 50_000,
        "points_used": 30,
        "taken": (Part(thirty, 30),),
        "cash_due_minor": 47_000,
        "points_promised": 50,
        "rule_version": 1,
        "fingerprint": "f",
        "gateway": "sandbox",
    }
    return OrderPlaced(**facts | changes)
