"""daily: what moved on each day of the programme. It follows the log at a distance, each event exactly once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock_time
from zoneinfo import ZoneInfo

from eventsourcing.persistence import Tracking

from app.database import Database
from app.domain.account_events import Adjusted, Earned, Expired, Opened, Redeemed, Restored, Revoked
from app.eventstore.mapper import EventMapper
from app.eventstore.merging import Merge, Merges
from app.eventstore.recorder import PostgresApplicationRecorder
from app.eventstore.tracking import PostgresTrackingRecorder
from app.projections.folding import Positioned, positioned
from app.projections.pages import Item

FOLLOWER = "daily"
"""The name under which its position is tracked."""

WAIT_S = 2.0
"""How long the report waits for its follower."""

BATCH = 1000
"""Events a step: large enough that a transaction's cost is shared, small enough to hold in memory."""

_SUMS = ("opened", "moved", "debt", "earned", "redeemed", "restored", "revoked", "expired", "adjusted", "granted")

_MERGE = Merge(
    "daily_merge",
    {"day": "date", **dict.fromkeys(_SUMS, "bigint")},
    f"INSERT INTO daily AS d SELECT day, {', '.join(_SUMS)} FROM {{rows}} AS r ORDER BY day "
    "ON CONFLICT (day) DO UPDATE SET " + ", ".join(f"{name} = d.{name} + excluded.{name}" for name in _SUMS),
)


def fold(events: Sequence[Positioned], zone: ZoneInfo) -> Merges:
    """Sums by day of the programme."""
    days: dict[date, dict[str, int]] = {}
    for _, _, event in events:
        sums = _sums(event)
        if sums:
            day = days.setdefault(event.at.astimezone(zone).date(), dict.fromkeys(_SUMS, 0))
            for name, points in sums.items():
                day[name] += points
    return [(_MERGE, [(day, *sums.values()) for day, sums in sorted(days.items())])]


def _sums(event: object) -> dict[str, int]:
    match event:
        case Opened():
            return {"opened": 1}
        case Earned(points=points, debt_repaid=repaid):
            return {"moved": points - repaid, "debt": -repaid, "earned": points}
        case Redeemed(points=points):
            return {"moved": -points, "redeemed": points}
        case Restored(points=points, debt_repaid=repaid):
            return {"moved": points - repaid, "debt": -repaid, "restored": points}
        case Revoked(points=points, debt_added=added):
            return {"moved": added - points, "debt": added, "revoked": points}
        case Expired(points=points):
            return {"moved": -points, "expired": points}
        case Adjusted(points=points, debt_repaid=repaid):
            return {"moved": points - repaid, "debt": -repaid, "adjusted": points, "granted": max(points, 0)}
    return {}


# A ragged end lies within one day. The feed says what the report sums, but for accounts opened.
_RAGGED = """
SELECT %(day)s::date, (
        SELECT count(*) FROM balances WHERE opened_at >= %(start)s AND opened_at < %(end)s
    ), coalesce(sum(points), 0)::bigint, coalesce(sum(debt_added - debt_repaid), 0)::bigint,
    coalesce(sum(points + debt_repaid) FILTER (WHERE type = 'earn'), 0)::bigint,
    coalesce(-sum(points) FILTER (WHERE type = 'use'), 0)::bigint,
    coalesce(sum(points + debt_repaid) FILTER (WHERE type = 'restore'), 0)::bigint,
    coalesce(sum(debt_added - points) FILTER (WHERE type = 'revoke'), 0)::bigint,
    coalesce(-sum(points) FILTER (WHERE type = 'expire'), 0)::bigint,
    coalesce(sum(points + debt_repaid) FILTER (WHERE type = 'manual'), 0)::bigint,
    coalesce(sum(points + debt_repaid) FILTER (WHERE type = 'manual' AND points + debt_repaid > 0), 0)::bigint
FROM transactions WHERE created_at >= %(start)s AND created_at < %(end)s
"""


class Behind(Exception):
    """The follower did not come up to the log in time."""


class DailyReport:
    """The follower and its one query. Whoever asks moves it on; several may, tracking lets each event count once."""

    def __init__(
        self,
        database: Database,
        log: PostgresApplicationRecorder,
        tracking: PostgresTrackingRecorder,
        mapper: EventMapper,
        zone: ZoneInfo,
    ) -> None:
        self._database = database
        self._log = log
        self._tracking = tracking
        self._mapper = mapper
        self._zone = zone

    def position(self) -> int:
        """The last position counted."""
        return self._tracking.max_tracking_id(FOLLOWER) or 0

    def advance(self) -> bool:
        """Count the next batch; gives whether there may be more."""
        passed = self.position()
        notifications = self._log.select_notifications(passed, BATCH, inclusive_of_start=False)
        if not notifications:
            return False
        merges = fold(positioned(self._mapper, notifications), self._zone)
        is_ours = self._tracking.insert_merges(Tracking(FOLLOWER, notifications[-1].id), merges, passed=passed)
        # Where somebody else counted some of this batch: look again from where they are.
        return not is_ours or len(notifications) == BATCH

    def catch_up(self) -> None:
        """Count everything up to the low-water mark."""
        while self.advance():
            pass

    def reach(self, position: int, timeout_s: float) -> None:
        """Come up to `position` of the log, or raise Behind. An append under way may hold the mark back."""
        deadline = time.monotonic() + timeout_s
        while self.position() < position:
            if not self.advance() and self.position() < position:
                if time.monotonic() > deadline:
                    raise Behind
                time.sleep(0.02)

    def summary(self, since: datetime | None, until: datetime | None, point_value_minor: int) -> Item:
        """Sums over `[since, until)`, all time without bounds; points outstanding and debt as they stood at `until`.

        It reflects the log as it is now, at least: it waits up to 2 s for that, or raises Behind.
        """
        self.reach(self._log.max_notification_id() or 0, WAIT_S)
        days = self._days(since, until)
        total = {name: sum(day[name] for day in days.values()) for name in _SUMS}
        stock = total if since is None else self._stock(until)
        issued = total["earned"] + total["granted"]
        return {
            "outstanding": {"points": stock["moved"], "value": stock["moved"] * point_value_minor},
            "debt": stock["debt"],
            "members": total["opened"],
            **{name: total[name] for name in ("earned", "redeemed", "restored", "revoked", "expired", "adjusted")},
            "breakage_rate": round(total["expired"] / issued, 4) if issued else 0.0,
            "days": [
                {"day": day, **{name: sums[name] for name in ("earned", "redeemed", "expired", "adjusted")}}
                for day, sums in sorted(days.items())
                if any(sums[name] for name in ("earned", "redeemed", "expired", "adjusted"))
            ],
        }

    def _stock(self, until: datetime | None) -> dict[str, int]:
        days = self._days(None, until)
        return {name: sum(day[name] for day in days.values()) for name in ("moved", "debt")}

    def _days(self, since: datetime | None, until: datetime | None) -> dict[date, dict[str, int]]:
        """Sums by day. Whole days come from the report, the ragged ends from the feed."""
        first, last, ragged = split(since, until, self._zone)
        rows = self._database.rows(
            f"SELECT day, {', '.join(_SUMS)} FROM daily WHERE day >= %s AND day < %s", (first, last)
        )
        for start, end in ragged:
            rows += self._database.rows(
                _RAGGED, {"start": start, "end": end, "day": start.astimezone(self._zone).date()}
            )
        days: dict[date, dict[str, int]] = {}
        for day, *numbers in rows:
            sums = days.setdefault(day, dict.fromkeys(_SUMS, 0))
            for name, number in zip(_SUMS, numbers, strict=True):
                sums[name] += number
        return days


def split(
    since: datetime | None, until: datetime | None, zone: ZoneInfo
) -> tuple[date, date, list[tuple[datetime, datetime]]]:
    """`[since, until)` as whole days `[first, last)` of `zone` and the ragged ranges beside them."""
    first = _first_whole_day(since, zone) if since else date.min
    last = until.astimezone(zone).date() if until else date.max
    if since and until and first > last:
        return first, first, [(since, until)] if since < until else []
    ragged = []
    if since and since < _midnight(first, zone):
        ragged.append((since, _midnight(first, zone)))
    if until and _midnight(last, zone) < until:
        ragged.append((_midnight(last, zone), until))
    return first, last, ragged


def _first_whole_day(instant: datetime, zone: ZoneInfo) -> date:
    day = instant.astimezone(zone).date()
    return day if _midnight(day, zone) == instant else day + timedelta(days=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, clock_time.min, zone).astimezone(UTC)
