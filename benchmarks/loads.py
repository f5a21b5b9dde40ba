"""The line about loading an account: of many events against one of few, both with at most twenty lots that hold points.

One thread asks for the same account again and again, as a use case does: snapshot and tail in one round trip.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from uuid import UUID

from app.config import Settings
from app.database import Database
from app.domain.point_account import PointAccount
from app.wiring import build
from benchmarks import children, history
from benchmarks.arena import Arena
from benchmarks.rounds import Facts, Goal, Line, Side

LONG, LOTS = 5000, 20


@contextmanager
def _sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    addresses = arena.database("loads")
    with closing(Database(addresses.owner, pool_size=2)) as owner:
        ids = history.write_long(owner, LONG, LOTS)

    def side(name: str, account_id: UUID, events: int) -> Side:
        job = {"url": addresses.app, "home": str(arena.home), "account": str(account_id), "events": events}

        def run(seconds: float) -> Facts:
            return children.ask("benchmarks.loads", {**job, "seconds": seconds})

        return Side(name, run)

    yield side(f"{LONG:,} events", ids[0], LONG), side("5 events", ids[1], 5)


def main() -> None:
    """Read a job, tell what was measured. Raises RuntimeError where the account is another one."""
    job: dict[str, Any] = json.load(sys.stdin)
    account_id = UUID(job["account"])
    with closing(build(Settings(home=Path(job["home"]), database_url=job["url"]))) as house:
        (account,) = house.loyalty.load((PointAccount, account_id))
        if account.version != job["events"] or not 0 < len(account.parts) <= LOTS:
            raise RuntimeError(f"version {account.version} with {len(account.parts)} lots in place of {job['events']}")
        took = []
        closes = time.perf_counter() + job["seconds"]
        while (began := time.perf_counter()) < closes:
            house.loyalty.load((PointAccount, account_id))
            took.append(time.perf_counter() - began)
    json.dump({"per_second": len(took) / job["seconds"], "latency_ms": median(took) * 1000}, sys.stdout)


LOAD = Line(
    "load",
    f"load an account of {LONG:,} events, of which at most {LOTS} lots have points left, against one of 5 events",
    _sides,
    Goal(1.5, is_ceiling=True),
    facts=("latency_ms", "latency_ms"),
)

if __name__ == "__main__":
    main()
