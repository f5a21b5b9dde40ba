"""The rivals' servers and the bare one, each over a database of its own. They serve for one line at a time.

An idle server would still hold connections and memory, of which the database and the machine have only so many.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from app.config import PROJECT, child_environment
from app.database import Database
from benchmarks import catalogue, children
from benchmarks.arena import Addresses, Arena
from benchmarks.peers import environment
from benchmarks.servers import THREADS, WORKERS, Server, granian, serving

SKETCH_THREADS = 8
"""Of each of gunicorn's workers: sixteen clients never wait for one, and more were no quicker."""

SETTINGS = "benchmarks.peers.sketch.settings"

STOCK_TABLES = """
CREATE TABLE products (id bigint PRIMARY KEY, name text NOT NULL, price bigint NOT NULL);
CREATE TABLE sandbox_charges (order_id uuid PRIMARY KEY, charge_id text NOT NULL, amount bigint NOT NULL,
    payment_method text NOT NULL, created_at timestamptz NOT NULL DEFAULT now())
"""
BARE_ROWS = 1000
BARE_TABLE = f"""
CREATE TABLE bare (id int PRIMARY KEY, value text NOT NULL);
INSERT INTO bare SELECT n, md5(n::text) FROM generate_series(0, {BARE_ROWS - 1}) AS n
"""


@contextmanager
def bare(arena: Arena) -> Iterator[Server]:
    """Flask under granian with one pooled SELECT: GET /<0 to 999>."""
    url = arena.kept("bare", lambda: _bare_database(arena)).owner
    command = granian(sys.executable, "benchmarks.peers.bare:app")
    with serving(command, {"DATABASE_URL": url}, arena.home / "bare.log", "/0") as server:
        yield server


@contextmanager
def sketch(arena: Arena, secret: str) -> Iterator[Server]:
    """Django's ORM under gunicorn, with the whole catalogue."""
    addresses = arena.kept("sketch", lambda: _sketch_database(arena))
    command = _gunicorn(environment.python("sketch"))
    log = arena.home / "sketch.log"
    with serving(command, _sketch_environment(addresses, secret), log, "/healthz") as server:
        yield server


@contextmanager
def stock(arena: Arena, secret: str, products: list[tuple[int, int]]) -> Iterator[Server]:
    """The library's own application behind our Flask and server, selling these products."""
    python = environment.python("stock")
    url = arena.database("stock_shop", is_migrated=False).owner
    children.ask("benchmarks.peers.stock", {"work": "prepare", "url": url}, python)
    _execute(url, STOCK_TABLES)
    with closing(Database(url, pool_size=1)) as owner:
        for product_id, price in products:
            owner.execute("INSERT INTO products VALUES (%s, 'A product', %s)", (product_id, price))
    environ = {"DATABASE_URL": url, "TOKEN_SECRET": secret, "THREADS": str(THREADS)}
    command = granian(python, "benchmarks.peers.stock_web:app")
    with serving(command, environ, arena.home / "stock.log", "/healthz") as server:
        yield server


@contextmanager
def _bare_database(arena: Arena) -> Iterator[Addresses]:
    addresses = arena.database("bare", is_migrated=False)
    _execute(addresses.owner, BARE_TABLE)
    yield addresses


@contextmanager
def _sketch_database(arena: Arena) -> Iterator[Addresses]:
    addresses = arena.database("sketch", is_migrated=False)
    ask_sketch("filling", {"products": list(catalogue.rows(arena.plan.products))}, addresses)
    _execute(addresses.owner, "ANALYZE")
    yield addresses


def ask_sketch(script: str, job: dict[str, Any], addresses: Addresses, secret: str = "none") -> dict[str, Any]:
    """Run one of the sketch's scripts, in its own environment."""
    environ = child_environment(PYTHONPATH=str(PROJECT), **_sketch_environment(addresses, secret))
    module = f"benchmarks.peers.sketch.{script}"
    return children.ask(module, job, environment.python("sketch"), environ)


def _gunicorn(python: Path) -> Callable[[int], list[str | Path]]:
    return lambda port: [
        python, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--worker-class", "gthread",
        "--threads", str(SKETCH_THREADS), "--keep-alive", "75", "--log-level", "warning",
        "--worker-tmp-dir", "/dev/shm",
        "benchmarks.peers.sketch.wsgi:application",
    ]  # fmt: skip


def _sketch_environment(addresses: Addresses, secret: str) -> dict[str, str]:
    return {"DATABASE_URL": addresses.owner, "TOKEN_SECRET": secret, "DJANGO_SETTINGS_MODULE": SETTINGS}


def _execute(url: str, statements: str) -> None:
    with closing(Database(url, pool_size=1)) as owner:
        owner.execute(statements)
