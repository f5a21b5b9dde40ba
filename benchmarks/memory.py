"""The line about memory: the larger of the two workers after many requests, against the same after the first tenth.

One in ten requests is a purchase; the rest are points, products, searches and misspelt searches. What is told is the
resident memory that the kernel counts, with all libraries in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import catalogue, crowd, houses
from benchmarks.arena import Arena
from benchmarks.rounds import Facts, Goal, Line, Side
from benchmarks.servers import WORKERS, Server

MOST_MIB = 120
SPELLINGS = 40


@contextmanager
def _sides(arena: Arena) -> Iterator[tuple[Side, ...]]:
    # A server of its own: how old it is must not depend on which lines were run before.
    addresses = arena.database("memory")
    products = min(arena.plan.products, 20_000)
    catalogue.fill(addresses.owner, products)
    with houses.served(addresses, arena.home / "memory") as house:
        shoppers = crowd.Shoppers(
            house.server, crowd.tokens(house.secret, houses.BUYERS), house.products, _requests(house, products)
        )

        def until(requests: int) -> Facts:
            told = _driven(shoppers, requests, arena.plan.seconds)
            return {**told, "worker_mib": max(workers_mib(house.server))}

        first = until(arena.plan.requests // 10)
        yield Side("later", lambda seconds: until(arena.plan.requests)), Side("at first", lambda seconds: first)


def _requests(house: houses.Served, products: int) -> list[str]:
    points = [crowd.get("/user/points", token) for token in crowd.tokens(house.secret, houses.READERS)]
    spellings = [crowd.get(path) for path, _ in catalogue.misspelt(products, SPELLINGS)]
    searches = [crowd.get(path) for path in catalogue.filters(products, len(points) - len(spellings))]
    pages = [crowd.get("/products/?limit=50")] * len(points)
    return [request for three in zip(points, [*searches, *spellings], pages, strict=True) for request in three]


def _driven(shoppers: crowd.Shoppers, requests: int, seconds: float) -> Facts:
    """Rounds until so many requests have been answered."""
    answered, rounds = 0.0, 0
    while answered < requests:
        answered += shoppers.run(seconds)["per_second"] * seconds
        rounds += 1
    return {"per_second": answered / rounds / seconds, "requests": int(answered)}


def workers_mib(server: Server) -> list[float]:
    """The resident memory of each process that answers requests: those whose parent is granian."""
    (parent,) = (pid for pid in _children(server.pid) if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes())
    told = sorted((_resident_mib(pid) for pid in _children(parent)), reverse=True)
    if len(told) < WORKERS:
        raise RuntimeError(f"there are {len(told)} workers in place of {WORKERS}")
    # Python's own resource tracker may be a child, too; it is the smallest by far.
    return told[:WORKERS]


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kib) / 1024


MEMORY = Line(
    "memory",
    f"resident memory of a worker after many requests (100,000 in a whole run), at most {MOST_MIB} MiB, "
    "against the same after a tenth of them",
    _sides,
    Goal(1.1, is_ceiling=True),
    facts=("worker_mib", "worker_mib"),
    is_timed=False,
    rounds=1,
    ceilings=(("worker_mib", MOST_MIB),),
)
