"""transactions: the feed, one line for each account event that moves points; the lines sum to the balance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from app.database import Database
from app.domain.account_events import Adjusted, Earned, Expired, Redeemed, Restored, Revoked
from app.eventstore.merging import Merge, Merges
from app.projections.folding import Positioned
from app.projections.pages import Item, Page, named, page

TYPES = ("earn", "use", "expire", "manual", "restore", "revoke")

_FIELDS = {
    "id": "bigint",
    "account_id": "uuid",
    "type": "text",
    "points": "bigint",
    "order_id": "uuid",
    "reason_id": "uuid",
    "actor_id": "uuid",
    "expires_at": "timestamptz",
    "created_at": "timestamptz",
    "balance_after": "bigint",
    "debt_repaid": "bigint",
    "debt_added": "bigint",
}

_MERGE = Merge(
    "transactions_merge",
    _FIELDS,
    f"INSERT INTO transactions SELECT $1 + id, {', '.join(list(_FIELDS)[1:])} FROM {{rows}} AS r ORDER BY id",
)


class _Line(NamedTuple):
    type: str
    points: int
    order_id: UUID | None = None
    reason_id: UUID | None = None
    actor_id: UUID | None = None
    expires_at: datetime | None = None
    debt_repaid: int = 0
    debt_added: int = 0


def fold(events: Sequence[Positioned]) -> Merges:
    """A line an event; `points` is the change of the balance."""
    rows = []
    for position, account_id, event in events:
        line = _line(event)
        if line:
            rows.append((
                position, account_id, line.type, line.points, line.order_id, line.reason_id, line.actor_id,
                line.expires_at, event.at, event.balance, line.debt_repaid, line.debt_added,
            ))  # fmt: skip
    return [(_MERGE, rows)]


def _line(event: Any) -> _Line | None:
    match event:
        case Earned():
            expires_at = event.lot.expires_at if event.lot else None
            gained = event.points - event.debt_repaid
            return _Line("earn", gained, event.order_id, expires_at=expires_at, debt_repaid=event.debt_repaid)
        case Redeemed():
            return _Line("use", -event.points, event.order_id)
        case Restored():
            change = event.points - event.debt_repaid
            return _Line("restore", change, event.order_id, event.refund_id, debt_repaid=event.debt_repaid)
        case Revoked():
            change = event.debt_added - event.points
            return _Line("revoke", change, event.order_id, event.refund_id, debt_added=event.debt_added)
        case Expired():
            return _Line("expire", -event.points)
        case Adjusted():
            expires_at = event.lot.expires_at if event.lot else None
            change = event.points - event.debt_repaid
            return _Line("manual", change, None, event.reason_id, event.actor_id, expires_at, event.debt_repaid)
    return None


COLUMNS = (
    "id", "user", "type", "points", "reference", "order_id", "reason", "actor", "expires_at", "created_at",
    "balance_after", "debt_repaid", "debt_added",
)  # fmt: skip

_SELECT = (
    "SELECT t.id, d.user_id, t.type, t.points, coalesce(t.order_id, t.reason_id)::text, t.order_id, "
    "nullif(r.body, ''), a.user_id, t.expires_at, t.created_at, t.balance_after, t.debt_repaid, t.debt_added "
    "FROM transactions t JOIN directory d ON d.account_id = t.account_id "
    "LEFT JOIN reasons r ON r.reason_id = coalesce(t.reason_id, t.order_id) "
    "LEFT JOIN directory a ON a.account_id = t.actor_id "
)

_ACCOUNT = "SELECT account_id FROM directory WHERE user_id = %s"
_MOMENT = "SELECT created_at, id FROM transactions WHERE id = %s"


class Filters(NamedTuple):
    """What narrows the feed; `[since, until)` is when it happened, `reason` a part of why, in any case.

    Who knows the member's account names it in place of the `user`.
    """

    user: str | None = None
    type: str | None = None
    order_id: UUID | None = None
    since: datetime | None = None
    until: datetime | None = None
    reason: str | None = None
    account_id: UUID | None = None


class Transactions:
    """Queries: pages of the feed, newest first, and the whole of it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, limit: int, after: int | None, filters: Filters) -> Page:
        """Lines older than that of the position `after`: by position, or by moment where moments are filtered by."""
        conditions: list[str] = ["true"]
        parameters: list[Any] = []
        account_id = filters.account_id
        if filters.user is not None:
            # Looked up apart, so that the planner sees a constant and knows how busy this very member is.
            (account_id,) = self._database.row(_ACCOUNT, (filters.user,)) or (None,)
            if account_id is None:
                return Page([], None)
        for condition, value in (
            ("t.account_id = %s", account_id),
            ("t.type = %s", filters.type),
            ("t.order_id = %s", filters.order_id),
            ("t.created_at >= %s", filters.since),
            ("t.created_at < %s", filters.until),
            ("strpos(lower(r.body), lower(%s)) > 0", filters.reason),
        ):
            if value is not None:
                conditions.append(condition)
                parameters.append(value)
        order = "t.id DESC"
        if filters.since or filters.until:
            # In order of position, a span of time would be looked for from the end of the log on.
            order = "t.created_at DESC, t.id DESC"
            if after is not None:
                conditions.append("(t.created_at, t.id) < (%s, %s)")
                parameters += self._database.row(_MOMENT, (after,)) or (None, None)
        elif after is not None:
            conditions.append("t.id < %s")
            parameters.append(after)
        sql = f"{_SELECT} WHERE {' AND '.join(conditions)} ORDER BY {order} LIMIT %s"
        return page(named(COLUMNS, self._database.rows(sql, (*parameters, limit + 1))), limit, "id")

    def all(self, filters: Filters, *, chunk: int = 1000) -> Iterator[list[Item]]:
        """The whole filtered feed in chunks, each read by itself: no snapshot is held while a client dawdles."""
        after: int | None = None
        while True:
            items, next_key = self.page(chunk, after, filters)
            yield items
            if next_key is None:
                return
            after = next_key[0]
