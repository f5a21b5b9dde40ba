"""Sixteen clients at one server, from a process of their own, and the members that they speak for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from app.auth.tokens import issue
from benchmarks import children
from benchmarks.rounds import Facts
from benchmarks.servers import Server

CLIENTS = 16
MEMBERS = 512
SETTLE_S = 0.3
"""At the start of each round, while connections are made; what is answered then does not count."""

Round = Callable[[float], Facts]


def tokens(secret: str, names: Iterable[str], role: str = "customer") -> list[str]:
    """A token a user, good for all servers that know the secret."""
    now = datetime.now(UTC)
    return [issue(secret, name, [role], now) for name in names]


def get(path: str, token: str | None = None) -> str:
    """A request as it goes over the line."""
    proof = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: miles\r\n{proof}\r\n"


def asking(server: Server, requests: list[str]) -> Round:
    """Rounds of these requests, one after another; every answer must be a 200."""

    def run(seconds: float) -> Facts:
        told = _ask(server, seconds, requests=requests)
        del told["points"]
        return told

    return run


class Shoppers:
    """Members who buy, in rounds; they keep their points from one to the next. Every answer must be a 201."""

    def __init__(self, server: Server, tokens: list[str], products: list[tuple[int, int]], requests: list[str]) -> None:
        """`products` are ids and prices. With `requests`, nine of these are asked for each purchase."""
        self._server = server
        self._tokens = tokens
        self._products = products
        self._requests = requests
        self._points = [0] * len(tokens)

    def run(self, seconds: float) -> Facts:
        """One round."""
        members = list(zip(self._tokens, self._points, strict=True))
        told = _ask(self._server, seconds, members=members, products=self._products, requests=self._requests)
        self._points = told.pop("points")
        return told


def _ask(server: Server, seconds: float, **given: list[object] | list[str] | list[tuple[object, ...]]) -> Facts:
    job = {"port": server.port, "clients": CLIENTS, "settle_s": SETTLE_S, "seconds": seconds}
    return children.ask("benchmarks.generator", {"members": [], "products": [], "requests": [], **job, **given})
