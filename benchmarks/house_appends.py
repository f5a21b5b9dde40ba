"""Our side of the append lines: the house's mapper and recorder, one process, many threads; with the inline read models
and the account's snapshot, or without. The hash chain is part of every append.

Checkouts are decided before the clock starts. What is timed is mapping them and appending them.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from typing import Any

from app.database import Database
from app.eventstore.mapper import EventMapper
from app.eventstore.recorder import PostgresApplicationRecorder
from app.projections import folding
from app.wiring import INLINE_FOLDS, METADATA
from benchmarks.hammer import Measured, hammer
from benchmarks.purchases import Decided, Shopper, supply

ACCOUNTS = 64
"""Of each thread: no two threads meet on an account, so no append is refused."""

FASTEST = 12_000
"""Checkouts prepared for each second, of all threads together: more than any machine of ours appended."""


def run(url: str, threads: int, warm_up_s: float, seconds: float, *, has_folds: bool) -> Measured:
    """One round."""
    mapper = EventMapper()
    fold = folding.inline(mapper, INLINE_FOLDS) if has_folds else None
    with closing(Database(url, pool_size=threads)) as database:
        recorder = PostgresApplicationRecorder(database, fold=fold, metadata=METADATA)

        def append(decided: Decided) -> None:
            recorder.insert_events(
                [mapper.to_stored_event(event) for event in decided.events],
                snapshots=[mapper.to_stored_event(decided.snapshot)] if has_folds else [],
            )

        shoppers = [[Shopper() for _ in range(ACCOUNTS)] for _ in range(threads)]
        for shopper in (shopper for each in shoppers for shopper in each):
            append(shopper.welcome())
        count = int((warm_up_s + seconds) * FASTEST / threads)
        supplies = [list(supply(each, count)) for each in shoppers]
        return hammer(append, supplies, warm_up_s=warm_up_s, seconds=seconds)


def main() -> None:
    """Read a job, tell what was measured."""
    job: dict[str, Any] = json.load(sys.stdin)
    json.dump(run(**job), sys.stdout)


if __name__ == "__main__":
    main()
