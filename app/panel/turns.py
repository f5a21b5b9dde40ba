"""The panel's long readings take turns: one verification, export or backtest at a time, in whichever worker.

Each keeps a core busy for as long as it lasts, and members are served by the same few. The command line's are not among
them: who runs those has a machine to choose.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from app.database import LOCK_LONG_READING
from app.panel.context import house


class Busy(Exception):
    """Another long reading is under way."""


@contextmanager
def turn() -> Iterator[None]:
    """Do a long reading. Raises Busy at once where another is under way; what dies gives its turn back."""
    with house().database.advisory_lock(LOCK_LONG_READING, wait=False) as lock:
        if not lock.is_held:
            raise Busy
        yield
