"""The two copies of the checkpoints, in the table and in the file outside, as one; where one lacks what the other has,
somebody has taken it away.

A note is in the file before its row is committed, so a crash may leave the last one without its row until the next
seal. The file of another house, or of one that began anew with keys of its own, holds only what was signed there.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from app.audit.checkpoints import Checkpoint
from app.audit.findings import Finding

IN_TABLE, IN_FILE = "table", "file"


class FileCopy(NamedTuple):
    """The notes of the file outside. It lacks no row that was signed by `own_key`, over up to `complete_to` events.

    A row is committed after its note is on the disk, so what the table had before the file was read is there.
    """

    notes: Iterable[Checkpoint]
    is_empty: bool
    complete_to: int
    own_key: str | None


def together(table: Iterable[Checkpoint], file: FileCopy | None) -> Iterator[Checkpoint]:
    """Every checkpoint of both, ascending; of two that differ, each. Both ascend; None is no file to compare with.

    Raises a Finding at the position up to which a missing checkpoint was signed.
    """
    marked = heapq.merge(
        ((checkpoint, IN_TABLE) for checkpoint in table),
        ((checkpoint, IN_FILE) for checkpoint in (file.notes if file else ())),
        key=lambda found: found[0].size,
    )
    without_row: Checkpoint | None = None
    for _, copies in groupby(marked, key=lambda found: found[0].size):
        if without_row:
            raise Finding(without_row.position, f"{_said(without_row)} is in the file outside, and its row is gone")
        found = list(copies)
        where, (first, _) = {place for _, place in found}, found[0]
        if where == {IN_FILE}:
            without_row = first  # as only the last may be
        if where == {IN_TABLE} and file and first.key_id == file.own_key and first.size <= file.complete_to:
            raise Finding(first.position, f"{_said(first)} is in the table, and its note is gone from the file outside")
        yield from dict.fromkeys(checkpoint for checkpoint, _ in found)


def _said(checkpoint: Checkpoint) -> str:
    return f"the checkpoint over {checkpoint.size} events"
