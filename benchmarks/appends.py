"""The two lines about appends: against the library's own recorder, and against PostgreSQL's own pgbench.

Each side has a database of its own in the one server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.eventstore.mapper import EventMapper
from benchmarks import children, pgbench
from benchmarks.arena import Arena
from benchmarks.peers import environment
from benchmarks.purchases import Shopper
from benchmarks.rounds import Facts, Line, Side

CLIENTS = 16
# Connecting, preparing statements and filling caches, at the start of each round; not counted.
SETTLE_S = 0.5


@contextmanager
def stock_sides(arena: Arena) -> Iterator[tuple[Side, Side]]:
    """The house, and the library's recorder, which appends bytes of the same kind."""
    interpreter = environment.python("stock")
    url = arena.database("stock_peer", is_migrated=False).owner
    events = sample()

    def stock(seconds: float) -> Facts:
        job = {"url": url, "threads": CLIENTS, "warm_up_s": SETTLE_S, "seconds": seconds, "sample": events}
        return children.ask("benchmarks.peers.stock", job, interpreter)

    yield Side("house", house(arena, "stock_house")), Side("stock", stock)


@contextmanager
def floor_sides(arena: Arena) -> Iterator[tuple[Side, Side]]:
    """The house, and pgbench with the same rows."""
    program = pgbench.find()
    addresses = arena.database("floor_pgbench")
    pgbench.draw_in_blocks(addresses)
    events = sample()
    floor = pgbench.Floor(program, addresses, [state for _, _, state in events], CLIENTS)
    yield Side("house", house(arena, "floor_house")), Side("pgbench", floor.run)


def house(arena: Arena, database: str) -> Callable[[float], Facts]:
    """Our side, in a new database."""
    url = arena.database(database).app

    def run(seconds: float) -> Facts:
        job = {"url": url, "threads": CLIENTS, "warm_up_s": SETTLE_S, "seconds": seconds}
        return children.ask("benchmarks.house_appends", job)

    return run


def sample() -> list[tuple[int, str, str]]:
    """A checkout's events in their stored form: stream (0 the account, 1 the order), topic, state."""
    shopper, mapper = Shopper(), EventMapper()
    account_id = shopper.welcome().snapshot.originator_id
    stored = [mapper.to_stored_event(event) for event in shopper.buys().events]
    return [(int(event.originator_id != account_id), event.topic, event.state.decode()) for event in stored]


STOCK = Line(
    "append-stock",
    f"append one checkout (4 events, 2 streams), {CLIENTS} threads: the house with its read models and snapshot, "
    "against the eventsourcing library's own psycopg 3 recorder without any",
    stock_sides,
)

FLOOR = Line(
    "append-floor",
    f"append one checkout, {CLIENTS} threads: the house, against pgbench sending the same rows as plain SQL",
    floor_sides,
)
