"""The records of imports, field by field: is it an opening balance or a past order, and if not, why not.

Strict: nothing is converted, trimmed or guessed. What depends on the hour or on the ledger is the use case's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from app.auth.principals import MAX_USER_ID, is_user_id
from app.cli.csv_lines import Row
from app.domain.point_account import MAX_ADJUSTMENT
from app.usecases.import_accounts import OpeningBalance
from app.usecases.import_orders import PastOrder
from app.usecases.importing import Refused

MAX_REFERENCE = 255

# 10^15 paise are more than any purchase, and every reader of JSON still has them exactly.
MAX_AMOUNT_MINOR = 10**15

# RFC 3339 wants date, time and offset; Python's ISO parser would also take a week, a bare date or no dashes.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

# int() would also take a sign, 1_000, blanks and the digits of other scripts.
_WHOLE = re.compile(r"0|[1-9]\d{0,18}", re.ASCII)

Check = Callable[[str], Any]
"""The value that a field says. Raises ValueError with what is wrong with it."""

L = TypeVar("L")


def _user(text: str) -> str:
    if not is_user_id(text):
        raise ValueError(f"must be 1 to {MAX_USER_ID} printable characters without a slash")
    return text


def _reference(text: str) -> str:
    if not (1 <= len(text) <= MAX_REFERENCE and text.isprintable()):
        raise ValueError(f"must be 1 to {MAX_REFERENCE} printable characters")
    return text


def _whole(most: int) -> Check:
    def check(text: str) -> int:
        if not _WHOLE.fullmatch(text) or int(text) > most:
            raise ValueError(f"must be a whole number from 0 to {most}, in digits alone")
        return int(text)

    return check


def _instant(text: str) -> datetime:
    wrong = ValueError("must be an RFC 3339 instant, such as 2025-01-31T18:00:00Z")
    if not _RFC_3339.fullmatch(text):
        raise wrong
    try:
        at = datetime.fromisoformat(text.upper())
    except ValueError:
        raise wrong from None
    # A year from either end of the calendar, so that any zone has a date for it, and a day before and after.
    if not datetime.min.year < at.year < datetime.max.year:
        raise wrong
    return at.astimezone(UTC)


# In the order of the line's own fields.
_BALANCE: dict[str, Check] = {
    "user": _user,
    "points": _whole(MAX_ADJUSTMENT),
    "expires_at": lambda text: _instant(text) if text else None,
    "reference": _reference,
}
_ORDER: dict[str, Check] = {
    "user": _user,
    "reference": _reference,
    "paid_at": _instant,
    "amount": _whole(MAX_AMOUNT_MINOR),
}

BALANCE_COLUMNS = tuple(_BALANCE)
ORDER_COLUMNS = tuple(_ORDER)


def opening_balances(rows: Iterable[tuple[int, Row | Refused]]) -> Iterator[tuple[int, OpeningBalance | Refused]]:
    """What the rows of BALANCE_COLUMNS say, or why they say nothing."""
    return ((number, _checked(row, _BALANCE, OpeningBalance)) for number, row in rows)


def past_orders(rows: Iterable[tuple[int, Row | Refused]]) -> Iterator[tuple[int, PastOrder | Refused]]:
    """What the rows of ORDER_COLUMNS say, or why they say nothing."""
    return ((number, _checked(row, _ORDER, PastOrder)) for number, row in rows)


def _checked(row: Row | Refused, checks: Mapping[str, Check], make: Callable[..., L]) -> L | Refused:
    """The line that a row says, or everything that is wrong with it."""
    if isinstance(row, Refused):
        return row
    values: list[Any] = []
    errors: list[str] = []
    for column, check in checks.items():
        try:
            values.append(check(row[column]))
        except ValueError as error:
            errors.append(f"{column}: {error}")
    return Refused("; ".join(errors)) if errors else make(*values)
