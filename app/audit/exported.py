"""Verification of an export: with nothing but the file and the public keys that one trusts, by the same walk.

It opens no database and believes no line: not its hash, not its place, not that it is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

from app.audit.heads import Heads
from app.audit.keys import TrustedKeys
from app.audit.manifest import BadExport, Manifest, read_entry, read_manifest
from app.audit.progress import Progress, quiet
from app.audit.seals import Seals
from app.audit.walk import Report, Walk
from app.eventstore.chain import LogEntry
from app.eventstore.mapper import EventMapper

MAX_LINE = 8 * 1024 * 1024
"""Bytes. An event comes from a request of at most 64 KiB; a longer line is no event, and must not fill the memory."""

MAX_BATCH = 1000
"""Events a batch; fewer where they are long."""


def verify_export(file: BinaryIO, trusted: TrustedKeys, progress: Progress = quiet) -> Report:
    """Verify the export that `file` holds. Raises a Finding, BadExport, or another AuditError."""
    manifest = read_manifest(_line(file, 1))
    seals = Seals([manifest.checkpoint(trusted)], trusted)
    with Heads() as heads:
        walk, lines = Walk(heads, EventMapper(), seals), _Lines(file, manifest)
        for entries in lines.batches():
            walk.follow(entries)
            progress(walk.position, manifest.last_position)
        walk.end()
        lines.end()
        # The checkpoint may have been made while an append drew its positions, and then ends within it.
        return walk.report(is_cut=True)


class _Lines:
    """The lines after the manifest."""

    def __init__(self, file: BinaryIO, manifest: Manifest) -> None:
        self._file = file
        self._manifest = manifest
        self._digest = sha256()
        self._first: int | None = None

    def batches(self) -> Iterator[list[LogEntry]]:
        """The events, as many at a time as fit into memory whatever their size."""
        batch: list[LogEntry] = []
        size = 0
        for number in range(2, self._manifest.count + 2):
            line = _line(self._file, number)
            if not line:
                break
            self._digest.update(line)
            batch.append(read_entry(line, number))
            size += len(line)
            if len(batch) == MAX_BATCH or size > MAX_LINE:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def end(self) -> None:
        """All lines were read, and none is left, and they are the ones that were signed."""
        number = self._manifest.count + 2
        if _line(self._file, number):
            raise BadExport(f"line {number}: there are more lines than the manifest says")
        if self._digest.hexdigest() != self._manifest.lines:
            raise BadExport("the lines are not written as those were that the manifest was signed over")


def _line(file: BinaryIO, number: int) -> bytes:
    """The next line with its end; empty where the file has ended."""
    line = file.readline(MAX_LINE)
    if line and not line.endswith(b"\n"):
        raise BadExport(f"line {number}: it is {'too long' if len(line) == MAX_LINE else 'cut short'}")
    return line
