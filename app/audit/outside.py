"""Checkpoints outside the database: a file of notes in MILES_HOME, one after the other, that is only ever added to.

Whoever rewrites the database cannot reach it. A note is on the disk here before its row is committed, so the file may
know of one that the table lost, never the other way round. One process at a time appends, larger after smaller: the
seal sees to that, and where its lock was lost on the way, the file's own.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from app.audit import AuditError
from app.audit.checkpoints import ORIGIN, Checkpoint, Malformed, parse
from app.audit.keys import sync_folder

FILE = "checkpoints.log"
"""Its name within MILES_HOME."""

TAIL_BYTES = 4096
"""Read from the end to find the last note."""

NOTE_BYTES = 400
"""More than any note has."""

_SIGNED = re.compile(rb"\n\xe2\x80\x94 [^\n]*\n")
"""The last line of a note."""


class OutOfOrder(AuditError):
    """Another process has sealed as much or more meanwhile."""


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
        self._check_unfinished(note.encode())

    def last(self) -> Checkpoint | None:
        """The one sealed last. Raises Malformed."""
        if not self.path.exists():
            return None
        with self.path.open("rb") as file:
            note, _ = self._last_note(file)
        return None if note is None else self._parsed(note, "its last note")

    def append(self, checkpoint: Checkpoint) -> None:
        """Add one, and return when it is on the disk. What a crash left unfinished is cut off first.

        Raises Malformed, OutOfOrder, OSError.
        """
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            last, end = self._last_note(file)
            if last is not None and self._parsed(last, "its last note").size >= checkpoint.size:
                raise OutOfOrder(f"{self.path} has a checkpoint over as much as {checkpoint.size} events already")
            if end < file.seek(0, os.SEEK_END):
                file.truncate(end)
            file.seek(end)
            file.write(checkpoint.note().encode())
            file.flush()
            os.fsync(file.fileno())
        if is_new:
            sync_folder(self.path.parent)

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
            self._check_unfinished(tail)
            return None, 0
        self._check_unfinished(tail[ends[-1] :])
        begins = ends[-2] if len(ends) > 1 else 0
        return tail[begins : ends[-1]].decode("utf-8", "replace"), start + ends[-1]

    def _check_unfinished(self, rest: bytes) -> None:
        """What comes after the last note is the beginning of another, if anything: no more does a crash leave."""
        begun = rest.rstrip(b"\0")  # a file may have grown before what it grew by was written
        _, is_signed, signature = begun.partition(b"\n\n")
        origin = f"{ORIGIN}\n".encode()
        is_begun = origin.startswith(begun[: len(origin)]) and len(begun) < NOTE_BYTES
        if not is_begun or (is_signed and b"\n" in signature):
            raise Malformed(f"{self.path} does not end with a note; the file was altered")

    def _parsed(self, note: str, which: str) -> Checkpoint:
        try:
            return parse(note)
        except Malformed:
            raise Malformed(f"{self.path}: {which} is not a checkpoint's; the file was altered") from None
