"""The lines about reading over HTTP, at the house as it serves by default: points, products, search.

The bare side is Flask under our own server with one pooled SELECT of a row. All have 16 kept-alive clients.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import catalogue, checks, crowd, houses, rivals
from benchmarks.arena import Arena
from benchmarks.rounds import Goal, Line, Side

SEARCHES = 400
CHECKED = 20
UNDERSTOOD = 0.8
"""Of misspelt words, at least: a made-up word with a slip may be nearer to another one."""


@contextmanager
def _against_bare(arena: Arena, house: houses.Served, requests: list[str]) -> Iterator[tuple[Side, ...]]:
    rows = [crowd.get(f"/{number}") for number in range(rivals.BARE_ROWS)]
    with rivals.bare(arena) as bare:
        yield Side("house", crowd.asking(house.server, requests)), Side("bare", crowd.asking(bare, rows))


@contextmanager
def _points_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    with houses.shop(arena) as house:
        tokens = crowd.tokens(house.secret, houses.READERS)
        with _against_bare(arena, house, [crowd.get("/user/points", token) for token in tokens]) as sides:
            yield sides


@contextmanager
def _products_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    with houses.shop(arena) as house, _against_bare(arena, house, [crowd.get("/products/?limit=50")]) as sides:
        yield sides


@contextmanager
def _search_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    paths = catalogue.filters(arena.plan.products, SEARCHES)
    requests = [crowd.get(path) for path in paths]
    with houses.shop(arena) as house, rivals.sketch(arena, house.secret) as rival:
        checks.same_finds(house.server, rival, paths[:CHECKED])
        yield Side("house", crowd.asking(house.server, requests)), Side("sketch", crowd.asking(rival, requests))


@contextmanager
def _misspelt_sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    asked = catalogue.misspelt(arena.plan.products, SEARCHES)
    with houses.shop(arena) as house:
        checks.finds_what_was_meant(house.server, asked[:CHECKED], at_least=UNDERSTOOD)
        with _against_bare(arena, house, [crowd.get(path) for path, _ in asked]) as sides:
            yield sides


POINTS = Line(
    "points",
    "GET /user/points of 512 members by token, against one pooled SELECT of bare Flask",
    _points_sides,
    Goal(0.6),
)
PRODUCTS = Line(
    "products",
    "GET /products/?limit=50 of the catalogue, against one pooled SELECT of bare Flask",
    _products_sides,
    Goal(0.5),
)
SEARCH = Line(
    "search",
    "GET /products/search by category, brand and price, against the sketch with indexes for it",
    _search_sides,
    Goal(5),
)
MISSPELT = Line(
    "search-misspelt",
    "GET /products/search with a misspelt q: its p99, against the median of one pooled SELECT of bare Flask",
    _misspelt_sides,
    Goal(12, is_ceiling=True),
    facts=("p99_ms", "median_ms"),
)
