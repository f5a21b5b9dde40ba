"""A server on loopback that speaks Stripe's wire format over real sockets: form-encoded requests, JSON answers and
errors, pages, and the rules of idempotency keys. Faults are scripted for the next call that they fit.

with stripe_server() as server:
    server.faults.append(("POST */confirm", stripe_faults.reset_after))
    gateway = StripeGateway(API_KEY, server.url)
"""

from __future__ import annotations

import json
import re
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.support.stripe_books import Json, Refusal, StripeBooks, found

API_KEY = "sk_test_loopback"
KEYS_LIVE_S = 24 * 3600


@dataclass(frozen=True)
class Reply:
    """A status and a body, as they go over the wire; a replay says so in a header. What was refused before anything
    was carried out is not kept under its key."""

    status: int
    body: Json
    is_replayed: bool = False
    is_kept: bool = True


@dataclass
class _Stored:
    """What stands under an idempotency key. No reply yet: the first request is still under way."""

    request: tuple[str, Json]
    at: float
    reply: Reply | None = None


class Call:
    """One request. `answer` treats it as Stripe would."""

    def __init__(self, server: StripeServer, method: str, path: str, params: Json, headers: Mapping[str, str]) -> None:
        self.server = server
        self.method = method
        self.path = path
        self.params = params
        self.headers = headers
        self.key = headers.get("Idempotency-Key")

    def answer(self, work: Callable[[], Reply] | None = None) -> Reply:
        """By the rules of its idempotency key: do the `work`, or give again what came of it the first time."""
        work = work or self.carry_out
        if self.method != "POST" or self.key is None:
            return work()
        stored = self.server.claim(self.key, (self.path, self.params))
        if isinstance(stored, Reply):
            return stored
        try:
            reply = work()
        except BaseException:
            self.server.release(self.key)
            raise
        if reply.is_kept:
            stored.reply = reply
        else:
            self.server.release(self.key)
        return reply

    def carry_out(self) -> Reply:
        """Do it, with no regard to keys."""
        try:
            with self.server.lock:
                # A copy: what is stored under a key must not change with the object.
                return Reply(200, json.loads(json.dumps(self._done())))
        except Refusal as refusal:
            body = {"error": json.loads(json.dumps(refusal.error))}
            return Reply(refusal.status, body, is_kept=not refusal.is_validation)

    def _done(self) -> Json:
        books, (_, kind, *rest) = self.server.books, self.path.strip("/").split("/")
        kept = {"payment_intents": books.intents, "charges": books.charges, "refunds": books.refunds}[kind]
        match (self.method, kind, *rest):
            case ("GET", _):
                return books.listed(kept, self.path, self.params)
            case ("GET", _, thing_id):
                return found(kept, thing_id, kind)
            case ("POST", "payment_intents"):
                return books.create_intent(self.params)
            case ("POST", "payment_intents", intent_id):
                return books.update_intent(found(kept, intent_id, "payment_intent"), self.params)
            case ("POST", "payment_intents", intent_id, "confirm"):
                return books.confirm_intent(found(kept, intent_id, "payment_intent"), self.params)
            case ("POST", "payment_intents", intent_id, "cancel"):
                return books.cancel_intent(found(kept, intent_id, "payment_intent"), self.params)
            case ("POST", "refunds"):
                return books.create_refund(self.params)
        raise Refusal(404, message=f"Unrecognized request URL ({self.method}: {self.path}).")


Fault = Callable[[Call], Reply | None]
"""What becomes of a call instead. No reply: the line goes dead."""


def error(status: int, **fields: Any) -> Reply:
    """An answer that is an error."""
    return Reply(status, {"error": fields})


class StripeServer(ThreadingHTTPServer):
    """Books, keys, and what was asked. `faults` are met in order: a pattern of `METHOD /path`, and what happens."""

    daemon_threads = False
    request_queue_size = 128

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.books = StripeBooks(clock)
        self.lock = threading.RLock()
        self.closing = threading.Event()
        self.faults: list[tuple[str, Fault]] = []
        self.calls: list[Call] = []
        self._clock = clock
        self._keys: dict[str, _Stored] = {}
        self._lines: set[socket.socket] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def asked(self) -> list[str]:
        """Every call so far, as `METHOD /path`."""
        return [f"{call.method} {call.path}" for call in self.calls]

    def take(self, call: Call) -> Reply | None:
        """Treat a call by the first fault that fits it, else as Stripe would."""
        with self.lock:
            self.calls.append(call)
            fitting = [fault for fault in self.faults if fnmatchcase(f"{call.method} {call.path}", fault[0])]
            if fitting:
                self.faults.remove(fitting[0])
        return fitting[0][1](call) if fitting else call.answer()

    def claim(self, key: str, request: tuple[str, Json]) -> _Stored | Reply:
        """The right to carry out a request under its key, or the answer that stands there already."""
        with self.lock:
            stored = self._keys.get(key)
            if stored is None or self._clock() - stored.at > KEYS_LIVE_S:
                self._keys[key] = _Stored(request, self._clock())
                return self._keys[key]
            if stored.request != request:
                return error(400, type="idempotency_error", message="Keys can only be used with the same parameters.")
            if stored.reply is None:
                code = "idempotency_key_in_use"
                return error(409, type="invalid_request_error", code=code, message="There is another request.")
            return Reply(stored.reply.status, stored.reply.body, is_replayed=True)

    def release(self, key: str) -> None:
        """Nothing was carried out, so nothing is kept."""
        with self.lock:
            del self._keys[key]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._lines.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # clients of a test hang up as they like
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Let go of whoever hangs, hang up on all, and wait until every thread has ended."""
        self.closing.set()
        self.shutdown()
        for line in self._lines:
            with suppress(OSError):  # closed already
                line.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: StripeServer

    def do_GET(self) -> None:
        self._take(urlsplit(self.path).query)

    def do_POST(self) -> None:
        self._take(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: tests read `calls`."""

    def _take(self, form: str) -> None:
        if self.headers["Authorization"] != f"Bearer {API_KEY}":
            self._reply(error(401, type="invalid_request_error", message="Invalid API Key provided: sk_****"))
            return
        path, headers = urlsplit(self.path).path, dict(self.headers)
        reply = self.server.take(Call(self.server, self.command, path, nested(form), headers))
        if reply is None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        # Whoever asked may have gone meanwhile.
        with suppress(ConnectionError):
            self._reply(reply)

    def _reply(self, reply: Reply) -> None:
        body = json.dumps(reply.body).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", f"req_{len(self.server.calls):014d}")
        if reply.is_replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(body)


def nested(form: str) -> Json:
    """`a[b]=1` as `{"a": {"b": "1"}}`; a list is a dictionary by position."""
    params: Json = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        *folders, last = re.findall(r"[^\[\]]+", name)
        inner = params
        for folder in folders:
            inner = inner.setdefault(folder, {})
        inner[last] = value
    return params


@contextmanager
def stripe_server(clock: Callable[[], float] = time.time) -> Iterator[StripeServer]:
    """A server of one's own, with empty books."""
    server = StripeServer(clock)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join()
