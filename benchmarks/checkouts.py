"""The line about HTTP: checkouts per second at the real server, against what the same server answers bare."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from app.auth.tokens import LocalSecret, issue
from app.config import PROJECT, child_environment
from benchmarks import children
from benchmarks.arena import Arena
from benchmarks.rounds import Facts, Line, Side

CLIENTS = 16
WORKERS = 2
MEMBERS = 512
SETTLE_S = 0.3
# A cold start makes the database's schema and loads the sample; stopping lets requests under way end.
START_S, STOP_S = 90, 45
# Whatever the caller's own house is told, this one is on its own.
OWN = ("DATABASE_URL", "DATABASE_OWNER_URL", "JWT_JWKS", "JWT_ISSUER", "JWT_AUDIENCE", "PROMETHEUS_MULTIPROC_DIR")


class Shop:
    """A serving house on a port of this machine, and the members who buy there."""

    def __init__(self, port: int, home: Path) -> None:
        self._port = port
        secret, now = LocalSecret(home).read(), datetime.now(UTC)
        self._tokens = [issue(secret, f"member-{number}", ["customer"], now) for number in range(MEMBERS)]
        self._points = [0] * MEMBERS
        items = json.loads(_get(port, "/products/"))["items"]
        self._products = [(item["id"], item["price"]) for item in items]

    def checkout(self, seconds: float) -> Facts:
        """A round of checkouts. The members keep their points until the next."""
        told = self._ask(seconds, list(zip(self._tokens, self._points, strict=True)))
        self._points = told.pop("points")
        return told

    def bare(self, seconds: float) -> Facts:
        """A round of GET /healthz."""
        told = self._ask(seconds, [])
        del told["points"]
        return told

    def _ask(self, seconds: float, members: list[tuple[str, int]]) -> Facts:
        job = {"port": self._port, "clients": CLIENTS, "settle_s": SETTLE_S, "seconds": seconds}
        return children.ask("benchmarks.generator", {**job, "members": members, "products": self._products})


@contextmanager
def sides(arena: Arena) -> Iterator[tuple[Side, Side]]:
    """Both sides ask the one server."""
    with serving(arena.home) as port:
        shop = Shop(port, arena.home)
        yield Side("checkout", shop.checkout), Side("bare", shop.bare)


@contextmanager
def serving(home: Path) -> Iterator[int]:
    """`miles serve` in `home` on a free port, with everything that it does by default, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    ours = dict.fromkeys(OWN, "")
    ours |= {"HOST": "127.0.0.1", "PORT": str(port), "MILES_HOME": str(home), "MILES_WORKERS": str(WORKERS)}
    ours |= {"MILES_SAMPLE_DATA": "1", "PYTHONPATH": str(PROJECT)}
    log = home / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "app", "serve"],
            env=child_environment(**ours),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # The terminal's Ctrl-C is ours to hear; we end the server ourselves.
            start_new_session=True,
        )
        try:
            _wait(server, port, log)
            yield port
        finally:
            server.terminate()
            try:
                server.wait(STOP_S)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _is_ready(port):
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the server did not get ready: {log.read_text(errors='replace').strip()[-2000:]}")
        time.sleep(0.1)


def _is_ready(port: int) -> bool:
    try:
        return bool(json.loads(_get(port, "/readyz"))["status"] == "ready")
    except OSError:  # nobody listens yet, or it says that it is not ready
        return False


def _get(port: int, path: str) -> bytes:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as response:
        return bytes(response.read())


LINE = Line(
    "checkout",
    f"POST /checkout/ at the real server, {WORKERS} workers, {CLIENTS} clients, card and points, "
    "against GET /healthz at the same server",
    sides,
)
