"""What an explanation says: accounts, lots, and the events behind them. Shapes alone, as readers get them."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import msgspec

from app.domain.account_events import Lifetime
from app.domain.rules import Rule


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """The event behind points that came or went, in the feed's words.

    `reason` is what somebody gave as such, and of an imported order its reference. It is None where there is none, and
    where it went with a member who was forgotten; so is `actor`.
    """

    position: int
    at: datetime
    type: str
    order_id: UUID | None
    refund_id: UUID | None
    reason: str | None
    actor: str | None


class Movement(Cause, frozen=True, kw_only=True):
    """`points` that a lot gained, or below zero lost; of debt: that it grew by, or below zero that were repaid."""

    points: int


class OrderItem(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an order."""

    product_id: int
    name: str
    quantity: int
    unit_price: int


class Earning(msgspec.Struct, frozen=True, kw_only=True):
    """The arithmetic of what an order earned: `amount` by the terms gives `uncapped`, the cap lets `points` of them be.

    Money is in minor units of `currency`. `items` is empty for an order that was imported.
    """

    total: int
    points_used: int
    cash_due: int
    currency: str
    items: list[OrderItem]
    rule_version: int
    rule: Rule
    amount: int
    uncapped: int
    is_capped: bool
    points: int


class Making(Cause, frozen=True, kw_only=True):
    """How a lot was made: the event credited `points`, of which `debt_repaid` went to debt first.

    The rest made the lot; where an order's points came back, lots that had not lapsed took their share, and `parent` is
    the lapsed one that this lot stands for.
    """

    lot: int
    points: int
    debt_repaid: int
    parent: int | None
    earning: Earning | None


class TracedLot(msgspec.Struct, frozen=True, kw_only=True):
    """A lot, made with `points`, of which `remaining` are left.

    `state` is available, pending, lapsed (and not swept yet) or empty. `trace` begins with how the lot was made, goes
    on with its parent and so on, and ends with an order or an adjustment. `points` and `movements` sum to `remaining`.
    """

    lot: int
    points: int
    remaining: int
    state: str
    earned_at: datetime
    available_at: datetime
    expires_at: datetime
    trace: list[Making]
    movements: list[Movement]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """An account as of a moment: its lots sum to `available`, `pending`, `lapsed` and so `balance`, `debts` to `debt`.

    `debts` may come to less than nothing, and `debt` to nothing, where an order that was imported later, dated before
    a debt arose, repaid that debt. `statement` says it all in sentences, a paragraph a lot.
    """

    user: str | None
    account_id: UUID
    as_of: datetime
    known_at: datetime
    available: int
    pending: int
    lapsed: int
    balance: int
    debt: int
    lifetime: Lifetime
    position: int
    lots: list[TracedLot]
    debts: list[Movement]
    statement: list[str]
