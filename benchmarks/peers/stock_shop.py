"""Loyalty as the eventsourcing library's own documents teach it: decorated aggregates, the default transcoder, the
library's PostgreSQL recorder on psycopg 3 with everything but the size of its pool at its default.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

EARN_PER, EARN_MOST, POINT_VALUE = 1000, 500, 100
LIVES = timedelta(days=365)


class Account(Aggregate):
    """A member's lots, those that lapse first at the head."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self.lots: list[dict[str, Any]] = []

    @staticmethod
    def create_id(user_id: str) -> UUID:
        """The same for the same user."""
        return uuid5(NAMESPACE_URL, f"/accounts/{user_id}")

    @property
    def balance(self) -> int:
        """What all lots have left."""
        return sum(lot["points"] for lot in self.lots)

    @event("Redeemed")
    def redeem(self, order_id: UUID, points: int) -> None:
        """Take points for an order."""
        if points > self.balance:
            raise ValueError("insufficient_points")
        left = points
        while left:
            taken = min(left, self.lots[0]["points"])
            self.lots[0]["points"] -= taken
            left -= taken
            if not self.lots[0]["points"]:
                self.lots.pop(0)

    @event("Earned")
    def earn(self, order_id: UUID, points: int, expires_at: datetime) -> None:
        """Credit a paid order's points."""
        self.lots.append({"points": points, "expires_at": expires_at})


class Order(Aggregate):
    """A purchase."""

    def __init__(
        self, order_id: UUID, account_id: UUID, lines: list[dict[str, Any]], total: int, points_used: int, key: str
    ) -> None:
        self.account_id = account_id
        self.lines = lines
        self.total = total
        self.points_used = points_used
        self.key = key
        self.status = "pending"
        self.points_earned = 0
        self.charge_id = ""

    @staticmethod
    def create_id(order_id: UUID) -> UUID:
        """Given from outside: it is derived from the key."""
        return order_id

    @property
    def cash_due(self) -> int:
        """What the card pays."""
        return self.total - self.points_used * POINT_VALUE

    @event("Paid")
    def pay(self, charge_id: str, points_earned: int) -> None:
        """The charge went through."""
        self.status = "paid"
        self.charge_id = charge_id
        self.points_earned = points_earned


class Shop(Application[UUID]):
    """Accounts and orders; an account is not replayed from its beginning each time."""

    snapshotting_intervals = {Account: 50}  # noqa: RUF012


def points_for(total: int) -> int:
    """What an order earns."""
    return min(total // EARN_PER, EARN_MOST)


def environment(url: str, threads: int) -> dict[str, str]:
    """The library's settings, with a connection for each thread."""
    parts = urlsplit(url)
    where = {name: values[0] for name, values in parse_qs(parts.query).items()}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": where["host"],
        "POSTGRES_PORT": where["port"],
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "",
        "POSTGRES_POOL_SIZE": str(threads),
    }
