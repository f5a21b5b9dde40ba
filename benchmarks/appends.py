"""The lines about appends: against the library's own application, and against PostgreSQL's own pgbench.

Each side has a database of its own in the one server. On both sides of the first two, what is timed is mapping decided
events by the side's own mapper and appending them by its own recorder; deciding is in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from app.eventstore.mapper import EventMapper
from benchmarks import children, pgbench
from benchmarks.arena import Arena
from benchmarks.peers import environment
from benchmarks.purchases import Shopper
from benchmarks.rounds import Facts, Goal, Line, Side

CLIENTS = 16
# Connecting, preparing statements and filling caches, at the start of each round; not counted.
SETTLE_S = 0.5


def _against_stock(database: str, *, has_folds: bool) -> Callable[[Arena], AbstractContextManager[tuple[Side, ...]]]:
    @contextmanager
    def sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
        interpreter = environment.python("stock")
        url = arena.database(f"{database}_stock", is_migrated=False).owner

        def stock(seconds: float) -> Facts:
            job = {"url": url, "threads": CLIENTS, "warm_up_s": SETTLE_S, "seconds": seconds}
            return children.ask("benchmarks.peers.stock", {"work": "append", **job}, interpreter)

        yield Side("house", _house(arena, database, has_folds=has_folds)), Side("stock", stock)

    return sides


@contextmanager
def _floor_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    program = pgbench.find()
    addresses = arena.database("floor_pgbench")
    pgbench.draw_in_blocks(addresses)
    floor = pgbench.Floor(program, addresses, _states(), CLIENTS)
    yield Side("house", _house(arena, "floor_house", has_folds=True)), Side("pgbench", floor.run)


def _house(arena: Arena, database: str, *, has_folds: bool) -> Callable[[float], Facts]:
    url = arena.database(database).app

    def run(seconds: float) -> Facts:
        job = {"url": url, "threads": CLIENTS, "warm_up_s": SETTLE_S, "seconds": seconds, "has_folds": has_folds}
        return children.ask("benchmarks.house_appends", job)

    return run


def _states() -> list[str]:
    """A checkout's events as they are stored: two of the account, two of the order."""
    shopper, mapper = Shopper(), EventMapper()
    shopper.welcome()
    return [mapper.to_stored_event(event).state.decode() for event in shopper.buys().events]


_WHAT = f"append one checkout (4 events, 2 streams), {CLIENTS} threads"
APPEND = Line(
    "append",
    f"{_WHAT}: the house with its chain, no read models and no snapshot, against the eventsourcing library's own "
    "application, transcoder and psycopg 3 recorder, without projection or snapshot",
    _against_stock("appends", has_folds=False),
    Goal(4.5),
)
FOLDS = Line(
    "append-folds",
    f"{_WHAT}: the house with chain, snapshot and inline read models, against the same",
    _against_stock("folds", has_folds=True),
    Goal(3.5),
)
FLOOR = Line(
    "append-floor",
    f"{_WHAT}: the house with chain, snapshot and inline read models, against pgbench sending the same rows "
    "as plain SQL",
    _floor_sides,
    Goal(0.4),
)
