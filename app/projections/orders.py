"""orders: one row a purchase, with the points it used and earned."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from app.database import Database
from app.domain.order import OrderPaid, OrderPlaced, PaymentFailed
from app.eventstore.merging import Merge, Merges
from app.projections.folding import Positioned
from app.projections.pages import Item, Page, named, page

_PLACED = Merge(
    "orders_placed",
    {
        "order_id": "uuid",
        "position": "bigint",
        "account_id": "uuid",
        "status": "text",
        "total": "bigint",
        "points_used": "bigint",
        "cash_due": "bigint",
        "points_earned": "bigint",
        "points_restored": "bigint",
        "items": "text",
        "currency": "text",
        "created_at": "timestamptz",
    },
    "INSERT INTO orders SELECT order_id, $1 + position, account_id, status, total, points_used, cash_due, "
    "points_earned, points_restored, 0, 0, items, currency, created_at FROM {rows} AS r ORDER BY order_id",
)

_SETTLED = Merge(
    "orders_settled",
    {"order_id": "uuid", "status": "text", "points_earned": "bigint", "points_restored": "bigint"},
    "UPDATE orders AS o SET status = r.status, points_earned = o.points_earned + r.points_earned, "
    "points_restored = o.points_restored + r.points_restored FROM {rows} AS r WHERE o.order_id = r.order_id",
)


def fold(events: Sequence[Positioned]) -> Merges:
    """New orders as they stand by the end of `events`, and what happened to those placed before."""
    placed: dict[UUID, tuple[int, OrderPlaced]] = {}
    settled: dict[UUID, tuple[str, int, int]] = {}
    for position, order_id, event in events:
        match event:
            case OrderPlaced():
                placed[order_id] = (position, event)
            case OrderPaid():
                settled[order_id] = ("paid", event.points_earned, 0)
            case PaymentFailed():
                settled[order_id] = ("failed", 0, event.points_restored)
    new = [_new_row(order_id, *placed[order_id], settled.pop(order_id, None)) for order_id in sorted(placed)]
    return [(_PLACED, new), (_SETTLED, [(order_id, *row) for order_id, row in sorted(settled.items())])]


def _new_row(
    order_id: UUID, position: int, event: OrderPlaced, settled: tuple[str, int, int] | None
) -> tuple[Any, ...]:
    status, earned, restored = settled or ("pending", 0, 0)
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
        order_id, position, event.account_id, status, event.total_minor, event.points_used, event.cash_due_minor,
        earned, restored, msgspec.json.encode(items).decode(), event.currency, event.at,
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
