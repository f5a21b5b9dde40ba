"""What an account held at a moment, by counters over stored events: a model that shares no code with what it checks.

It reads JSON as the log keeps it, adds up what counts, and knows neither lots' order nor any fold. Whatever an event is
dated, it happened no earlier than what the account did before for the same order, or with a lot that both touch.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from app.audit.log_view import Happened

_TOTALS = {
    "Earned": "earned",
    "Redeemed": "redeemed",
    "Restored": "restored",
    "Revoked": "revoked",
    "Expired": "expired",
    "Adjusted": "adjusted",
}


class Replay:
    """The sums over what had happened at `as_of` and was known at `known_at` (None: all of it)."""

    def __init__(self, log: Iterable[Happened], account: Any, as_of: datetime, known_at: datetime | None) -> None:
        self.as_of = as_of
        self.made: dict[int, dict[str, Any]] = {}
        self.left: Counter[int] = Counter()
        self.totals: Counter[str] = Counter()
        self.owed = 0
        self.positions: list[int] = []
        self.overtaken = 0
        self.used: dict[Any, int] = {}
        self.settled: set[Any] = set()
        latest: dict[Any, datetime] = {}
        for happened in log:
            said = json.loads(happened.data)
            is_account = happened.stream == account
            touched = {said.get("order_id"), *lots_touched(said)} - {None} if is_account else {happened.stream}
            when = max([instant(said["at"]), *(latest[thing] for thing in touched & latest.keys())])
            latest |= dict.fromkeys(touched, when)
            if known_at and happened.recorded_at > known_at:
                continue
            self.overtaken += instant(said["at"]) <= as_of < when
            if when > as_of:
                continue
            name = happened.type.partition(".")[0]
            if is_account:
                self.positions.append(happened.position)
                self._count(name, said)
            elif name == "OrderPaid":
                self.settled.add(str(happened.stream))

    def points(self) -> dict[str, Any]:
        """What the member's page should say."""
        live = [lot for lot in self.made if instant(self.made[lot]["expires_at"]) > self.as_of and self.left[lot]]
        ripe = {lot for lot in live if instant(self.made[lot]["available_at"]) <= self.as_of}
        ends = [instant(self.made[lot]["expires_at"]) for lot in live]
        first = min(ends, default=None)
        soonest = sum(self.left[lot] for lot, end in zip(live, ends, strict=True) if end == first)
        return {
            "available": sum(self.left[lot] for lot in ripe),
            "pending": sum(self.left[lot] for lot in live if lot not in ripe),
            "held": sum(points for order, points in self.used.items() if order not in self.settled),
            "debt": max(self.owed, 0),
            "lifetime": {total: self.totals[total] for total in _TOTALS.values()},
            "next_expiry": {"points": soonest, "expires_at": first} if first else None,
            "position": max(self.positions, default=0),
        }

    def lots(self) -> dict[int, tuple[int, int]]:
        """Each lot's points and what it has left."""
        return {lot: (made["points"], self.left[lot]) for lot, made in self.made.items()}

    def _count(self, name: str, said: dict[str, Any]) -> None:
        if name in _TOTALS:
            self.totals[_TOTALS[name]] += said["points"]
        match name:
            case "Redeemed":
                self.used[said["order_id"]] = said["points"]
            case "Earned" | "Restored":
                self.settled.add(said["order_id"])
        self.owed += said.get("debt_added", 0) - said.get("debt_repaid", 0)
        for lot in [said.get("lot"), *said.get("made", ())]:
            if lot:
                self.made[lot["id"]] = lot
                self.left[lot["id"]] += lot["points"]
        for sign, parts in ((-1, said.get("taken", ())), (1, said.get("returned", ()))):
            for part in parts:
                self.left[part["lot"]["id"]] += sign * part["points"]


def lots_touched(said: dict[str, Any]) -> set[int]:
    """The lots that an event of an account made, took from or gave back to."""
    whole = [lot for lot in (said.get("lot"), *said.get("made", ())) if lot]
    parts = [part["lot"] for part in (*said.get("taken", ()), *said.get("returned", ()))]
    return {lot["id"] for lot in (*whole, *parts)}


def instant(text: str) -> datetime:
    """An instant as the log writes it."""
    return datetime.fromisoformat(text)
