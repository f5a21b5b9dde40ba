"""A short real story for an empty database, played through the use cases, so that the first look shows something.

Every step has a key of its own, so a story that a crash cut off goes on where it stopped.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app.catalog import sample
from app.catalog.importing import import_products
from app.catalog.products import Search
from app.config import Settings
from app.database import LOCK_SAMPLE
from app.domain.rules import Rule
from app.usecases.adjust_points import Adjustment
from app.usecases.check_out import Purchase
from app.wiring import House, build, now

DESK = "programme.desk"
ASHA, RAVI, MEERA = "asha.rao", "ravi.menon", "meera.iyer"

JOB = "sample-data"
_SLOT = datetime(1970, 1, 1, tzinfo=UTC)


def load_sample(settings: Settings) -> bool:
    """Load the catalogue and play the story, if the database is empty or a crash cut this off. Gives whether it did."""
    told_at = _ToldAt(now())
    house = build(settings, clock=told_at)
    try:
        with house.database.advisory_lock(LOCK_SAMPLE):
            if not _is_due(house):
                return False
            import_products(house.database, sample.lines(), settings.currency)
            for days_ago, step in STORY:
                told_at.at = now() - timedelta(days=days_ago)
                step(house)
            house.job_runs.finish(JOB, _SLOT, "done", f"{len(STORY)} steps")
            return True
    finally:
        house.close()


class _ToldAt:
    """The story's clock."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


def _is_due(house: House) -> bool:
    finished = house.job_runs.is_finished(JOB, _SLOT)
    if finished is not None:
        return not finished
    row = house.database.row("SELECT EXISTS (SELECT FROM events) OR EXISTS (SELECT FROM products)")
    return row is not None and not row[0] and house.job_runs.begin(JOB, _SLOT)


Step = Callable[[House], None]


def _rules(rule: Rule) -> Step:
    def step(house: House) -> None:
        if len(house.loyalty.programme().versions) == 1:
            house.change_rules(rule, None, DESK)

    return step


@dataclass(frozen=True)
class _Adjust:
    key: str
    user: str
    points: int
    reason: str

    def __call__(self, house: House) -> None:
        """Once: the reason's id is made of actor and key."""
        if house.adjust_points.is_made(DESK, self.key):
            return
        house.adjust_points(Adjustment(self.user, self.points, self.reason, DESK, self.key))


@dataclass(frozen=True)
class _Buy:
    """Once: the order's id is made of member and key."""

    key: str
    user: str
    words: str
    points: int
    card: str | None = "pm_card_visa"
    quantity: int = 1

    def __call__(self, house: House) -> None:
        """Find the first product that the words find, and buy it."""
        page = house.catalogue.search(Search(q=self.words, limit=1, fields=("id",)))
        (product,) = json.loads(page.items_json)
        items = ((product["id"], self.quantity),)
        house.check_out(Purchase(self.user, self.key, f"story {self.key}", items, self.points, self.card))


def _sweep(house: House) -> None:
    house.expire_points()


STORY: tuple[tuple[float, Step], ...] = (
    (420, _rules(Rule())),
    (410, _Adjust("welcome-asha", ASHA, 300, "Welcome gift")),
    (409, _Buy("asha-1", ASHA, "headphones", 0)),
    (300, _Adjust("welcome-ravi", RAVI, 250, "Welcome gift")),
    (299, _Buy("ravi-1", RAVI, "kettle", 100)),
    (120, _Buy("asha-2", ASHA, "backpack", 120)),
    (90, _Adjust("welcome-meera", MEERA, 200, "Welcome gift")),
    (60, _Buy("meera-declined", MEERA, "water bottle", 50, card="pm_card_chargeDeclined")),
    (59, _Buy("meera-1", MEERA, "water bottle", 30)),
    (40, _sweep),
    (20, _Adjust("correct-ravi", RAVI, -40, "Welcome gift was entered twice")),
    (10, _Buy("meera-2", MEERA, "notebook", 0, quantity=2)),
    (2, _Buy("ravi-2", RAVI, "coffee", 20)),
)
"""Days ago, and what happened."""
