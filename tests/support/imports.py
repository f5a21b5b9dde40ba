"""Lines of imports, good and bad, in a file and as if from one."""

from __future__ import annotations

from datetime import UTC, datetime

from app.catalog.lines import MAX_LINE_BYTES
from app.cli.import_lines import MAX_AMOUNT_MINOR
from app.usecases.import_accounts import OpeningBalance
from app.usecases.import_orders import PastOrder
from app.usecases.importing import Refused, Report
from app.wiring import House

MARCH = datetime(2025, 3, 31, 10, 0, tzinfo=UTC)
UNTIL = datetime(2026, 6, 30, 18, 30, tzinfo=UTC)

OTHER_VALUES = "reference: was imported before with other values"
"""Why a line is refused whose reference is known for something else."""

ORDERS = "user,reference,paid_at,amount\n"
BALANCES = "user,points,expires_at,reference\n"

GOOD = "ann,S-1,2025-03-31T10:00:00Z,50000"

# Each is a whole record of ORDER_COLUMNS, and the fields that it is refused for; "" for the record as such.
BAD_ORDERS: dict[str, tuple[str | bytes, list[str]]] = {
    "no user": (GOOD.replace("ann", ""), ["user"]),
    "a user with a slash": (GOOD.replace("ann", "a/b"), ["user"]),
    "a user of 129": (GOOD.replace("ann", "x" * 129), ["user"]),
    "a user that cannot be printed": (GOOD.replace("ann", "a\u200bn"), ["user"]),
    "a user with NUL": (GOOD.replace("ann", "a\0n"), ["user"]),
    "a user over two lines": (GOOD.replace("ann", '"a\nb"'), ["user"]),
    "no reference": (GOOD.replace("S-1", ""), ["reference"]),
    "a reference of 256": (GOOD.replace("S-1", "x" * 256), ["reference"]),
    "a reference with a tab": (GOOD.replace("S-1", "S\t1"), ["reference"]),
    "a naive instant": (GOOD.replace("00Z", "00"), ["paid_at"]),
    "a date": (GOOD.replace("T10:00:00Z", ""), ["paid_at"]),
    "no seconds": (GOOD.replace(":00Z", "Z"), ["paid_at"]),
    "30 February": (GOOD.replace("03-31", "02-30"), ["paid_at"]),
    "hour 25": (GOOD.replace("T10", "T25"), ["paid_at"]),
    "an offset of a day": (GOOD.replace("Z", "+24:00"), ["paid_at"]),
    "a Unix time": (GOOD.replace("2025-03-31T10:00:00Z", "1743415200"), ["paid_at"]),
    "the end of time": (GOOD.replace("2025-03", "9999-03"), ["paid_at"]),
    "the year nought": (GOOD.replace("2025-03", "0000-03"), ["paid_at"]),
    "other digits in the instant": (GOOD.replace("2025", "२०२५"), ["paid_at"]),
    "an instant with a blank": (GOOD.replace(",2025", ", 2025"), ["paid_at"]),
    "no amount": (GOOD.replace("50000", ""), ["amount"]),
    "a negative amount": (GOOD.replace("50000", "-1"), ["amount"]),
    "a sign": (GOOD.replace("50000", "+5"), ["amount"]),
    "a float": (GOOD.replace("50000", "5.0"), ["amount"]),
    "an exponent": (GOOD.replace("50000", "5e4"), ["amount"]),
    "an underscore": (GOOD.replace("50000", "50_000"), ["amount"]),
    "a blank before": (GOOD.replace("50000", " 50000"), ["amount"]),
    "a blank after": (GOOD.replace("50000", "50000 "), ["amount"]),
    "a nought before": (GOOD.replace("50000", "050000"), ["amount"]),
    "other digits": (GOOD.replace("50000", "५००"), ["amount"]),
    "digits without end": (GOOD.replace("50000", "9" * 5_000), ["amount"]),
    "an amount beyond reason": (GOOD.replace("50000", str(MAX_AMOUNT_MINOR + 1)), ["amount"]),
    "all at once": ("a/b,,now,many", ["user", "reference", "paid_at", "amount"]),
    "a field missing": ("ann,S-1,2025-03-31T10:00:00Z", [""]),
    "a field too many": (GOOD + ",", [""]),
    "a thousands separator": (GOOD.replace("50000", "50,000"), [""]),
    "a blank line that is not empty": ("  ", [""]),
    "semicolons": (GOOD.replace(",", ";"), [""]),
    "a quote left open": ('"' + GOOD, [""]),
    "a quote in the middle": (GOOD.replace("S-1", 'S"1'), [""]),
    "something after a quote": (GOOD.replace("S-1", '"S"-1'), [""]),
    "a lone carriage return": (GOOD.replace("S-1", "S\r1"), [""]),
    "Latin-1": (GOOD.replace("ann", "Renée").encode("latin-1"), [""]),
    "a byte-order mark in the middle": ("\ufeff" + GOOD, ["user"]),
    "a line over 64 KiB": (GOOD.replace("S-1", "x" * MAX_LINE_BYTES), [""]),
}


def bytes_of(record: str | bytes) -> bytes:
    """A record as it stands in a file."""
    return record.encode() if isinstance(record, str) else record


def bought(user: str = "ann", reference: str = "S-1", paid_at: datetime = MARCH, amount: int = 50_000) -> PastOrder:
    """A purchase from before, of ₹500.00 unless said otherwise."""
    return PastOrder(user, reference, paid_at, amount)


def brought(
    user: str = "ann", points: int = 500, expires_at: datetime | None = UNTIL, reference: str = "L-1"
) -> OpeningBalance:
    """A balance to begin with."""
    return OpeningBalance(user, points, expires_at, reference)


def import_orders(house: House, *lines: PastOrder | Refused) -> Report:
    """Import these, numbered from 1."""
    return house.import_orders(enumerate(lines, 1))


def import_accounts(house: House, *lines: OpeningBalance | Refused, actor: str = "miles-import") -> Report:
    """Import these, numbered from 1."""
    return house.import_accounts(enumerate(lines, 1), actor)
