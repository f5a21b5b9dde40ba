"""What happens to a member's points: the account's events, and the state that a snapshot keeps.

Events are for ever: none is renamed or reshaped; a new shape is a new class with an upcast (app/eventstore/upcasts).
"""

from __future__ import annotations

from uuid import UUID

import msgspec

from app.domain.aggregate import Event
from app.domain.lots import Lot, Part


class AccountEvent(Event, frozen=True, kw_only=True):
    """`balance` is what the account held after the event, so that any line can be checked against the one before."""

    balance: int


class Opened(AccountEvent, frozen=True, kw_only=True):
    """The account exists."""


class Earned(AccountEvent, frozen=True, kw_only=True):
    """A paid order earned `points`, of which `debt_repaid` went to debt and the rest made `lot` (None if none)."""

    order_id: UUID
    points: int
    lot: Lot | None
    rule_version: int
    debt_repaid: int


class Redeemed(AccountEvent, frozen=True, kw_only=True):
    """An order took `points`, from these lots."""

    order_id: UUID
    points: int
    taken: tuple[Part, ...]


class Restored(AccountEvent, frozen=True, kw_only=True):
    """A redemption of `points` was undone: `returned` to their own lots, `made` anew for lots that had lapsed.

    `refund_id` names the refund that did it; None where the payment failed.
    """

    order_id: UUID
    refund_id: UUID | None
    points: int
    returned: tuple[Part, ...]
    made: tuple[Lot, ...]
    debt_repaid: int


class Revoked(AccountEvent, frozen=True, kw_only=True):
    """A refund took back `points` that an order earned: `taken` from these lots, the rest became debt."""

    order_id: UUID
    refund_id: UUID
    points: int
    taken: tuple[Part, ...]
    debt_added: int


class Expired(AccountEvent, frozen=True, kw_only=True):
    """What lapsed lots still held was taken; each lot names its own expiry, `at` is the sweep's."""

    points: int
    taken: tuple[Part, ...]


class Adjusted(AccountEvent, frozen=True, kw_only=True):
    """An admin gave (`points` > 0: made `lot`) or took (`points` < 0: from the lots of `taken`)."""

    points: int
    reason_id: UUID
    actor_id: UUID
    lot: Lot | None
    taken: tuple[Part, ...]
    debt_repaid: int


class Lifetime(msgspec.Struct):
    """Gross totals since the account was opened; `adjusted` is signed."""

    earned: int = 0
    redeemed: int = 0
    restored: int = 0
    revoked: int = 0
    expired: int = 0
    adjusted: int = 0


class PointAccountState(msgspec.Struct, frozen=True):
    """A snapshot: the lots that have something left, and totals. It does not grow with history."""

    parts: list[Part]
    lots_made: int
    debt: int
    lifetime: Lifetime
