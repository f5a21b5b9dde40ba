"""A place that copies of checkpoints are sent to: a server that keeps what came, and answers as it is told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Delivery:
    """A request, as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Elsewhere:
    """A server that takes what it is sent; `answers` are the statuses of the next requests, then all is well."""

    url: str
    deliveries: list[Delivery] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def sizes(self) -> list[int]:
        """The checkpoints whose JSON came, by their sizes."""
        return [delivery.json["size"] for delivery in self.deliveries]


@contextmanager
def listening() -> Iterator[Elsewhere]:
    """Such a server, for as long as the block takes."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _take(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            place.deliveries.append(Delivery(self.command, self.path, dict(self.headers), body))
            self.send_response(place.answers.pop(0) if place.answers else 200)
            self.send_header("Content-Length", "0")
            self.send_header("Location", f"{place.url}/moved")
            self.end_headers()

        do_POST = do_PUT = do_GET = _take

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    place = Elsewhere(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield place
    server.shutdown()
    thread.join()
    server.server_close()
