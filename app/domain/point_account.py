"""One member's points: the account that earns, spends, loses and is corrected.

Invariants (each has a test of this name):
- the balance is the sum of what the lots have left
- no lot holds less than nothing or more than it was made with
- where there is debt the balance is nothing
- lifetime totals and the balance agree
- points are taken in burn order, and the event names the lots
"""

from __future__ import annotations

from datetime import datetime
from typing import Self
from uuid import UUID

import msgspec

from app.domain import lots
from app.domain.account_events import (
    Adjusted,
    Earned,
    Expired,
    Lifetime,
    Opened,
    PointAccountState,
    Redeemed,
    Restored,
    Revoked,
)
from app.domain.aggregate import Aggregate
from app.domain.errors import DomainError, invalid
from app.domain.lots import Lot, Part

MAX_ADJUSTMENT = 1_000_000_000
"""The most points that one adjustment may give or take (DOMAIN rule 9)."""


class PointAccount(
    Aggregate, events=(Opened, Earned, Redeemed, Restored, Revoked, Expired, Adjusted, PointAccountState)
):
    """The lots of one member, in burn order."""

    def __init__(self, account_id: UUID) -> None:
        super().__init__(account_id)
        self.parts: list[Part] = []
        self.lots_made = 0
        self.debt = 0
        self.lifetime = Lifetime()

    # -- what it says

    @property
    def balance(self) -> int:
        """What all lots have left, pending and lapsed-but-unswept ones included."""
        return lots.total(self.parts)

    def available(self, at: datetime) -> int:
        """What can be spent at `at`."""
        return lots.total(lots.spendable(self.parts, at))

    def state(self) -> PointAccountState:
        """The snapshot at the present version."""
        return PointAccountState(list(self.parts), self.lots_made, self.debt, msgspec.structs.replace(self.lifetime))

    # -- what it decides

    @classmethod
    def open(cls, account_id: UUID, at: datetime) -> Self:
        """A new, empty account."""
        account = cls(account_id)
        account._trigger(Opened(at=at, balance=0))
        return account

    def earn(
        self, at: datetime, order_id: UUID, points: int, rule_version: int, available_at: datetime, expires_at: datetime
    ) -> Lot | None:
        """Credit a paid order's points and give the lot they made. Nothing happens for 0 points."""
        if points == 0:
            return None
        repaid = self._repayable(points)
        lot = self._new_lot(points - repaid, at, available_at, expires_at)
        self._trigger(
            Earned(
                at=at,
                balance=self.balance + points - repaid,
                order_id=order_id,
                points=points,
                lot=lot,
                rule_version=rule_version,
                debt_repaid=repaid,
            )
        )
        return lot

    def redeem(self, at: datetime, order_id: UUID, points: int) -> tuple[Part, ...]:
        """Take `points` for an order, in burn order, and say from which lots. Raises `insufficient_points`."""
        if points < 0:
            raise invalid(points_to_use="Must not be negative.")
        if points == 0:
            return ()
        taken = self._take(lots.spendable(self.parts, at), points)
        self._trigger(Redeemed(at=at, balance=self.balance - points, order_id=order_id, points=points, taken=taken))
        return taken

    def restore(
        self,
        at: datetime,
        order_id: UUID,
        taken: tuple[Part, ...],
        grace_until: datetime,
        refund_id: UUID | None = None,
    ) -> None:
        """Undo a redemption: `taken` goes back to its lots, or to new ones until `grace_until` for those that lapsed.

        Debt is repaid first, out of what would burn first.
        """
        points = lots.total(taken)
        if points == 0:
            return
        repaid = self._repayable(points)
        rest = lots.without(taken, lots.take(taken, repaid))
        made = [
            Lot(
                id=self.lots_made + n,
                points=part.points,
                earned_at=at,
                available_at=at,
                expires_at=grace_until,
                parent=part.lot.id,
            )
            for n, part in enumerate(lots.lapsed(rest, at), start=1)
        ]
        self._trigger(
            Restored(
                at=at,
                balance=self.balance + points - repaid,
                order_id=order_id,
                refund_id=refund_id,
                points=points,
                returned=tuple(lots.unlapsed(rest, at)),
                made=tuple(made),
                debt_repaid=repaid,
            )
        )

    def revoke(self, at: datetime, order_id: UUID, points: int, lot_id: int | None, refund_id: UUID) -> None:
        """Take back `points` that an order earned: from its own lot, then pending lots, then the others, then as debt.

        What has lapsed gives nothing (DOMAIN rule 7). Where debt is made it is swept along, since where there is debt
        the balance is nothing.
        """
        if points == 0:
            return
        there = lots.unlapsed(self.parts, at)
        in_turn = sorted(there, key=lambda part: (part.lot.id != lot_id, not part.lot.is_pending(at)))
        taken = tuple(lots.take(in_turn, min(points, lots.total(there))))
        debt = points - lots.total(taken)
        if debt:
            self.expire(at)
        self._trigger(
            Revoked(
                at=at,
                balance=self.balance - lots.total(taken),
                order_id=order_id,
                refund_id=refund_id,
                points=points,
                taken=taken,
                debt_added=debt,
            )
        )

    def lapsed_of(self, lot_id: int, at: datetime) -> int:
        """What a lot that is over at `at` still holds, until a sweep takes it."""
        return lots.total(part for part in lots.lapsed(self.parts, at) if part.lot.id == lot_id)

    def expire(self, at: datetime) -> int:
        """Take what lapsed lots still hold, and give how much that was. Nothing happens where nothing lapsed."""
        taken = tuple(lots.lapsed(self.parts, at))
        points = lots.total(taken)
        if points:
            self._trigger(Expired(at=at, balance=self.balance - points, points=points, taken=taken))
        return points

    def adjust(self, at: datetime, points: int, reason_id: UUID, actor_id: UUID, expires_at: datetime) -> None:
        """Give or take `points` by hand; `expires_at` is the new lot's.

        Raises `insufficient_points`, `invalid_request`. What is taken comes from lots that have not lapsed, pending
        ones included, in burn order.
        """
        if not 0 < abs(points) <= MAX_ADJUSTMENT:
            raise invalid(points=f"Must be from 1 to {MAX_ADJUSTMENT}, or as much below zero.")
        if points > 0 and expires_at <= at:
            raise invalid(expires_at="Must lie ahead.")
        repaid = self._repayable(max(points, 0))
        taken = self._take(lots.unlapsed(self.parts, at), max(-points, 0))
        self._trigger(
            Adjusted(
                at=at,
                balance=self.balance + points - repaid,
                points=points,
                reason_id=reason_id,
                actor_id=actor_id,
                lot=self._new_lot(max(points, 0) - repaid, at, at, expires_at),
                taken=taken,
                debt_repaid=repaid,
            )
        )

    def _repayable(self, points: int) -> int:
        return min(self.debt, points)

    def _new_lot(self, points: int, at: datetime, available_at: datetime, expires_at: datetime) -> Lot | None:
        if points == 0:
            return None
        return Lot(id=self.lots_made + 1, points=points, earned_at=at, available_at=available_at, expires_at=expires_at)

    @staticmethod
    def _take(parts: list[Part], points: int) -> tuple[Part, ...]:
        there = lots.total(parts)
        if points > there:
            raise DomainError("insufficient_points", points=points, available=there)
        return tuple(lots.take(parts, points))

    # -- how it folds

    def _apply_opened(self, event: Opened) -> None:
        pass

    def _apply_earned(self, event: Earned) -> None:
        self._credit(event.debt_repaid, (), (event.lot,) if event.lot else ())
        self.lifetime.earned += event.points

    def _apply_redeemed(self, event: Redeemed) -> None:
        self.parts = lots.without(self.parts, event.taken)
        self.lifetime.redeemed += event.points

    def _apply_restored(self, event: Restored) -> None:
        self._credit(event.debt_repaid, event.returned, event.made)
        self.lifetime.restored += event.points

    def _apply_revoked(self, event: Revoked) -> None:
        self.parts = lots.without(self.parts, event.taken)
        self.debt += event.debt_added
        self.lifetime.revoked += event.points

    def _apply_expired(self, event: Expired) -> None:
        self.parts = lots.without(self.parts, event.taken)
        self.lifetime.expired += event.points

    def _apply_adjusted(self, event: Adjusted) -> None:
        self.parts = lots.without(self.parts, event.taken)
        self._credit(event.debt_repaid, (), (event.lot,) if event.lot else ())
        self.lifetime.adjusted += event.points

    def _apply_point_account_state(self, state: PointAccountState) -> None:
        self.parts = list(state.parts)
        self.lots_made = state.lots_made
        self.debt = state.debt
        self.lifetime = msgspec.structs.replace(state.lifetime)

    def _credit(self, repaid: int, returned: tuple[Part, ...], made: tuple[Lot, ...]) -> None:
        self.debt -= repaid
        self.lots_made += len(made)
        self.parts = lots.together(self.parts, (*returned, *(Part(lot, lot.points) for lot in made)))
