"""Clients of a running server that send at the same instant, and come again as long as they are told to.

Each has a connection of its own, so that as many are under way at once as there are clients.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPMessage
from typing import Any
from urllib.parse import urlsplit

from tests.support.shop import at_once

COME_AGAIN = ("try_again", "in_flight")
"""Refusals that are none yet: the same request may go through when it is sent again."""

WITHIN_S = 60
"""How long a client comes again before it gives up."""


@dataclass(frozen=True)
class Shot:
    """One request: a POST of `body` under `key`, by whoever holds `token`."""

    path: str
    body: Any
    key: str
    token: str


@dataclass
class Answer:
    """The final answer to a shot, and the codes of those before it."""

    status: int
    text: bytes
    headers: HTTPMessage
    before: list[str] = field(default_factory=list)

    @property
    def body(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)

    @property
    def code(self) -> str:
        """The refusal's code; nothing for a success."""
        return str(self.body.get("code", "")) if self.status >= 400 else ""


def race(url: str, shots: Sequence[Shot], again: Callable[[Answer], bool] | None = None) -> list[Answer]:
    """Fire all shots at once; gives the final answers in the order of the shots.

    Beside what says so itself, a shot is fired again while `again` says of its answer that it should be. No answer may
    be a failure of the server's (5xx).
    """
    address = urlsplit(url).netloc
    connections = [http.client.HTTPConnection(address, timeout=WITHIN_S) for _ in shots]
    for connection in connections:
        connection.connect()
    return at_once([partial(_fire, *pair, again) for pair in zip(connections, shots, strict=True)])


def _fire(connection: http.client.HTTPConnection, shot: Shot, again: Callable[[Answer], bool] | None) -> Answer:
    deadline = time.monotonic() + WITHIN_S
    before: list[str] = []
    with closing(connection):
        while True:
            answer = _sent(connection, shot)
            assert answer.status < 500, answer.text
            answer.before = before
            if not (answer.code in COME_AGAIN or (again and again(answer))):
                return answer
            if answer.code in COME_AGAIN:
                assert int(answer.headers["Retry-After"]) > 0
            assert time.monotonic() < deadline, f"{shot.path} under {shot.key}: still {answer.code}"
            before.append(answer.code)
            time.sleep(0.02)  # sooner than it was told, which makes the race harder


def _sent(connection: http.client.HTTPConnection, shot: Shot) -> Answer:
    headers = {
        "Authorization": f"Bearer {shot.token}",
        "Content-Type": "application/json",
        "Idempotency-Key": shot.key,
    }
    connection.request("POST", shot.path, json.dumps(shot.body), headers)
    response = connection.getresponse()
    return Answer(response.status, response.read(), response.headers)
