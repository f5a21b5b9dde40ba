"""Lots: points made together, with one expiry. A balance is the sum of what its lots have left.

Burn order is soonest to expire first, then oldest, then lot id. Everything here is a function of its arguments.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec


class Lot(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a lot was made. `id` counts within its account; `points` is the most that it can ever hold.

    It can be spent from `available_at` until just before `expires_at`. `parent` names the lapsed lot whose points
    came back as this one.
    """

    id: int
    points: int
    earned_at: datetime
    available_at: datetime
    expires_at: datetime
    parent: int | None = None

    def is_lapsed(self, at: datetime) -> bool:
        """Whether the lot is over at `at`, swept or not."""
        return self.expires_at <= at

    def is_pending(self, at: datetime) -> bool:
        """Whether the lot cannot be spent yet at `at`."""
        return at < self.available_at

    @property
    def burn_key(self) -> tuple[datetime, datetime, int]:
        """Sorts lots into burn order."""
        return (self.expires_at, self.earned_at, self.id)


class Part(msgspec.Struct, frozen=True):
    """So many points of a lot: what it has left, what was taken from it, or what came back to it."""

    lot: Lot
    points: int


def total(parts: Iterable[Part]) -> int:
    """The points of all `parts`."""
    return sum(part.points for part in parts)


def spendable(parts: Iterable[Part], at: datetime) -> list[Part]:
    """Those neither pending nor lapsed at `at`, in the order given."""
    return [part for part in parts if not part.lot.is_pending(at) and not part.lot.is_lapsed(at)]


def unlapsed(parts: Iterable[Part], at: datetime) -> list[Part]:
    """Those not lapsed at `at`, pending ones included, in the order given."""
    return [part for part in parts if not part.lot.is_lapsed(at)]


def lapsed(parts: Iterable[Part], at: datetime) -> list[Part]:
    """Those lapsed at `at`, in the order given."""
    return [part for part in parts if part.lot.is_lapsed(at)]


def take(parts: Sequence[Part], points: int) -> list[Part]:
    """The first `points` of `parts`, in the order given. The caller has made sure that so many are there."""
    taken = []
    for part in parts:
        if points == 0:
            break
        share = min(part.points, points)
        taken.append(Part(part.lot, share))
        points -= share
    assert points == 0, "the caller checks what is there"
    return taken


def without(parts: Sequence[Part], taken: Iterable[Part]) -> list[Part]:
    """`parts` less `taken`; a lot with nothing left is dropped."""
    gone = {part.lot.id: part.points for part in taken}
    rest = [Part(part.lot, part.points - gone[part.lot.id]) if part.lot.id in gone else part for part in parts]
    return [part for part in rest if part.points]


def together(parts: Sequence[Part], added: Iterable[Part]) -> list[Part]:
    """`parts`, which are in burn order, and `added`: each lot once, in burn order."""
    held = list(parts)
    for part in added:
        place = bisect_left(held, part.lot.burn_key, key=lambda other: other.lot.burn_key)
        if place < len(held) and held[place].lot.id == part.lot.id:
            held[place] = Part(part.lot, held[place].points + part.points)
        else:
            held.insert(place, part)
    return held
