"""Processes that die as by kill -9 at a boundary of one's choice: before or after a write, or a call of the gateway.

A child is forked off a small server process that has the house imported already: it costs milliseconds and shares no
connection with the test. It builds a house of its own, does one task, and reports each boundary as it comes to it.
"""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partialmethod
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from typing import Any
from uuid import UUID

from psycopg2.extensions import connection, cursor
from werkzeug.test import TestResponse

from app.config import Settings
from app.database import Connection
from app.payments.sandbox import SandboxGateway
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.http import Api

FORKS = get_context("forkserver")
FORKS.set_forkserver_preload([__name__])

READS = ("SELECT", "PREPARE", "BEGIN", "SET")
"""How statements begin that leave nothing behind; what an append prepares, it sends apart."""

Task = Callable[[House], object]
"""What a process is to do; it is pickled, so it is no closure."""

Plant = Callable[[], None]
"""A bug that is planted into the process before its house is built."""


@dataclass(frozen=True)
class Send:
    """A task: a request over HTTP."""

    user: str
    role: str
    path: str
    body: dict[str, Any]
    key: str

    def __call__(self, house: House) -> TestResponse:
        return Api(house).as_roles(self.user, self.role).post(self.path, self.body, key=self.key)


def recover(house: House) -> list[tuple[UUID, str]]:
    """A task: what `miles recover` does; gives the failures."""
    return house.recover_payments(is_all=True).failures


@dataclass
class Life:
    """What became of a process: the boundaries that it came to, and how it ended."""

    boundaries: list[str] = field(default_factory=list)
    exitcode: int | None = None

    @property
    def was_killed(self) -> bool:
        return self.exitcode == -signal.SIGKILL


@dataclass(frozen=True)
class Errand:
    """What a process is to do, with which house and at what time.

    It dies at its boundary number `die_at`, counted from 0, if it comes there; `plant` is a bug that it has.
    """

    settings: Settings
    at: datetime
    task: Task
    die_at: int | None = None
    plant: Plant | None = None


def live(errand: Errand) -> Life:
    """Let a process of its own do the errand, as far as it comes."""
    life = Life()
    ours, theirs = FORKS.Pipe(duplex=False)
    process = FORKS.Process(target=_do, args=(theirs, errand))
    process.start()
    theirs.close()
    with ours, suppress(EOFError):  # the end of what it says is its own end
        while True:
            life.boundaries.append(ours.recv())
    process.join()
    life.exitcode = process.exitcode
    process.close()
    return life


class Boundaries:
    """Counts the boundaries of this process, tells of each, and ends it at the chosen one."""

    def __init__(self, pipe: Pipe, die_at: int | None) -> None:
        self._pipe = pipe
        self._die_at = die_at
        self._passed = 0

    def reached(self, name: str) -> None:
        """The process stands at a boundary."""
        self._pipe.send(name)
        if self._passed == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)
        self._passed += 1


def _do(pipe: Pipe, errand: Errand) -> None:
    boundaries = Boundaries(pipe, errand.die_at)
    _watch_writes(boundaries)
    _watch_gateway(boundaries)
    if errand.plant:
        errand.plant()
    house = build(errand.settings, clock=Clock(errand.at))
    errand.task(house)
    house.close()


def _watch_writes(boundaries: Boundaries) -> None:
    """From now on every statement that this process sends anywhere is looked at, whoever sends it."""

    class Watched(cursor):
        def execute(self, query: Any, vars: Any = None) -> None:
            sql = query if isinstance(query, str) else query.decode()
            if sql.lstrip().startswith(READS):
                super().execute(query, vars)
                return
            boundaries.reached(f"before {_name(sql)}")
            super().execute(query, vars)
            boundaries.reached(f"after {_name(sql)}")

    Connection.cursor = partialmethod(connection.cursor, cursor_factory=Watched)  # type: ignore[assignment]


def _name(sql: str) -> str:
    """A write in few words: an append by its events, anything else by how it begins."""
    events = [event for event in re.findall(r"\b([A-Z][A-Za-z]+)\.v\d", sql) if not event.endswith("State")]
    return f"append {' '.join(dict.fromkeys(events))}" if events else " ".join(sql.split()[:3])


def _watch_gateway(boundaries: Boundaries) -> None:
    """From now on every call of the gateway is looked at, too."""

    def watched(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def calls(*words: Any) -> Any:
            boundaries.reached(f"before the gateway's {name}")
            news = call(*words)
            boundaries.reached(f"after the gateway's {name}")
            return news

        return calls

    for name in ("charge", "outcome", "void", "refund"):
        setattr(SandboxGateway, name, watched(name, getattr(SandboxGateway, name)))
