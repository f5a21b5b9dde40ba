"""The import of products: lines of JSON in, rows created or replaced by `sku`, and a report of what was refused.

A line that is refused is reported and stops nothing. Memory is bounded however long the file: lines are read, checked
and written by the batch, each batch in a transaction of its own, or all in the caller's. It never deletes a product;
`active: false` hides one.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import IO, Any

import msgspec
import psycopg2.extensions as ext

from app.catalog.lines import MAX_LINE_BYTES, Errors, NotAProduct, parse
from app.database import Database

# Large enough that the round trip does not count, small enough that a transaction takes tens of milliseconds.
BATCH = 500
# A file of nothing but mistakes must not fill the memory: past so many, refusals are only counted.
MAX_LISTED = 10_000

# Who waits here waits for another import, which may well take longer than the 10 s that a session waits for a lock.
PATIENCE = "SET LOCAL lock_timeout = '60s'; "

# In order of sku, so that two imports never wait for each other in a ring. A row that the statement has just
# inserted has no xmax; one that it replaced was locked by it first.
MERGE = f"""{PATIENCE}
INSERT INTO products AS known (sku, name, brand, category, price_minor, currency, image_url, description, active)
SELECT sku, name, brand, category, price, currency, image_url, description, active
FROM json_to_recordset(%s::json) AS given (sku text, name text, brand text, category text, price bigint,
    currency text, image_url text, description text, active boolean)
ORDER BY sku
ON CONFLICT (sku) DO UPDATE SET name = excluded.name, brand = excluded.brand, category = excluded.category,
    price_minor = excluded.price_minor, currency = excluded.currency, image_url = excluded.image_url,
    description = excluded.description, active = excluded.active, updated_at = now()
RETURNING xmax = 0
"""

# Batch after batch in one transaction takes its rows in no order, so nobody else may write meanwhile. All may read.
ALONE = f"{PATIENCE}LOCK TABLE products IN SHARE ROW EXCLUSIVE MODE"


@dataclass
class Report:
    """What an import did. `created + updated + len(rejected) + unlisted` is the number of lines that were not blank.

    A sku that comes twice counts twice: once as created or updated, then as updated. `rejected` has the number of each
    refused line, from 1, and its errors by field; `unlisted` are refusals past the first MAX_LISTED.
    """

    created: int = 0
    updated: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    unlisted: int = 0

    def reject(self, line: int, errors: Errors) -> None:
        """Note that a line was refused."""
        if len(self.rejected) < MAX_LISTED:
            self.rejected.append({"line": line, "errors": errors})
        else:
            self.unlisted += 1


def import_products(
    database: Database, lines: Iterable[bytes], currency: str, *, progress: Callable[[int], None] | None = None
) -> Report:
    """Create or replace products by `sku` from NDJSON; fields that are left out take their defaults.

    `currency` is the programme's, and the only one a product may have. `progress` is told, after each batch, how many
    lines have been read so far. Of a sku that comes twice the last line wins.
    """
    return _imported(database.transaction, lines, currency, progress)


def import_at_once(cursor: ext.cursor, lines: Iterable[bytes], currency: str) -> Report:
    """The same in the transaction that `cursor` is in: all of it is there when that commits, or nothing."""
    cursor.execute(ALONE)
    return _imported(lambda: nullcontext(cursor), lines, currency, None)


def _imported(
    transaction: Callable[[], AbstractContextManager[ext.cursor]],
    lines: Iterable[bytes],
    currency: str,
    progress: Callable[[int], None] | None,
) -> Report:
    report = Report()
    numbered = enumerate(lines, 1)
    while batch := list(itertools.islice(numbered, BATCH)):
        products = []
        for number, line in batch:
            if not line.strip():
                continue
            try:
                products.append(parse(line.rstrip(b"\r\n"), currency))
            except NotAProduct as refused:
                report.reject(number, refused.errors)
        with transaction() as cursor:
            _merge(cursor, products, report)
        if progress is not None:
            progress(batch[-1][0])
    return report


def _merge(cursor: ext.cursor, products: list[dict[str, Any]], report: Report) -> None:
    last = {product["sku"]: product for product in products}
    cursor.execute(MERGE, (msgspec.json.encode(list(last.values())).decode(),))
    created = sum(is_new for (is_new,) in cursor.fetchall())
    report.created += created
    report.updated += len(products) - created


def read_lines(stream: io.RawIOBase | IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream. Of an over-long one only the beginning is given, long enough to be refused."""
    reader = io.BufferedReader(stream, MAX_LINE_BYTES) if isinstance(stream, io.RawIOBase) else stream
    # One byte more than is allowed, and two for the end of the line.
    room = MAX_LINE_BYTES + 3
    while line := reader.readline(room):
        yield line
        while len(line) == room and not line.endswith(b"\n"):
            line = reader.readline(room)
