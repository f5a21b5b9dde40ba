"""lots: one row a lot, what it was made with and what it has left."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from app.database import Database
from app.domain.account_events import Adjusted, Earned, Expired, Redeemed, Restored, Revoked
from app.domain.lots import Lot
from app.eventstore.merging import Merge, Merges
from app.projections.folding import Positioned
from app.projections.pages import Item, named

_COLUMNS = {
    "account_id": "uuid",
    "lot": "bigint",
    "points": "bigint",
    "remaining": "bigint",
    "earned_at": "timestamptz",
    "available_at": "timestamptz",
    "expires_at": "timestamptz",
    "source": "text",
    "reference": "text",
}

_MADE = Merge(
    "lots_made",
    _COLUMNS,
    f"INSERT INTO lots SELECT {', '.join(_COLUMNS)} FROM {{rows}} AS r ORDER BY account_id, lot",
)

_MOVED = Merge(
    "lots_moved",
    {"account_id": "uuid", "lot": "bigint", "points": "bigint"},
    "UPDATE lots AS l SET remaining = l.remaining + r.points FROM {rows} AS r "
    "WHERE l.account_id = r.account_id AND l.lot = r.lot",
)

_Key = tuple[UUID, int]


def fold(events: Sequence[Positioned]) -> Merges:
    """The lots made, with what they have left by the end of `events`, and the change of those made before."""
    made: dict[_Key, list[Any]] = {}
    moved: dict[_Key, int] = {}
    for _, account_id, event in events:
        for lot, source, reference in _made_by(event):
            made[account_id, lot.id] = [
                lot.points, lot.points, lot.earned_at, lot.available_at, lot.expires_at, source, reference
            ]  # fmt: skip
        for lot_id, points in _moved_by(event):
            key = (account_id, lot_id)
            if key in made:
                made[key][1] += points
            else:
                moved[key] = moved.get(key, 0) + points
    return [
        (_MADE, [(*key, *rest) for key, rest in made.items()]),
        (_MOVED, [(*key, points) for key, points in moved.items() if points]),
    ]


def _made_by(event: Any) -> Iterable[tuple[Lot, str, str]]:
    """Each new lot with its kind of source and what that refers to."""
    match event:
        case Earned(lot=Lot() as lot):
            return [(lot, "earn", str(event.order_id))]
        case Adjusted(lot=Lot() as lot):
            return [(lot, "manual", str(event.reason_id))]
        case Restored():
            return [(lot, "restore", str(event.order_id)) for lot in event.made]
    return ()


def _moved_by(event: Any) -> Iterable[tuple[int, int]]:
    """Lot and signed points."""
    match event:
        case Redeemed() | Revoked() | Expired() | Adjusted():
            return [(part.lot.id, -part.points) for part in event.taken]
        case Restored():
            return [(part.lot.id, part.points) for part in event.returned]
    return ()


class Unswept(NamedTuple):
    """Points that have lapsed and were not swept yet, and how many accounts hold some."""

    accounts: int
    points: int


class Lapsing(NamedTuple):
    """Points whose last day this is, and how many accounts hold some."""

    last_day: date
    accounts: int
    points: int


class Lots:
    """Queries: what is due to be swept, what was not and what will be, and an account's lots."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, at: datetime, after: UUID | None, limit: int) -> list[UUID]:
        """Up to `limit` accounts that hold lapsed points at `at`, in order of id, past `after`."""
        rows = self._database.rows(
            "SELECT DISTINCT account_id FROM lots WHERE remaining > 0 AND expires_at <= %s"
            " AND (%s::uuid IS NULL OR account_id > %s::uuid) ORDER BY account_id LIMIT %s",
            (at, after, after, limit),
        )
        return [account_id for (account_id,) in rows]

    def unswept(self, at: datetime) -> Unswept:
        """What has lapsed by `at` and still stands in lots."""
        row = self._database.row(
            "SELECT count(DISTINCT account_id), coalesce(sum(remaining), 0)::bigint FROM lots"
            " WHERE remaining > 0 AND expires_at <= %s",
            (at,),
        )
        assert row is not None
        return Unswept(*row)

    def lapsing(self, after: datetime, until: datetime, zone: ZoneInfo) -> list[Lapsing]:
        """What will lapse in `(after, until]` if nobody spends it, by the last day on which it can be spent."""
        rows = self._database.rows(
            # A lot lapses at the instant that its last day is over, which belongs to the next one.
            "SELECT ((expires_at - interval '1 microsecond') AT TIME ZONE %s)::date AS last_day,"
            " count(DISTINCT account_id), sum(remaining)::bigint FROM lots"
            " WHERE remaining > 0 AND expires_at > %s AND expires_at <= %s GROUP BY last_day ORDER BY last_day",
            (zone.key, after, until),
        )
        return [Lapsing(*row) for row in rows]

    def of(self, account_id: UUID) -> list[Item]:
        """All lots that an account ever had, oldest first."""
        columns = ("lot", "points", "remaining", "earned_at", "available_at", "expires_at", "source", "reference")
        rows = self._database.rows(
            f"SELECT {', '.join(columns)} FROM lots WHERE account_id = %s ORDER BY lot", (account_id,)
        )
        return named(columns, rows)
