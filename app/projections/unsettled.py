"""Orders that wait for news of the gateway's, and those up for review: queries over orders and recoveries."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from app.database import Database
from app.projections.pages import Page, named, page
from app.usecases.ports import Unsettled

FIRST_ASK = timedelta(seconds=90)
"""How long an order is left to the request that asked the gateway, but for the slowest. To ask sooner is as safe, but
may void a charge that is still under way."""

REVIEW_AFTER = timedelta(hours=72)
"""How long nobody may know before a person should look: three days outlast a weekend of the gateway's."""

_DUE = """
SELECT o.order_id, coalesce(r.asked, 0) FROM orders o LEFT JOIN recoveries r USING (order_id, waiting_since)
WHERE waiting_since IS NOT NULL AND (%(after)s::uuid IS NULL OR o.order_id > %(after)s)
AND (%(is_all)s OR coalesce(r.next_at, waiting_since + %(first)s) <= %(at)s)
ORDER BY o.order_id LIMIT %(limit)s
"""

# Told apart, so that each side is found by an index of the few: among a million orders some dozen wait.
FOR_REVIEW = """
SELECT order_id FROM recoveries WHERE review_reason IS NOT NULL
UNION SELECT order_id FROM orders WHERE waiting_since <= %(at)s - %(overdue)s
"""
"""Ids of orders that a person should look at; takes `at` and `overdue`."""

_COLUMNS = (
    "order_id", "user", "status", "reason", "waiting_since", "asked", "next_at", "last_answer", "cash_due",
    "cash_refunded", "currency", "created_at", "position",
)  # fmt: skip

_REVIEWS = f"""
SELECT o.order_id, d.user_id, o.status, coalesce(r.review_reason, 'nobody has known for 72 hours'),
    o.waiting_since, coalesce(r.asked, 0), r.next_at, r.last_answer, o.cash_due, o.cash_refunded,
    o.currency, o.created_at, o.position
FROM ({FOR_REVIEW}) found JOIN orders o USING (order_id) JOIN directory d USING (account_id)
    LEFT JOIN recoveries r USING (order_id)
WHERE (%(after)s::bigint IS NULL OR o.position < %(after)s) AND (%(order)s::uuid IS NULL OR o.order_id = %(order)s)
ORDER BY o.position DESC LIMIT %(limit)s
"""

_COUNTS = f"""
SELECT (SELECT count(*) FROM orders WHERE waiting_since IS NOT NULL), (SELECT count(*) FROM ({FOR_REVIEW}) found)
"""


class PostgresUnsettledOrders:
    """Queries; the gateway's own books are asked elsewhere."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, at: datetime, after: UUID | None, limit: int, *, is_all: bool = False) -> list[Unsettled]:
        """Up to `limit` orders, in order of id, past `after`, whose time to be asked about has come by `at`."""
        parameters = {"at": at, "after": after, "limit": limit, "is_all": is_all, "first": FIRST_ASK}
        return [Unsettled(*row) for row in self._database.rows(_DUE, parameters)]

    def waiting_of(self, account_id: UUID) -> int:
        """How many orders of an account wait."""
        row = self._database.row(
            "SELECT count(*) FROM orders WHERE account_id = %s AND waiting_since IS NOT NULL", (account_id,)
        )
        assert row is not None
        return int(row[0])

    def reviews(self, at: datetime, limit: int, after: int | None = None, *, order_id: UUID | None = None) -> Page:
        """Orders that a person should look at, newest first, placed before the position `after`; or the one named.

        Something contradicts them, or nobody has known for long what became of their charge or refund.
        """
        parameters = {"at": at, "overdue": REVIEW_AFTER, "limit": limit + 1, "after": after, "order": order_id}
        return page(named(_COLUMNS, self._database.rows(_REVIEWS, parameters)), limit, "position")

    def counts(self, at: datetime) -> tuple[int, int]:
        """How many orders wait for the gateway, and how many for a person."""
        row = self._database.row(_COUNTS, {"at": at, "overdue": REVIEW_AFTER})
        assert row is not None
        return row[0], row[1]
