"""The lines about buying over HTTP: the house against the sketch, and against the stock library behind the same server.

Both sides verify a token, keep the key, take points and charge a sandbox's card in its own books, in two transactions
around the charge; 16 kept-alive clients, 512 members, all the points that each has. Sums are compared once.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import checks, crowd, houses, rivals
from benchmarks.arena import Arena
from benchmarks.rounds import Goal, Line, Side
from benchmarks.servers import WORKERS, Server


@contextmanager
def _sketch_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    with houses.shop(arena) as house, rivals.sketch(arena, house.secret) as rival:
        yield _against("sketch", house, rival)


@contextmanager
def _stock_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    with houses.shop(arena) as house, rivals.stock(arena, house.secret, house.products) as rival:
        yield _against("stock", house, rival)


def _against(name: str, house: houses.Served, rival: Server) -> tuple[Side, ...]:
    checks.same_purchases(house.server, rival, house.secret, house.products)
    tokens = crowd.tokens(house.secret, houses.BUYERS)
    theirs = crowd.Shoppers(rival, tokens, house.products, [])
    return Side("house", houses.buyers(house).run), Side(name, theirs.run)


_WHAT = f"POST /checkout/ (token, key, two transactions, sandbox card), {WORKERS} workers, {crowd.CLIENTS} clients"

SKETCH = Line(
    "checkout-sketch",
    f"{_WHAT}: `miles serve` with all that it does, against the sketch (Django's ORM, counters, gunicorn gthread)",
    _sketch_sides,
    Goal(5),
)
STOCK = Line(
    "checkout-stock",
    f"{_WHAT}: `miles serve` with all that it does, against the eventsourcing library's own application and recorder "
    "behind the same Flask and granian",
    _stock_sides,
    Goal(3),
)
