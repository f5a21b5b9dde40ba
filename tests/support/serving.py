"""A real `bin/serve` in a MILES_HOME of its own, as an operator starts it."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent
START_WITHIN_S = 120
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens addresses of this machine, past any proxy."""

_starts = itertools.count(1)


class Server:
    """One `bin/serve`: its process, its address, what it said."""

    def __init__(self, home: Path, port: int | None = None, **environment: str) -> None:
        self.port = port or free_port()
        self.home = home
        self.environment = {**os.environ, "MILES_HOME": str(home), "PORT": str(self.port), **environment}
        self.said = home.parent / f"{home.name}-{next(_starts)}.log"
        self._log = self.said.open("ab")
        self.process = subprocess.Popen(
            [PROJECT / "bin" / "serve"], env=self.environment, stdout=self._log, stderr=self._log, cwd=home.parent
        )

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        """Until it says that it serves and /readyz says 200; fails with what it said if it ends instead.

        Either alone would not do: on a port used again, the children of a killed parent answer for a moment more.
        """
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.said.read_text()
            if f"serves on {self.url}" in self.said.read_text() and self._answers():
                return
            time.sleep(0.1)
        raise AssertionError(f"not ready: {self.said.read_text()}")

    def _answers(self) -> bool:
        try:
            with DIRECT.open(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def miles(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `bin/miles` beside it."""
        return subprocess.run(
            [PROJECT / "bin" / "miles", *arguments], env=self.environment, capture_output=True, text=True, check=check
        )

    def stop(self, number: int = signal.SIGTERM) -> int:
        """End it and give its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(60)
        self._log.close()
        return status


@contextmanager
def serving(home: Path, port: int | None = None, **environment: str) -> Iterator[Server]:
    """A server that is ready, and stopped afterwards."""
    home.mkdir(parents=True, exist_ok=True)
    server = Server(home, port, **environment)
    try:
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
