"""The line about the sweep: lapsed lots taken a second, by the house and by the sketch's nightly loop.

Both take two lots from each account and leave a movement and a balance of nothing, which is checked. Our accounts are
copied afresh for each round, untimed; the sketch's are made anew by its own script.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from app.config import Settings
from app.database import Database
from app.wiring import build
from benchmarks import children, history, rivals
from benchmarks.arena import Arena
from benchmarks.rounds import Facts, Goal, Line, Side

LEFT = "SELECT count(*) FROM balances WHERE balance <> 0", "SELECT count(*) FROM lots WHERE remaining <> 0"


@contextmanager
def _sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    numbers, original = itertools.count(1), "lapsed"
    with closing(Database(arena.database(original).owner, pool_size=2)) as owner:
        history.write_lapsed(owner, arena.plan.lapsed_accounts)
    sketch = arena.database("sketch_night", is_migrated=False)
    rivals.ask_sketch("filling", {"products": []}, sketch)

    def house(seconds: float) -> Facts:
        name = f"{original}{next(numbers)}"
        job = {"url": arena.copy(name, original).app, "home": str(arena.home), "accounts": arena.plan.lapsed_accounts}
        told = children.ask("benchmarks.sweeps", job)
        arena.drop(name)
        return told

    def loop(seconds: float) -> Facts:
        return rivals.ask_sketch("expiry", {"members": arena.plan.looped_accounts}, sketch)

    yield Side("house", house), Side("sketch", loop)


def main() -> None:
    """Read a job, tell what was measured. Raises RuntimeError where points were left."""
    job: dict[str, Any] = json.load(sys.stdin)
    with closing(build(Settings(home=Path(job["home"]), database_url=job["url"]))) as house:
        began = time.perf_counter()
        sweep = house.expire_points()
        seconds = time.perf_counter() - began
        left = [house.database.rows(statement)[0][0] for statement in LEFT]
    if sweep.failures or sweep.accounts != job["accounts"] or any(left):
        raise RuntimeError(f"{sweep.accounts} accounts of {job['accounts']} were swept, {left} rows were left")
    lots = sweep.accounts * history.LAPSED_LOTS
    json.dump({"per_second": lots / seconds, "lots": lots}, sys.stdout)


SWEEP = Line(
    "sweep",
    "take lapsed lots, two an account, lots a second: `miles expire` against the sketch's loop of a "
    "transaction a member",
    _sides,
    Goal(15),
    is_timed=False,
)

if __name__ == "__main__":
    main()
