"""The seals of a log: are its events, in their order, those that the signed checkpoints were made over?

The root over the log says whether, the sealed tree says since where: of each sealed event it has the hash. The tree is
believed only where it leads to a signed root itself. It looks at no event but its hash and its place.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from copy import deepcopy

from app.audit.checkpoints import Checkpoint
from app.audit.findings import Finding
from app.audit.keys import TrustedKeys, Untrusted
from app.audit.merkle import Frontier
from app.audit.tree import BrokenTree, Leaf
from app.eventstore.chain import LogEntry

CHUNK = 4096
"""Leaves read at a time."""

ReadLeaves = Callable[[int, int], list[Leaf]]
"""The sealed tree's leaves: the index of the first, and how many."""


def no_leaves(first_index: int, count: int) -> list[Leaf]:
    """What is read where no tree is at hand: a checkpoint can then say of its events only all or nothing."""
    return []


class Seals:
    """Follows the log's events in order; where one is not what was sealed, or a checkpoint is not ours: a Finding."""

    def __init__(
        self,
        checkpoints: Iterable[Checkpoint],
        keys: TrustedKeys,
        leaves: ReadLeaves = no_leaves,
        frontier: Frontier | None = None,
        position: int = 0,
    ) -> None:
        """`checkpoints` ascend; `frontier` is the tree over the events up to `position`, which are not followed."""
        self._frontier, self._position = frontier or Frontier(), position
        self._checkpoints = iter(checkpoints)
        self._next = next(self._checkpoints, None)
        self._keys = keys
        self._leaves = leaves
        self._read_ahead: deque[Leaf] = deque()
        self._unproven: int | None = None
        self._last: Checkpoint | None = None
        self._first = 0
        self.checked = 0

    def follow(self, entry: LogEntry) -> None:
        """Go on by the log's next event. Past the last checkpoint there is nothing to compare it with."""
        if self._next is None:
            return
        self._first = self._first or entry.position
        if self._unproven is None and self._leaves is not no_leaves:
            self._compare(entry, self._next)
        self._frontier.add(entry.hash)
        self._position = entry.position
        while self._next and self._next.size <= self._frontier.size:
            self._judge(self._next)

    @property
    def sealed(self) -> int:
        """How many events the last checkpoint followed is over; 0 where there was none."""
        return self._last.size if self._last else 0

    def finish(self) -> None:
        """The log has ended."""
        if self._next is None:
            return
        self._trust(self._next)
        leaf = self._leaf(self._frontier.size) if self._unproven is None else None
        if leaf and self._is_proven(self._next):
            raise Finding(leaf[0], "the event that was sealed here is missing, and all sealed after it")
        raise Finding(
            self._position + 1,
            f"the log ends after {self._frontier.size} events, and a checkpoint was signed over {self._next.size}",
        )

    def _compare(self, entry: LogEntry, sealed_by: Checkpoint) -> None:
        leaf = self._leaf(self._frontier.size)
        if leaf == (entry.position, entry.hash):
            self._read_ahead.popleft()
        elif leaf and self._is_proven(sealed_by):
            raise Finding(min(leaf[0], entry.position), _apart(entry, *leaf))
        else:
            self._unproven = entry.position

    def _leaf(self, index: int) -> Leaf | None:
        """The next leaf; None where the tree ends before, or is broken."""
        try:
            if not self._read_ahead:
                self._read_ahead.extend(self._leaves(index, CHUNK))
        except BrokenTree:
            return None
        return self._read_ahead[0] if self._read_ahead else None

    def _is_proven(self, checkpoint: Checkpoint) -> bool:
        """Whether the sealed tree, put after the events so far, leads to the root that was signed."""
        tree = deepcopy(self._frontier)
        try:
            self._keys.verify(checkpoint)
            while tree.size < checkpoint.size:
                leaves = self._leaves(tree.size, min(CHUNK, checkpoint.size - tree.size))
                if not leaves:
                    return False
                for _, event_hash in leaves:
                    tree.add(event_hash)
        except (BrokenTree, Untrusted):
            return False
        return tree.root() == checkpoint.root

    def _judge(self, checkpoint: Checkpoint) -> None:
        """The log has come to the size of a checkpoint. The same one may be told twice."""
        size = checkpoint.size
        if checkpoint != self._last:
            self._trust(checkpoint)
            if size < self._frontier.size:
                raise Finding(self._position, f"the checkpoint over {size} events is told after one over more")
            if self._frontier.root() != checkpoint.root:
                raise Finding(self._first, f"from here on the log is not what the checkpoint over {size} events signed")
            if self._unproven is not None:
                raise Finding(
                    self._unproven,
                    f"the sealed tree is wrong from here on: the log has the root that was signed over {size} events",
                )
            if checkpoint.position != self._position:
                said = f"the checkpoint over {size} events says that it ends at position {checkpoint.position}"
                raise Finding(self._position, f"{said}, and it ends here")
            self.checked += 1
        self._last, self._first = checkpoint, 0
        self._next = next(self._checkpoints, None)

    def _trust(self, checkpoint: Checkpoint) -> None:
        try:
            self._keys.verify(checkpoint)
        except Untrusted as error:
            raise Finding(self._position, str(error)) from error


def _apart(entry: LogEntry, position: int, event_hash: bytes) -> str:
    """How an event of the log is not the one that was sealed in its place."""
    if entry.hash == event_hash:
        # Roots say in which order events stand, not where: either may have been changed.
        return f"the log has an event at position {entry.position} that the sealed tree has at {position}"
    if entry.position == position:
        return "this is not the event that was sealed here"
    return "the event that was sealed here is missing" if position < entry.position else "no event was sealed here"
