"""The lines about a whole log: verify, export and rebuild over many events, against the same over a tenth of them.

What they show is that the rate holds and the memory does not grow. The logs are made once for all three lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path

from app.config import Settings
from app.database import Database
from app.wiring import build
from benchmarks import children, history
from benchmarks.arena import Addresses, Arena
from benchmarks.rounds import Facts, Line, Side

FEWER = 10
"""How many times smaller the other log is."""


def _sides(work: str) -> Callable[[Arena], AbstractContextManager[tuple[Side, Side]]]:
    @contextmanager
    def sides(arena: Arena) -> Iterator[tuple[Side, Side]]:
        whole, tenth = (_Log.of(arena, events) for events in (arena.events, arena.events // FEWER))
        yield Side(f"{whole.events:,}", partial(whole.run, work)), Side(f"{tenth.events:,}", partial(tenth.run, work))

    return sides


class _Log:
    """A database with a long history, sealed once."""

    def __init__(self, addresses: Addresses, home: Path, events: int) -> None:
        self._addresses = addresses
        self._home = home
        self.events = events

    @classmethod
    def of(cls, arena: Arena, events: int) -> _Log:
        """The log of about so many events, which the first one to ask for it has made."""
        name = f"history_{events}"
        home = arena.home / name
        if home.exists():
            addresses = arena.addresses(name)
        else:
            addresses = arena.database(name)
            with closing(Database(addresses.owner, pool_size=2)) as owner:
                history.write(owner, events)
            home.mkdir()
        house = build(Settings(home=home, database_url=addresses.app))
        with closing(house):
            house.seal()
            last = house.log.max_notification_id()
            assert last is not None
            return cls(addresses, home, last)

    def run(self, work: str, seconds: float) -> Facts:
        """One round; it takes as long as the log is long."""
        job = {"work": work, "url": self._addresses.app, "owner_url": self._addresses.owner, "home": str(self._home)}
        return children.ask("benchmarks.house_audits", job)


def _line(work: str, about: str) -> Line:
    return Line(work, f"{about}: a long log, against one of a tenth of its events", _sides(work), rounds=1)


VERIFY = _line("verify", "miles audit verify, events a second")
EXPORT = _line("export", "miles audit export, events a second")
REBUILD = _line("rebuild", "miles projections rebuild of all read models, events a second")
