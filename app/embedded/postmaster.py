"""The server's process: whether it answers, launching it, stopping it.

Never trusts a pid alone. `server.lock` is handed down to every process of PostgreSQL, so that who can have it knows
that none of them is alive; and nobody is sent a signal who does not work in the cluster's own folder.
"""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import IO

from app.embedded import account, binaries, locks
from app.embedded.account import Account
from app.embedded.binaries import Binaries
from app.embedded.cluster import PORT, Cluster
from app.embedded.errors import CannotStart

# After a crash the server replays up to max_wal_size (1 GB) before it answers.
TIMEOUT_S = 120
PAUSE_S = 0.02
LOG_TAIL = 3000
PARAMETERS = {"max_connections": "100", "shared_buffers": "128MB"}


class Postmaster:
    """The one server of a cluster. Callers see to it that only one of them at a time starts or stops it."""

    def __init__(self, cluster: Cluster, settings: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._settings = dict(settings)

    def answers(self) -> bool:
        """Whether the server accepts connections now."""
        if not self._cluster.data.exists():
            return False
        command = [self._binaries.path("pg_isready"), "-q", "-h", str(self._cluster.sockets), "-p", str(PORT)]
        return Account().run(command, capture_output=True).returncode == 0

    def start(self) -> None:
        """Make it answer: use one that runs, wait for one on its way up or down, or launch it. Raises CannotStart."""
        deadline = time.monotonic() + TIMEOUT_S
        while not self.answers():
            with (self._cluster.folder / "server.lock").open("a") as lock:
                if locks.try_alone(lock):
                    self._launch(lock)
                elif time.monotonic() > deadline:
                    raise CannotStart(f"a PostgreSQL lives in {self._cluster.folder} but does not answer{self._log()}")
                else:
                    time.sleep(PAUSE_S)

    def stop(self) -> None:
        """Stop it and hang up on its clients; it may be gone already, and its pid be somebody else's."""
        if self._lives() is not False:
            self._pg_ctl(account.choose(self._cluster.folder, self._binaries.path("postgres")), "stop", "-m", "fast")

    @cached_property
    def _binaries(self) -> Binaries:
        return binaries.find(self._cluster.version)

    def _launch(self, lock: IO[str]) -> None:
        """Start a server that inherits `lock`: closing our copy of it leaves the server's."""
        try:
            user = account.choose(self._cluster.folder, self._binaries.path("postgres"))
            self._cluster.make_sockets_folder()
            self._cluster.make(self._binaries, user, lock)
            self._forget_the_dead()
            done = self._pg_ctl(user, "start", "-l", "log", "-o", self._options(), pass_fds=[lock.fileno()])
        except OSError as error:
            raise CannotStart(f"PostgreSQL cannot be started: {error}") from error
        if done.returncode:
            raise CannotStart(f"PostgreSQL did not start: {done.stderr.strip()}{self._log()}")

    def _pg_ctl(
        self, user: Account, *words: str, pass_fds: tuple[int, ...] | list[int] = ()
    ) -> subprocess.CompletedProcess[str]:
        command = [self._binaries.path("pg_ctl"), "-D", self._cluster.data.name, "-w", "-t", str(TIMEOUT_S), *words]
        return user.run(command, cwd=self._cluster.folder, capture_output=True, pass_fds=pass_fds)

    def _options(self) -> str:
        """The server's command line, quoted for the shell in pg_ctl; our own parameters come last and so win."""
        sockets = str(self._cluster.sockets).replace('"', '""')  # one item of a list
        ours = {
            "listen_addresses": "",
            "port": str(PORT),
            "unix_socket_directories": f'"{sockets}"',
            "unix_socket_permissions": "0700",
        }
        parameters = {**PARAMETERS, **self._settings, **ours}
        return " ".join(f"-c {shlex.quote(f'{name}={value}')}" for name, value in parameters.items())

    def _forget_the_dead(self) -> None:
        """Remove the log and the locks of the server before: its pid may be an unrelated process's by now."""
        (self._cluster.folder / "log").unlink(missing_ok=True)
        if self._lives() is False:
            (self._cluster.data / "postmaster.pid").unlink(missing_ok=True)
            for socket in self._cluster.sockets.glob(f".s.PGSQL.{PORT}*"):
                socket.unlink(missing_ok=True)

    def _lives(self) -> bool | None:
        """Whether the process that postmaster.pid names is this cluster's server; None: only PostgreSQL can tell.

        The server works in the cluster's folder, and a zombie nowhere. A process that does not let us look is another
        user's, and PostgreSQL knows that such a one is not the server. Without /proc we cannot look at all.
        """
        try:
            pid = abs(int((self._cluster.data / "postmaster.pid").read_bytes().split(b"\n")[0]))
            return Path(f"/proc/{pid}/cwd").samefile(self._cluster.data)
        except PermissionError:
            return None
        except (FileNotFoundError, ProcessLookupError, ValueError):
            return False if Path("/proc/self").exists() else None

    def _log(self) -> str:
        """The end of the server's own log, to stand at the end of a message."""
        log = self._cluster.folder / "log"
        return f"\n{log.read_text(encoding='utf-8', errors='replace')[-LOG_TAIL:].strip()}" if log.exists() else ""
