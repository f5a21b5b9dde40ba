"""The lines about a whole log: rebuild against the library's own runner, verify against rebuild.

The log is made once for all of them, by benchmarks/history.py. Each round is a process of its own over the whole of it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

from app.config import Settings
from app.database import Database
from app.wiring import build
from benchmarks import children, history
from benchmarks.arena import Addresses, Arena
from benchmarks.peers import environment
from benchmarks.rounds import Facts, Goal, Line, Side


class Log:
    """A database with a long history, swept and sealed once: nothing is left for the scheduler to catch up with."""

    def __init__(self, name: str, addresses: Addresses, home: Path) -> None:
        self.name = name
        self.addresses = addresses
        self.home = home

    def run(self, work: str, seconds: float) -> Facts:
        """One round; it takes as long as the log is long."""
        url, owner_url = self.addresses.app, self.addresses.owner
        job = {"work": work, "url": url, "owner_url": owner_url, "home": str(self.home)}
        return children.ask("benchmarks.house_audits", job)


def log(arena: Arena) -> Log:
    """The long log, which the first line to ask for it makes. Nobody is connected to it between rounds."""
    return arena.kept("history", lambda: _made(arena))


@contextmanager
def _made(arena: Arena) -> Iterator[Log]:
    addresses, home = arena.database("history"), arena.home / "history"
    with closing(Database(addresses.owner, pool_size=2)) as owner:
        history.write(owner, arena.plan.events)
    home.mkdir()
    with closing(build(Settings(home=home, database_url=addresses.app))) as house:
        house.expire_points()
        house.seal()
    yield Log("history", addresses, home)


@contextmanager
def _rebuild_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    interpreter, numbers = environment.python("stock"), itertools.count(1)
    url = arena.database("followed", is_migrated=False).owner
    children.ask("benchmarks.peers.stock", {"work": "fill", "url": url, "events": arena.plan.followed}, interpreter)

    def follow(seconds: float) -> Facts:
        return children.ask(
            "benchmarks.peers.stock", {"work": "follow", "url": url, "number": next(numbers)}, interpreter
        )

    yield Side("house", partial(log(arena).run, "rebuild")), Side("stock", follow)


@contextmanager
def _verify_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    whole = log(arena)
    yield Side("verify", partial(whole.run, "verify")), Side("rebuild", partial(whole.run, "rebuild"))


REBUILD = Line(
    "rebuild",
    "miles projections rebuild of all read models over a long log, events times read models a second, against the "
    "eventsourcing library's ProjectionRunner with one projection on psycopg 3",
    _rebuild_sides,
    Goal(100),
    facts=("folds_per_second", "per_second"),
    is_timed=False,
)
VERIFY = Line(
    "verify",
    "miles audit verify over a long log, events a second, against miles projections rebuild over the same",
    _verify_sides,
    Goal(0.5),
    is_timed=False,
)
