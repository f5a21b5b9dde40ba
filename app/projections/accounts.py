"""What accounts hold at a moment: queries over balances, lots and orders. It folds nothing of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.database import Database
from app.projections.pages import Item, Page, named, page

_TOTALS = ("earned", "redeemed", "restored", "revoked", "expired", "adjusted")

_LISTED = ("user", "available", "pending", "debt", "balance", "position")

_LIST = """
SELECT * FROM (
    SELECT d.user_id AS "user", coalesce(l.available, 0) AS available, coalesce(l.pending, 0) AS pending,
        b.debt, b.balance, b.position
    FROM balances b JOIN directory d ON d.account_id = b.account_id {holding}
    WHERE d.user_id IS NOT NULL AND (%(prefix)s::text IS NULL OR starts_with(d.user_id, %(prefix)s))
) accounts
WHERE (%(least)s::bigint IS NULL OR available >= %(least)s) AND {past}
ORDER BY {order} LIMIT %(limit)s
"""

_HELD = """
    SELECT account_id, (sum(remaining) FILTER (WHERE available_at <= %(at)s))::bigint AS available,
        (sum(remaining) FILTER (WHERE available_at > %(at)s))::bigint AS pending
    FROM lots WHERE remaining > 0 AND expires_at > %(at)s {whose} GROUP BY account_id
"""

# What accounts hold, counted for all of them at once, which a page in order of it needs; or for each one that is read.
_OF_ALL = f"LEFT JOIN ({_HELD.format(whose='')}) l ON l.account_id = b.account_id"
_OF_EACH = f"LEFT JOIN LATERAL ({_HELD.format(whose='AND account_id = b.account_id')}) l ON true"

# sort -> what lies past the key (available, user), and the order. `user` is compared byte by byte, as it is sorted.
_SORTS = {
    "user": ('%(user)s::text IS NULL OR "user" COLLATE "C" > %(user)s', '"user" COLLATE "C"'),
    "available": (
        '%(user)s::text IS NULL OR (available, "user" COLLATE "C") > (%(available)s, %(user)s)',
        'available, "user" COLLATE "C"',
    ),
    "-available": (
        "%(user)s::text IS NULL OR available < %(available)s"
        ' OR (available = %(available)s AND "user" COLLATE "C" > %(user)s)',
        'available DESC, "user" COLLATE "C"',
    ),
}


class Accounts:
    """Queries by user id. What has lapsed is never counted, swept or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def account_of(self, user: str) -> UUID | None:
        """The opened account of a user, None where there is none."""
        row = self._database.row(
            "SELECT account_id FROM directory JOIN balances USING (account_id) WHERE user_id = %s", (user,)
        )
        return row[0] if row else None

    def points(self, user: str, at: datetime) -> Item:
        """What a member has at `at`; zeros for one not seen before."""
        row = self._database.row("SELECT * FROM points_of(%s, %s)", (user, at))
        position, debt, *numbers = row or (0,) * 11 + (None, None)
        totals, (available, pending, held, next_points, next_at) = numbers[:6], numbers[6:]
        return {
            "user": user,
            "available": available,
            "pending": pending,
            "held": held,
            "debt": debt,
            "lifetime": dict(zip(_TOTALS, totals, strict=True)),
            "next_expiry": {"points": next_points, "expires_at": next_at} if next_at else None,
            "position": position,
        }

    def expiring(self, user: str, at: datetime) -> list[Item]:
        """Points still to lapse after `at`, by the instant at which they will, soonest first."""
        rows = self._database.rows(
            "SELECT sum(remaining)::bigint, expires_at FROM lots JOIN directory USING (account_id)"
            " WHERE user_id = %s AND remaining > 0 AND expires_at > %s GROUP BY expires_at ORDER BY expires_at",
            (user, at),
        )
        return named(("points", "expires_at"), rows)

    def page(
        self,
        limit: int,
        after: tuple[int, str] | None,
        at: datetime,
        *,
        sort: str = "user",
        prefix: str | None = None,
        least: int | None = None,
    ) -> Page:
        """Opened accounts as of `at`, past the key (available, user), of users that start with `prefix`."""
        past, order = _SORTS[sort]
        available, user = after or (None, None)
        parameters: dict[str, Any] = {
            "at": at, "prefix": prefix, "least": least, "available": available, "user": user, "limit": limit + 1,
        }  # fmt: skip
        holding = _OF_EACH if sort == "user" and least is None else _OF_ALL
        rows = self._database.rows(_LIST.format(past=f"({past})", order=order, holding=holding), parameters)
        return page(named(_LISTED, rows), limit, "available", "user")
