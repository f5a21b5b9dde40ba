"""File locks between processes. The kernel gives them back when their holder dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of the file `path` alone, waiting for it."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def share(file: IO[str]) -> None:
    """Hold the lock of an open file together with others, until the file is closed."""
    fcntl.flock(file, fcntl.LOCK_SH)


def try_alone(file: IO[str]) -> bool:
    """Take the lock of an open file for ourselves alone, if no other holds it; never waits."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
