"""balances: one row an account, what it holds in all and its gross totals, as its events say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.domain.account_events import AccountEvent, Adjusted, Earned, Expired, Redeemed, Restored, Revoked
from app.eventstore.merging import Merge, Merges
from app.projections.folding import Positioned

_TOTALS = ("earned", "redeemed", "restored", "revoked", "expired", "adjusted")

_MERGE = Merge(
    "balances_merge",
    {
        "account_id": "uuid",
        "opened_at": "timestamptz",
        "position": "bigint",
        "balance": "bigint",
        "debt": "bigint",
        **dict.fromkeys(_TOTALS, "bigint"),
    },
    "INSERT INTO balances AS b SELECT account_id, opened_at, $1 + position, balance, debt, "
    f"{', '.join(_TOTALS)} FROM {{rows}} AS r ORDER BY account_id "
    "ON CONFLICT (account_id) DO UPDATE SET position = excluded.position, balance = excluded.balance, "
    "debt = b.debt + excluded.debt, " + ", ".join(f"{name} = b.{name} + excluded.{name}" for name in _TOTALS),
)


def fold(events: Sequence[Positioned]) -> Merges:
    """The last position and balance, and what is added to debt and totals, by account."""
    rows: dict[UUID, list[int]] = {}
    opened: dict[UUID, datetime] = {}
    for position, account_id, event in events:
        if not isinstance(event, AccountEvent):
            continue
        opened.setdefault(account_id, event.at)
        row = rows.setdefault(account_id, [0, 0, 0, *(0 for _ in _TOTALS)])
        row[0], row[1] = position, event.balance
        row[2] += getattr(event, "debt_added", 0) - getattr(event, "debt_repaid", 0)
        total = _total(event)
        if total:
            row[3 + _TOTALS.index(total)] += event.points  # type: ignore[attr-defined]
    # Only an account's first row keeps `opened_at`: its first event is Opened.
    return [(_MERGE, [(account_id, opened[account_id], *row) for account_id, row in rows.items()])]


def _total(event: AccountEvent) -> str | None:
    match event:
        case Earned():
            return "earned"
        case Redeemed():
            return "redeemed"
        case Restored():
            return "restored"
        case Revoked():
            return "revoked"
        case Expired():
            return "expired"
        case Adjusted():
            return "adjusted"
    return None
