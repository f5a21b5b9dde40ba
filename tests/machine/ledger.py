"""The model's accounts: lots, burn order, debt and the lines of the feed. It must import nothing from the app."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tests.machine.terms import Refused

MOST_BY_HAND = 1_000_000_000


@dataclass
class Lot:
    """Points made together; `swept` is what the sweeps took of them."""

    id: int
    points: int
    left: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime
    source: str
    swept: int = 0

    def is_over(self, at: datetime) -> bool:
        return at >= self.expires_at

    def is_ripe(self, at: datetime) -> bool:
        return at >= self.available_at


Taken = list[tuple[Lot, int]]
"""Lots, and how much of each, in the order of taking."""


@dataclass(frozen=True)
class Line:
    """A line of the feed."""

    type: str
    points: int
    at: datetime
    balance_after: int
    order_id: UUID | None = None
    debt_repaid: int = 0
    debt_added: int = 0


def _nothing() -> dict[str, int]:
    return dict.fromkeys(("earned", "redeemed", "restored", "revoked", "expired", "adjusted"), 0)


@dataclass
class Account:
    """One member's points."""

    id: UUID
    is_open: bool = False
    debt: int = 0
    lots: list[Lot] = field(default_factory=list)
    lifetime: dict[str, int] = field(default_factory=_nothing)
    lines: list[Line] = field(default_factory=list)

    @property
    def balance(self) -> int:
        return sum(lot.left for lot in self.lots)

    def available(self, at: datetime) -> int:
        return sum(lot.left for lot in self._burning(at) if lot.is_ripe(at))

    def pending(self, at: datetime) -> int:
        return sum(lot.left for lot in self._burning(at) if not lot.is_ripe(at))

    def next_expiry(self, at: datetime) -> tuple[int, datetime] | None:
        """How much goes next, and when."""
        burning = self._burning(at)
        if not burning:
            return None
        soonest = burning[0].expires_at
        return sum(lot.left for lot in burning if lot.expires_at == soonest), soonest

    def earn(self, at: datetime, order_id: UUID, points: int, ripens_at: datetime, expires_at: datetime) -> Lot | None:
        """Credit what an order promised."""
        if points == 0:
            return None
        repaid = self._repay(points)
        lot = self._make(points - repaid, at, ripens_at, expires_at, "earn")
        self._note("earned", points, Line("earn", points - repaid, at, self.balance, order_id, repaid))
        return lot

    def redeem(self, at: datetime, order_id: UUID, points: int) -> Taken:
        """Take what an order uses."""
        if points == 0:
            return []
        taken = self._take([lot for lot in self._burning(at) if lot.is_ripe(at)], points)
        self._note("redeemed", points, Line("use", -points, at, self.balance, order_id))
        return taken

    def restore(self, at: datetime, order_id: UUID, taken: Taken, grace_until: datetime) -> None:
        """Undo a redemption: debt first, then own lots, or new ones for those that are over."""
        points = sum(count for _, count in taken)
        if points == 0:
            return
        repaid = owed = self._repay(points)
        for lot, count in taken:
            to_debt = min(owed, count)
            owed -= to_debt
            if not lot.is_over(at):
                lot.left += count - to_debt
            else:
                self._make(count - to_debt, at, at, grace_until, "restore")
        self._note("restored", points, Line("restore", points - repaid, at, self.balance, order_id, repaid))

    def revoke(self, at: datetime, order_id: UUID, points: int, own: Lot | None) -> None:
        """Take back what an order earned: its own lot, pending ones, the others, and the rest is debt."""
        if points == 0:
            return
        burning = self._burning(at)
        first = [lot for lot in burning if lot is own]
        pending = [lot for lot in burning if lot is not own and not lot.is_ripe(at)]
        others = [lot for lot in burning if lot is not own and lot.is_ripe(at)]
        found = min(points, sum(lot.left for lot in burning))
        if points > found:
            # Where there is debt the balance is nothing: what is over goes now, not at the next sweep.
            self.sweep(at)
        self._take(first + pending + others, found)
        self.debt += points - found
        line = Line("revoke", -found, at, self.balance, order_id, debt_added=points - found)
        self._note("revoked", points, line)

    def sweep(self, at: datetime) -> int:
        """Take what is left of lots that are over, and give how much that was."""
        gone = 0
        for lot in self.lots:
            if lot.is_over(at):
                gone += lot.left
                lot.swept += lot.left
                lot.left = 0
        if gone:
            self._note("expired", gone, Line("expire", -gone, at, self.balance))
        return gone

    def lost(self, lot: Lot | None, at: datetime) -> int:
        """How much of a lot is gone by its own expiry, swept or about to be."""
        if lot is None:
            return 0
        return lot.swept + (lot.left if lot.is_over(at) else 0)

    def give(self, at: datetime, points: int, expires_at: datetime) -> None:
        """Points by hand."""
        if points > MOST_BY_HAND or expires_at <= at:
            raise Refused("invalid_request")
        repaid = self._repay(points)
        self._make(points - repaid, at, at, expires_at, "manual")
        self._note("adjusted", points, Line("manual", points - repaid, at, self.balance, None, repaid))

    def take(self, at: datetime, points: int) -> None:
        """Points taken by hand, unripe ones too, never what is over."""
        if points > MOST_BY_HAND:
            raise Refused("invalid_request")
        burning = self._burning(at)
        if points > sum(lot.left for lot in burning):
            raise Refused("insufficient_points")
        self._take(burning, points)
        self._note("adjusted", -points, Line("manual", -points, at, self.balance))

    def _burning(self, at: datetime) -> list[Lot]:
        """What is left and not over, in burn order."""
        there = [lot for lot in self.lots if lot.left and not lot.is_over(at)]
        return sorted(there, key=lambda lot: (lot.expires_at, lot.earned_at, lot.id))

    def _repay(self, points: int) -> int:
        repaid = min(self.debt, points)
        self.debt -= repaid
        return repaid

    def _make(self, points: int, at: datetime, ripens_at: datetime, expires_at: datetime, source: str) -> Lot | None:
        if points == 0:
            return None
        lot = Lot(len(self.lots) + 1, points, points, at, ripens_at, expires_at, source)
        self.lots.append(lot)
        return lot

    @staticmethod
    def _take(lots: list[Lot], points: int) -> Taken:
        taken = []
        for lot in lots:
            count = min(lot.left, points)
            if count:
                lot.left -= count
                points -= count
                taken.append((lot, count))
        return taken

    def _note(self, total: str, points: int, line: Line) -> None:
        self.lifetime[total] += points
        self.lines.append(line)
