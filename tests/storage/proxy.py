"""A line to PostgreSQL that breaks at the worst moment: while an append is under way."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from select import select
from urllib.parse import quote

from psycopg2.extensions import parse_dsn

APPENDS = (b"EXECUTE events_append_prepared", b"SELECT tracking_advance")
"""How the messages begin by which something is written."""

READY = b"Z\x00\x00\x00\x05I"
"""The server's word that the transaction is over; an implicit one has then been committed or rolled back."""

Cut = Callable[[socket.socket, bytes], None]
"""What becomes of an append's message on its way to the server, before the line goes dead on both sides."""


def lose_the_question(server: socket.socket, message: bytes) -> None:
    """The server never sees it."""


def lose_half_the_question(server: socket.socket, message: bytes) -> None:
    """The server sees a part of it."""
    server.sendall(message[: len(message) // 2])


def lose_the_answer(server: socket.socket, message: bytes) -> None:
    """The server does it and says so, which nobody hears."""
    server.sendall(message)
    answer = b""
    while READY not in answer:
        answer += server.recv(65536)


def hang_up_at_once(server: socket.socket, message: bytes) -> None:
    """The server does it, and may still be at it when the line is dead."""
    server.sendall(message)


class Proxy:
    """Passes everything on, but for the next messages that hold one of `marks`, each of which meets one of `cuts`."""

    def __init__(self, url: str, marks: Sequence[bytes]) -> None:
        self._dsn = parse_dsn(url)
        self._marks = marks
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.cuts: deque[Cut] = deque()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        """The same database, by way of here."""
        user, password, name = (quote(self._dsn[part]) for part in ("user", "password", "dbname"))
        port = self._listener.getsockname()[1]
        return f"postgresql://{user}:{password}@127.0.0.1:{port}/{name}?sslmode=disable&gssencmode=disable"

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # Either side may hang up by a reset, with something of ours still unread.
        with suppress(ConnectionError), client, socket.socket(socket.AF_UNIX) as server:
            server.connect(f"{self._dsn['host']}/.s.PGSQL.{self._dsn['port']}")
            while True:
                ready, _, _ = select([client, server], [], [])
                for source, target in ((client, server), (server, client)):
                    if source not in ready:
                        continue
                    message = source.recv(1 << 20)
                    if not message:
                        return
                    if self.cuts and any(mark in message for mark in self._marks):
                        self.cuts.popleft()(server, message)
                        return
                    target.sendall(message)


@contextmanager
def proxy(url: str, marks: Sequence[bytes] = APPENDS) -> Iterator[Proxy]:
    """A proxy to the database of `url`, which cuts appends unless it is told of other `marks`."""
    opened = Proxy(url, marks)
    try:
        yield opened
    finally:
        opened.close()
