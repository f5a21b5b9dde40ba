"""Verification: one walk over the log, and then whether all that is served is what the log says.

It sees everything in one REPEATABLE READ transaction, in bounded memory, and stops with the first thing that is wrong.
It believes no function of the database under audit, repairs nothing, and writes nothing but temporary tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from functools import partial
from itertools import takewhile

from app.audit.checkpoints import Checkpoints
from app.audit.copies import FileCopy, together
from app.audit.findings import Finding
from app.audit.heads import Heads
from app.audit.keys import Signer, TrustedKeys
from app.audit.outside import OutsideFile
from app.audit.progress import Progress, quiet
from app.audit.seals import Seals
from app.audit.since import After, Beginning
from app.audit.snapshots import Snapshots
from app.audit.tree import BrokenTree, SealedTree
from app.audit.walk import Report, Walk
from app.database import Cursor, Database
from app.eventstore.chain import Unreadable, read_log
from app.eventstore.mapper import EventMapper
from app.projections.verify import CannotFold, ReadModel, Refold, served


class Verify:
    """Verifies the log of one database, or what came after a checkpoint, and what is served of it."""

    def __init__(
        self,
        database: Database,
        mapper: EventMapper,
        models: Sequence[ReadModel],
        checkpoints: Checkpoints,
        tree: SealedTree,
        outside: OutsideFile,
        signer: Signer,
    ) -> None:
        self._database = database
        self._mapper = mapper
        self._models = models
        self._checkpoints = checkpoints
        self._tree = tree
        self._outside = outside
        self._signer = signer

    def __call__(self, trusted: TrustedKeys, since: int = 0, progress: Progress = quiet) -> Report:
        """Verify what came after the first `since` events; there must be a checkpoint over so many.

        Raises a Finding, another AuditError, or the library's PersistenceError.
        """
        # What is sealed was committed before, so a transaction that begins now sees all of it.
        told = self.told()
        # A connection of its own: statements prepared here mean the temporary tables.
        with closing(Database(self._database.url, pool_size=1)) as apart, apart.view(*served(self._models)) as cursor:
            return self.within(cursor, trusted, told, since, progress)

    def told(self) -> FileCopy:
        """What the file outside the database tells by now."""
        row, last = self._checkpoints.latest(), self._outside.last()
        notes = takewhile(lambda checkpoint: checkpoint.size <= last.size, self._outside) if last else iter(())
        return FileCopy(notes, last is None, row.size if row else 0, self._signer.identity())

    def within(
        self,
        cursor: Cursor,
        trusted: TrustedKeys,
        told: FileCopy | None,
        since: int = 0,
        progress: Progress = quiet,
    ) -> Report:
        """The same in a transaction of the caller's, by the checkpoints `told`, if any, beside those of the table."""
        try:
            return self._verified(cursor, trusted.held(), told, since, progress)
        except Unreadable as error:
            raise Finding(error.position, "it has a time or a hash that no append writes") from error
        except CannotFold as error:
            raise Finding(error.position, f"the event cannot be folded: {error.why}") from error

    def _verified(
        self, cursor: Cursor, trusted: TrustedKeys, told: FileCopy | None, since: int, progress: Progress
    ) -> Report:
        with Heads() as heads:
            start = After(cursor, heads, self._checkpoints, self._tree, trusted, since) if since else Beginning()
            if told and told.own_key and told.is_empty and not self._checkpoints.latest(cursor):
                raise Finding(1, "no checkpoint is left, and here is a key that has signed some")
            if told:
                told = told._replace(notes=(checkpoint for checkpoint in told.notes if checkpoint.size > since))
            checkpoints = together(self._checkpoints.after(since, cursor=cursor), told)
            seals = Seals(checkpoints, trusted, partial(self._tree.leaves, cursor), start.frontier(), start.position)
            walk = Walk(heads, self._mapper, seals, start.position, start.cut)
            last = _last_position(cursor)
            with Refold(cursor, self._models, streams=start.streams) as refold:
                # From the very first row, where it begins at the beginning: one may stand where none belongs.
                log = read_log(cursor, start.position or None)
                entries = next(log, [])
                while entries:
                    for earlier in start.earlier(entries):
                        refold.feed(walk.earlier(earlier))
                    events = walk.follow(entries)
                    progress(walk.position, last)
                    # The next batch is read before this one is folded, and followed while it is.
                    refold.settle()
                    try:
                        entries = next(log, [])
                    finally:
                        refold.begin(events)
                refold.settle()
                walk.end()
                self._check_tree(cursor, seals.sealed, last)
                _compare(refold, last)
            Snapshots(cursor, heads, self._mapper, last).check(start.streams)
            return walk.report()

    def _check_tree(self, cursor: Cursor, sealed: int, last: int) -> None:
        """Where something was sealed: the tree holds just that, and what follows from it."""
        try:
            if sealed:
                self._tree.check(cursor, sealed)
        except BrokenTree as error:
            raise Finding(last, str(error)) from error


def _last_position(cursor: Cursor) -> int:
    cursor.execute("SELECT coalesce(max(position), 0) FROM events")
    ((last,),) = cursor.fetchall()
    return int(last)


def _compare(refold: Refold, last: int) -> None:
    """Raise the Finding of the smallest position for what is served and is not what the log says.

    A row that no event ever shaped has none of its own: it is wrong as of the last.
    """
    wrong = [Finding(last if d.position is None else d.position, str(d)) for d in refold.differences()]
    if wrong:
        raise min(wrong, key=lambda finding: finding.position)
