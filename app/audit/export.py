"""Exports: the log up to a checkpoint as a file that proves itself to whoever has the file and a public key.

It reads sealed events alone, which never change, so it needs no view of all at one time, however long it takes. It
hands out nothing that does not lead to the signed root, and keeps nothing in memory but a batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO

from app.audit import AuditError
from app.audit.checkpoints import Checkpoint, Checkpoints
from app.audit.keys import Signer
from app.audit.manifest import Manifest, line_of, to_line
from app.audit.merkle import Frontier
from app.audit.progress import Progress, quiet
from app.database import Database
from app.eventstore.chain import LogEntry, read_log
from app.usecases.ports import Clock


class CannotExport(AuditError):
    """There is nothing to export, or nothing that would prove itself."""


class Export:
    """Writes exports, signed by the house."""

    def __init__(self, database: Database, checkpoints: Checkpoints, signer: Signer, clock: Clock) -> None:
        self._database = database
        self._checkpoints = checkpoints
        self._signer = signer
        self._clock = clock

    def checkpoint(self, size: int | None) -> Checkpoint:
        """The checkpoint over `size` events, or the last. Raises CannotExport."""
        found = self._checkpoints.latest() if size is None else self._checkpoints.find(size)
        if found is None:
            what = "no checkpoint at all: the log is empty" if size is None else f"no checkpoint over {size} events"
            raise CannotExport(f"there is {what}")
        return found

    def __call__(self, checkpoint: Checkpoint, to: BinaryIO, progress: Progress = quiet) -> Manifest:
        """Write the log up to `checkpoint`. Raises CannotExport, before anything is written where it can.

        It reads twice: what the manifest, which comes first, says of the lines has to be known by then.
        """
        manifest = self._manifest(checkpoint)
        to.write(to_line(manifest))
        written = sha256()
        for entries in self._entries(checkpoint):
            lines = b"".join(map(line_of, entries))
            written.update(lines)
            to.write(lines)
            progress(entries[-1].position, checkpoint.position)
        if written.hexdigest() != manifest.lines:
            raise CannotExport("the log was changed while it was exported: what was written is worthless")
        return manifest

    def _manifest(self, checkpoint: Checkpoint) -> Manifest:
        """What there is to say of the log up to `checkpoint`, signed."""
        tree, lines, first, last = Frontier(), sha256(), 0, 0
        for entries in self._entries(checkpoint):
            first, last = first or entries[0].position, entries[-1].position
            for entry in entries:
                tree.add(entry.hash)
                lines.update(line_of(entry))
        if (tree.size, last, tree.root()) != (checkpoint.size, checkpoint.position, checkpoint.root):
            size = checkpoint.size
            raise CannotExport(f"the log is not what the checkpoint over {size} events signed: see miles audit verify")
        return Manifest(
            miles_export=1,
            first_position=first,
            last_position=last,
            count=tree.size,
            root=tree.root().hex(),
            note=checkpoint.note(),
            lines=lines.hexdigest(),
            exported_at=self._clock(),
        ).signed(self._signer)

    def _entries(self, checkpoint: Checkpoint) -> Iterator[list[LogEntry]]:
        with self._database.connection() as connection, connection.cursor() as cursor:
            yield from read_log(cursor, upto=checkpoint.position)
