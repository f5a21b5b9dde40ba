"""Servers on a free port of this machine: started, waited for, and ended with all that they started.

It knows no house and no rival.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.config import PROJECT, child_environment

WORKERS = 2
THREADS = 16
"""Blocking threads a worker, as `miles serve` has them."""

# A cold start makes the database's schema; stopping lets requests under way end.
START_S, STOP_S = 90, 45


class Server:
    """Listens on `port`; `pid` is its parent process."""

    def __init__(self, port: int, pid: int) -> None:
        self.port = port
        self.pid = pid

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        """The body of a page. Raises OSError for any status but a good one."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers or {})
        with urllib.request.urlopen(request, timeout=20) as response:
            return bytes(response.read())


@contextmanager
def serving(
    command: Callable[[int], Sequence[str | Path]], environment: dict[str, str], log: Path, alive: str
) -> Iterator[Server]:
    """Run `command(port)` until the block ends; it is ready once the path `alive` answers well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(command(port)),
            env=child_environment(**{"PYTHONPATH": str(PROJECT), "PORT": str(port), **environment}),
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # The terminal's Ctrl-C is ours to hear; we end the server ourselves.
            start_new_session=True,
        )
        try:
            server = Server(port, process.pid)
            _wait(process, server, log, alive)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                # It leads a session of its own, so nobody else is in its group.
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def granian(python: Path | str, app: str) -> Callable[[int], Sequence[str | Path]]:
    """The command that serves a WSGI app as `miles serve` serves the house."""
    return lambda port: [
        python, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
        "--workers", str(WORKERS), "--blocking-threads", str(THREADS), "--no-ws", "--log-level", "warning", app,
    ]  # fmt: skip


def _wait(process: subprocess.Popen[bytes], server: Server, log: Path, alive: str) -> None:
    deadline = time.monotonic() + START_S
    while not _answers(server, alive):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"a server did not get ready: {log.read_text(errors='replace').strip()[-2000:]}")
        time.sleep(0.1)


def _answers(server: Server, alive: str) -> bool:
    try:
        server.get(alive)
    except OSError:  # nobody listens yet, or it says that it is not ready
        return False
    return True
