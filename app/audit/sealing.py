"""Sealing: the use case that signs a checkpoint over all that is settled in the log.

One seal works at a time, in one transaction: tree and checkpoint stand together or not at all. Before anything is
signed, the tree must still have the roots that were signed before, here and in the file outside, so that no key of ours
ever stands under two histories.
"""

from __future__ import annotations

from app.audit import AuditError
from app.audit.checkpoints import Checkpoint, Checkpoints
from app.audit.keys import Signer, TrustedKeys
from app.audit.outside import OutsideFile
from app.audit.tree import HASH_BYTES, TILE, SealedTree
from app.database import LOCK_CLASS, LOCK_SEAL, Cursor, Database
from app.usecases.ports import Clock

BATCH = 32 * TILE
"""Events read at a time: whole tiles, so that few are written twice, and far less than memory has."""


HELD_S = 60.0
"""How long an event may stand in the log unsettled: an append before it ends within seconds, or is ended."""


class CannotSeal(AuditError):
    """The log or the tree is not what it should be. Nothing was signed; the message says what is amiss."""


class Seal:
    """Seals the log when it is called."""

    def __init__(
        self,
        database: Database,
        checkpoints: Checkpoints,
        tree: SealedTree,
        outside: OutsideFile,
        signer: Signer,
        trusted: TrustedKeys,
        clock: Clock,
        *,
        batch: int = BATCH,
    ) -> None:
        self._database = database
        self._checkpoints = checkpoints
        self._tree = tree
        self._outside = outside
        self._signer = signer
        self._trusted = trusted
        self._clock = clock
        self._batch = batch

    def __call__(self) -> Checkpoint | None:
        """The new checkpoint; None where nothing was appended since the last one.

        Raises an AuditError where it will not sign, OSError, and the library's PersistenceError.
        """
        with self._database.transaction() as cursor:
            # Held until the commit. Who seals the first million events takes longer than others' patience.
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK_CLASS, LOCK_SEAL))
            last = self._agreed(cursor)
            mark = _low_water_mark(cursor)
            size, position = self._extend(cursor, last, mark)
            if size == (last.size if last else 0):
                _require_settling(cursor, position, mark)
                return None
            root = self._tree.frontier(size, cursor).root()
            checkpoint = self._signer.signed(Checkpoint(size, position, root, self._clock(), "", b""))
            self._outside.append(checkpoint)
            self._checkpoints.add(checkpoint, cursor)
        return checkpoint

    def anew(self) -> Checkpoint:
        """Make the tree again from the log, where it was damaged, as long as the log is what the last row says.

        Raises an AuditError where it is not, or where nothing was sealed; then nothing has changed.
        """
        with self._database.transaction() as cursor:
            cursor.execute("SET LOCAL lock_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK_CLASS, LOCK_SEAL))
            last = self._checkpoints.latest(cursor)
            if last is None:
                raise CannotSeal("nothing was sealed yet")
            size, _ = self._extend(cursor, None, last.position)
            if size != last.size:
                raise CannotSeal(
                    f"the log has {size} events up to position {last.position}, and {last.size} were sealed"
                )
            self._check(cursor, last)
            self._tree.check(cursor, last.size)
        return last

    def _agreed(self, cursor: Cursor) -> Checkpoint | None:
        """The last checkpoint, once table, tree and the file outside agree on it."""
        stored, told = self._checkpoints.latest(cursor), self._outside.last()
        if stored is not None:
            self._check(cursor, stored)
        if told is None or told == stored:
            return stored
        if stored is not None and told.size <= stored.size:
            self._check(cursor, told)
            return stored
        # Its row was lost in a crash between file and commit, or taken away: the log must still have what it covers.
        size, _ = self._extend(cursor, stored, told.position)
        if size != told.size:
            raise CannotSeal(
                f"{self._outside.path} has a checkpoint over {told.size} events up to position {told.position},"
                f" and the log has {size} there: events were removed or inserted"
            )
        self._check(cursor, told)
        self._checkpoints.add(told, cursor)
        return told

    def _check(self, cursor: Cursor, checkpoint: Checkpoint) -> None:
        """It is signed by a trusted key, and the tree over so many events has its root."""
        self._trusted.verify(checkpoint)
        if self._tree.frontier(checkpoint.size, cursor).root() != checkpoint.root:
            raise CannotSeal(
                f"the tree over the first {checkpoint.size} events has not the root that the checkpoint signed by"
                f" {checkpoint.key_id} says: the tree or the checkpoint was altered"
            )

    def _extend(self, cursor: Cursor, last: Checkpoint | None, upto: int) -> tuple[int, int]:
        """Bring the tree from `last` up to a position; gives its size then, and the last event's position."""
        size, position = (last.size, last.position) if last else (0, 0)
        while True:
            cursor.execute(
                "SELECT position, hash FROM events WHERE position > %s AND position <= %s ORDER BY position LIMIT %s",
                (position, upto, self._batch),
            )
            leaves = [(found, bytes(digest or b"")) for found, digest in cursor.fetchall()]
            if not leaves:
                return size, position
            if strange := [found for found, digest in leaves if len(digest) != HASH_BYTES]:
                raise CannotSeal(
                    f"the event at position {strange[0]} has no hash of {HASH_BYTES} bytes: the log was altered"
                )
            self._tree.extend(cursor, size, leaves)
            size, position = size + len(leaves), leaves[-1][0]


def _low_water_mark(cursor: Cursor) -> int:
    """Nothing at or below it is still to come. Asked before the rows are read, in a statement of its own."""
    cursor.execute("SELECT events_low_water_mark()")
    ((mark,),) = cursor.fetchall()
    return int(mark)


def _require_settling(cursor: Cursor, sealed: int, mark: int) -> None:
    """Raise CannotSeal where what stands past the last sealed position waits for too long: the mark is held back."""
    cursor.execute(
        "SELECT recorded_at < clock_timestamp() - %s * interval '1 second' FROM events"
        " WHERE position > %s ORDER BY position LIMIT 1",
        (HELD_S, sealed),
    )
    if cursor.fetchall() == [(True,)]:
        raise CannotSeal(
            f"events past position {sealed} have waited for more than {HELD_S:.0f} s to be settled: somebody who is no"
            f" append of ours holds the advisory lock {mark} (see pg_locks)"
        )
