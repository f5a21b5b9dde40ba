"""The line about growth: checkouts a second with a long log in the store, against the same house with an empty one.

Two houses as they serve by default, each over its own database in the one server, with the same small catalogue. In the
long one members of its history buy, with all that they hold; to the other they are new.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import audits, catalogue, crowd, history, houses
from benchmarks.arena import Arena
from benchmarks.rounds import Goal, Line, Side


@contextmanager
def _sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    full = arena.copy("growth_full", audits.log(arena).name)
    empty = arena.database("growth_empty")
    for addresses in (full, empty):
        catalogue.fill(addresses.owner, houses.SHOWN)
    with houses.served(full, arena.home / "full") as grown, houses.served(empty, arena.home / "empty") as young:
        members = history.some_buyers(arena.plan.events, crowd.MEMBERS)
        yield tuple(
            Side(name, crowd.Shoppers(house.server, crowd.tokens(house.secret, members), house.products, []).run)
            for name, house in (("long log", grown), ("empty", young))
        )
    arena.drop("growth_full")


GROWTH = Line(
    "growth",
    f"POST /checkout/ with a long log in the store (a million events in a whole run), {crowd.CLIENTS} clients, "
    "against the same with an empty one",
    _sides,
    Goal(0.8),
)
