"""The load generator: many kept-alive connections in one process of its own, each asking as soon as it is answered.

Raw HTTP/1.1 on asyncio, for it must not be what is measured: it tells its own CPU along with the rest.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from itertools import cycle
from statistics import quantiles
from typing import Any, Protocol
from uuid import uuid4

# What one point pays, and the most that one order takes, by the programme's default rule.
POINT_VALUE, MOST_POINTS = 100, 500


class Conversation(Protocol):
    """What one connection asks, and what it makes of the answers."""

    def question(self) -> bytes:
        """The next request."""

    def hear(self, status: int, body: bytes) -> None:
        """Take the answer. Raises RuntimeError where it is not the one that was to come."""


class Asking:
    """Asks one thing after another that changes nothing."""

    def __init__(self, requests: list[bytes]) -> None:
        self._turns = cycle(requests)

    def question(self) -> bytes:
        """The next in turn."""
        return next(self._turns)

    def hear(self, status: int, body: bytes) -> None:
        """Answered, or else."""
        _expect(200, status, body)


@dataclass
class Member:
    """Somebody who buys; `points` is what the last answer left them."""

    token: str
    points: int


class Shopping:
    """Buys one thing for one member after another, with all the points that they have and a card for the rest."""

    def __init__(self, members: list[Member], products: list[tuple[int, int]]) -> None:
        self._turns = cycle(members)
        self._products = cycle(products)
        self._member = members[0]

    def question(self) -> bytes:
        """A checkout under a new key."""
        self._member = next(self._turns)
        product_id, price = next(self._products)
        body = {
            "items": [{"product_id": product_id, "quantity": 1}],
            "points_to_use": min(self._member.points, price // POINT_VALUE, MOST_POINTS),
            "payment_method": "pm_card_visa",
        }
        text = json.dumps(body)
        return (
            "POST /checkout/ HTTP/1.1\r\nHost: miles\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self._member.token}\r\nIdempotency-Key: {uuid4()}\r\n"
            f"Content-Length: {len(text)}\r\n\r\n{text}"
        ).encode()

    def hear(self, status: int, body: bytes) -> None:
        """Paid, or else."""
        _expect(201, status, body)
        self._member.points = json.loads(body)["available"]


class Mixed:
    """Asks, and at every tenth turn buys."""

    def __init__(self, asking: Conversation, shopping: Conversation) -> None:
        self._turns = cycle([shopping, *[asking] * 9])
        self._speaks = shopping

    def question(self) -> bytes:
        """Of whoever's turn it is."""
        self._speaks = next(self._turns)
        return self._speaks.question()

    def hear(self, status: int, body: bytes) -> None:
        """For the one who asked."""
        self._speaks.hear(status, body)


class Window:
    """The time in which answers count, and the times that they took."""

    def __init__(self, settle_s: float, seconds: float) -> None:
        self.opens = time.perf_counter() + settle_s
        self.closes = self.opens + seconds
        self.took: list[float] = []

    def is_over(self, asked: float, now: float) -> bool:
        """Note one answer, and say whether it was the last."""
        if self.opens <= now <= self.closes:
            self.took.append(now - asked)
        return now > self.closes


class Client(asyncio.Protocol):
    """One connection. `done` is set when the window has closed, or to what went wrong."""

    def __init__(self, conversation: Conversation, window: Window, done: asyncio.Future[None]) -> None:
        self._conversation = conversation
        self._window = window
        self._done = done
        self._heard = b""
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask the first question."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        """Collect an answer; once it is whole, ask the next question."""
        self._heard += data
        head, end, body = self._heard.partition(b"\r\n\r\n")
        if not end or len(body) < _length(head):
            return
        self._heard = b""
        try:
            self._conversation.hear(int(head[9:12]), body)
        except RuntimeError as error:
            self._finish(error)
            return
        if self._window.is_over(self._asked, time.perf_counter()):
            self._finish()
        else:
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """A server that hangs up before the end spoils the round."""
        self._finish(exc or RuntimeError("the server hung up"))

    def _ask(self) -> None:
        self._asked = time.perf_counter()
        self._transport.write(self._conversation.question())

    def _finish(self, error: Exception | None = None) -> None:
        if not self._done.done():
            if error:
                self._done.set_exception(error)
            else:
                self._done.set_result(None)
            self._transport.close()


async def run(port: int, conversations: list[Conversation], settle_s: float, seconds: float) -> dict[str, Any]:
    """One round, a connection a conversation."""
    loop = asyncio.get_running_loop()
    window = Window(settle_s, seconds)
    cpu = time.process_time()
    ends = [loop.create_future() for _ in conversations]
    for conversation, end in zip(conversations, ends, strict=True):
        client = Client(conversation, window, end)
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*ends)
    cuts = quantiles(window.took, n=100)
    return {
        "per_second": len(window.took) / seconds,
        "median_ms": cuts[49] * 1000,
        "p99_ms": cuts[98] * 1000,
        "generator_cpu": (time.process_time() - cpu) / (settle_s + seconds),
    }


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise RuntimeError(f"an answer without a length: {head!r}")


def _expect(wanted: int, status: int, body: bytes) -> None:
    if status != wanted:
        raise RuntimeError(f"{status} in place of {wanted}: {body[:300]!r}")


def conversations(clients: int, requests: list[bytes], members: list[Member], products: Any) -> list[Conversation]:
    """One a client. They share the requests, each beginning at another; no two have a member in common."""
    asking = [Asking(requests[start:] + requests[:start]) for start in _starts(clients, len(requests))]
    shopping = [Shopping(members[number::clients], products) for number in range(clients)] if members else []
    if asking and shopping:
        return [Mixed(*both) for both in zip(asking, shopping, strict=True)]
    return [*asking, *shopping]


def _starts(clients: int, count: int) -> list[int]:
    return [number * count // clients for number in range(clients)] if count else []


def main() -> None:
    """Read a job, run it, tell what was measured and what points the members have."""
    job: dict[str, Any] = json.load(sys.stdin)
    members = [Member(*member) for member in job["members"]]
    requests = [request.encode() for request in job["requests"]]
    crowd = conversations(job["clients"], requests, members, job["products"])
    measured = asyncio.run(run(job["port"], crowd, job["settle_s"], job["seconds"]))
    json.dump({**measured, "points": [member.points for member in members]}, sys.stdout)


if __name__ == "__main__":
    main()
