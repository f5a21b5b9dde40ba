"""Checkpoints outside the database: a file of notes in MILES_HOME, one after the other, that is only ever added to.

Whoever rewrites the database cannot reach it. A note is on the disk here before its row is committed, so the file may
know of one that the table lost, never the other way round. One process at a time appends: the seal sees to that.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.audit.checkpoints import Checkpoint, Malformed, parse

FILE = "checkpoints.log"
"""Its name within MILES_HOME."""

TAIL_BYTES = 4096
"""Read from the end to find the last note, which has some 250."""

_SIGNED = re.compile(rb"\n\xe2\x80\x94 [^\n]*\n")
"""The last line of a note."""


class OutsideFile:
    """The file of notes at `path`; one that is not there has none."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __iter__(self) -> Iterator[Checkpoint]:
        """Every checkpoint, in the order in which they were sealed. Raises Malformed for what is none.

        What a crash left unfinished at the end is passed over: nobody was ever told of it.
        """
        if not self.path.exists():
            return
        note = ""
        with self.path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for number, line in enumerate(file, 1):
                note += line
                if line.startswith("— ") and line.endswith("\n"):
                    yield self._parsed(note, f"the note that ends on line {number}")
                    note = ""
                elif len(note) > TAIL_BYTES:
                    raise Malformed(f"{self.path} has no note about line {number}")

    def last(self) -> Checkpoint | None:
        """The one sealed last. Raises Malformed."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            note, _ = self._last_note(file)
        return None if note is None else self._parsed(note, "its last note")

    def append(self, checkpoint: Checkpoint) -> None:
        """Add one, and return when it is on the disk. What a crash left unfinished is cut off first."""
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            _, end = self._last_note(file)
            if end < file.seek(0, os.SEEK_END):
                file.truncate(end)
            file.seek(end)
            file.write(checkpoint.note().encode())
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            _sync_folder(self.path.parent)

    def _last_note(self, file: BinaryIO) -> tuple[str | None, int]:
        """The last whole note, and where it ends."""
        size = file.seek(0, os.SEEK_END)
        start = max(0, size - TAIL_BYTES)
        file.seek(start)
        tail = file.read()
        ends = [found.end() for found in _SIGNED.finditer(tail)]
        if not ends:
            if start:
                raise Malformed(f"{self.path} does not end with a note")
            return None, 0
        begins = ends[-2] if len(ends) > 1 else 0
        return tail[begins : ends[-1]].decode("utf-8", "replace"), start + ends[-1]

    def _parsed(self, note: str, which: str) -> Checkpoint:
        try:
            return parse(note)
        except Malformed:
            raise Malformed(f"{self.path}: {which} is not a checkpoint's; the file was altered") from None


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
