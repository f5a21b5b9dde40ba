"""The line about importing past orders, as `miles orders import` does from CSV, against buying over HTTP.

An import is one process; each round has orders of its own, five a member, half of the members new each time.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.cli.csv_lines import rows
from app.cli.import_lines import ORDER_COLUMNS, past_orders
from app.collector import collect_seldom
from app.config import Settings
from app.wiring import build
from benchmarks import children, houses
from benchmarks.arena import Arena
from benchmarks.rounds import Facts, Goal, Line, Side

ORDERS_A_MEMBER = 5


@contextmanager
def _sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    url, numbers = arena.database("imported").app, itertools.count()

    def imported(seconds: float) -> Facts:
        job = {"url": url, "home": str(arena.home), "orders": arena.plan.imported, "number": next(numbers)}
        return children.ask("benchmarks.imports", job)

    with houses.shop(arena) as house:
        buyers = houses.buyers(house)
        buyers.run(arena.plan.warm_up_s)
        yield Side("import", imported), Side("checkout", buyers.run)


def lines(orders: int, number: int) -> Iterator[bytes]:
    """The CSV of the import of this number."""
    yield ",".join(ORDER_COLUMNS).encode() + b"\n"
    members, now = orders // ORDERS_A_MEMBER, datetime.now(UTC)
    for order in range(orders):
        member = number * members // 2 + order % members
        paid_at = (now - timedelta(days=300, seconds=-order)).isoformat(timespec="seconds")
        yield f"member-{member},{number}-{order},{paid_at},{50_000 + order}\n".encode()


def main() -> None:
    """Read a job, tell what was measured. Raises RuntimeError where an order was not imported."""
    job: dict[str, Any] = json.load(sys.stdin)
    collect_seldom()  # as every command does
    given = list(lines(job["orders"], job["number"]))
    with closing(build(Settings(home=Path(job["home"]), database_url=job["url"]))) as house:
        began = time.perf_counter()
        report = house.import_orders(past_orders(rows(given, ORDER_COLUMNS)))
        seconds = time.perf_counter() - began
    if report.imported != job["orders"]:
        raise RuntimeError(f"{report.imported} orders of {job['orders']} were imported: {report.rejected[:3]}")
    json.dump({"per_second": report.imported / seconds, "orders": report.imported}, sys.stdout)


IMPORT = Line(
    "import",
    "miles orders import from CSV, orders a second in one process, against POST /checkout/ with 16 clients",
    _sides,
    Goal(10),
    is_timed=False,
)

if __name__ == "__main__":
    main()
