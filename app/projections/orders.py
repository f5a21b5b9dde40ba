"""orders: one row a purchase, with the points it used and earned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.database import Database
from app.domain.order import refunded_status
from app.domain.order_events import (
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentFailed,
    RefundFailed,
    RefundRequested,
)
from app.eventstore.merging import Merge, Merges
from app.projections.folding import Positioned
from app.projections.pages import Item, Page, named, page

_CHANGES = {
    "status": "text",
    "points_earned": "bigint",
    "points_restored": "bigint",
    "points_revoked": "bigint",
    "cash_refunded": "bigint",
    "charge_id": "text",
    "waiting_since": "timestamptz",
    "last_position": "bigint",
}

_PLACED = Merge(
    "orders_placed",
    {
        "order_id": "uuid",
        "position": "bigint",
        "account_id": "uuid",
        "total": "bigint",
        "points_used": "bigint",
        "cash_due": "bigint",
        "gateway": "text",
        "items": "text",
        "currency": "text",
        "created_at": "timestamptz",
        **_CHANGES,
    },
    "INSERT INTO orders (order_id, position, account_id, total, points_used, cash_due, gateway, items, currency, "
    f"created_at, {', '.join(_CHANGES)}) SELECT order_id, $1 + position, account_id, total, points_used, cash_due, "
    f"gateway, items, currency, created_at, {', '.join(list(_CHANGES)[:-1])}, $1 + last_position "
    "FROM {rows} AS r ORDER BY order_id",
)

_CHANGED = Merge(
    "orders_changed",
    {"order_id": "uuid", **_CHANGES},
    "UPDATE orders AS o SET status = coalesce(r.status, o.status), points_earned = o.points_earned + r.points_earned, "
    "points_restored = o.points_restored + r.points_restored, points_revoked = o.points_revoked + r.points_revoked, "
    "cash_refunded = o.cash_refunded + r.cash_refunded, charge_id = coalesce(r.charge_id, o.charge_id), "
    "waiting_since = r.waiting_since, last_position = $1 + r.last_position "
    "FROM {rows} AS r WHERE o.order_id = r.order_id",
)


@dataclass
class _Change:
    """What events did to an order; no status and no charge stand for "as before".

    Each event of an order says whether it waits for the gateway from then on, or does no longer.
    """

    status: str | None = None
    points_earned: int = 0
    points_restored: int = 0
    points_revoked: int = 0
    cash_refunded: int = 0
    charge_id: str | None = None
    waiting_since: datetime | None = None
    last_position: int = 0

    def row(self) -> tuple[Any, ...]:
        """As _CHANGES has it."""
        return (
            self.status, self.points_earned, self.points_restored, self.points_revoked, self.cash_refunded,
            self.charge_id, self.waiting_since, self.last_position,
        )  # fmt: skip

    def fold(self, position: int, event: Any) -> None:
        """Go on by one event."""
        self.last_position = position
        self.waiting_since = None
        match event:
            case OrderPlaced():
                self.status, self.waiting_since = "pending", event.at
            case OrderPaid():
                self.status, self.charge_id = "paid", event.charge_id
                self.points_earned += event.points_earned
            case PaymentFailed():
                self.status = "failed"
                self.points_restored += event.points_restored
            case RefundRequested():
                self.waiting_since = event.at
            case OrderRefunded():
                self.status = refunded_status(event)
                self.points_restored += event.points_restored
                self.points_revoked += event.points_revoked
                self.cash_refunded += event.cash_minor


_EVENTS = (OrderPlaced, OrderPaid, PaymentFailed, RefundRequested, OrderRefunded, RefundFailed)


def fold(events: Sequence[Positioned]) -> Merges:
    """New orders as they stand by the end of `events`, and what happened to those placed before."""
    placed: dict[UUID, tuple[int, OrderPlaced]] = {}
    changes: dict[UUID, _Change] = {}
    for position, order_id, event in events:
        if isinstance(event, _EVENTS):
            changes.setdefault(order_id, _Change()).fold(position, event)
        if isinstance(event, OrderPlaced):
            placed[order_id] = (position, event)
    new = [_new_row(order_id, *placed[order_id]) + changes.pop(order_id).row() for order_id in placed]
    return [(_PLACED, new), (_CHANGED, [(order_id, *change.row()) for order_id, change in changes.items()])]


def _new_row(order_id: UUID, position: int, event: OrderPlaced) -> tuple[Any, ...]:
    items = [
        {
            "product_id": line.product_id,
            "name": line.name,
            "quantity": line.quantity,
            "unit_price": line.unit_price_minor,
        }
        for line in event.lines
    ]
    return (
        order_id, position, event.account_id, event.total_minor, event.points_used, event.cash_due_minor,
        event.gateway, msgspec.json.encode(items).decode(), event.currency, event.at,
    )  # fmt: skip


_COLUMNS = (
    "order_id", "user", "status", "total", "points_used", "cash_due", "points_earned", "points_restored",
    "points_revoked", "cash_refunded", "items", "currency", "created_at", "position",
)  # fmt: skip

_SELECT = (
    "SELECT o.order_id, d.user_id, o.status, o.total, o.points_used, o.cash_due, o.points_earned, o.points_restored, "
    "o.points_revoked, o.cash_refunded, o.items, o.currency, o.created_at, o.position "
    "FROM orders o JOIN directory d USING (account_id) "
)


class Orders:
    """Queries: one order, and pages of them, newest first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, order_id: UUID) -> Item | None:
        """One order, or None."""
        found = self._items("WHERE o.order_id = %s", (order_id,))
        return found[0] if found else None

    def page(
        self,
        limit: int,
        after: int | None = None,
        *,
        user: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Page:
        """Orders placed before the position `after`, narrowed by what is given; `[since, until)` is when."""
        conditions, parameters = ["true"], []
        for condition, value in (
            ("d.user_id = %s", user),
            ("o.status = %s", status),
            ("o.created_at >= %s", since),
            ("o.created_at < %s", until),
            ("o.position < %s", after),
        ):
            if value is not None:
                conditions.append(condition)
                parameters.append(value)
        where = f"WHERE {' AND '.join(conditions)} ORDER BY o.position DESC LIMIT %s"
        return page(self._items(where, (*parameters, limit + 1)), limit, "position")

    def _items(self, where: str, parameters: Sequence[Any]) -> list[Item]:
        items = named(_COLUMNS, self._database.rows(_SELECT + where, parameters))
        for item in items:
            item["items"] = msgspec.Raw(item["items"].encode())
        return items
