"""Shipping: sends copies of checkpoints to places that the database's owner cannot rewrite.

What was delivered is remembered beside the file of notes, so that a place that was away gets all it missed, in order.
A copy may come twice; two of one size are the same checkpoint. It signs nothing, and sends nothing that nobody signed:
a row of the table that somebody else made is passed over, and told of as long as it is met.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple, Protocol

from app.audit.checkpoints import Checkpoint, Checkpoints
from app.audit.keys import TrustedKeys, Untrusted, public_pem

MOST_AT_A_TIME = 500
"""Copies a call, so that a place that has to catch up does not keep the next seal waiting."""


class Undelivered(Exception):
    """A copy that a place did not take; the message says why."""


class Place(Protocol):
    """Where copies go."""

    name: str

    def deliver(self, checkpoint: Checkpoint, public_key: str) -> None:
        """Return when the place has it. `public_key`, which signed it, is PEM. Raises Undelivered."""


class Shipped(NamedTuple):
    """How many copies were delivered, and what kept the others."""

    copies: int
    failures: list[str]


class Shipping:
    """Delivers when it is called."""

    def __init__(self, checkpoints: Checkpoints, trusted: TrustedKeys, folder: Path, places: Sequence[Place]) -> None:
        self._checkpoints = checkpoints
        self._trusted = trusted
        self._folder = folder
        self._places = places

    def __call__(self) -> Shipped:
        """Send each place what it has not had, oldest first, until it refuses one. Raises BadKey, OSError."""
        copies = 0
        failures: list[str] = []
        trusted = self._trusted.held()
        for place in self._places:
            strange: list[str] = []
            try:
                for checkpoint in islice(self._signed(self._delivered(place), trusted, strange), MOST_AT_A_TIME):
                    place.deliver(checkpoint, public_pem(trusted.all()[checkpoint.key_id]))
                    self._remember(place, checkpoint.size)
                    copies += 1
            except Undelivered as error:
                failures.append(f"{place.name}: {error}")
            failures += [f"{place.name}: {why}" for why in strange[:1]]
        return Shipped(copies, failures)

    def _signed(self, size: int, trusted: TrustedKeys, strange: list[str]) -> Iterator[Checkpoint]:
        """The checkpoints over more than `size` events that are ours; of others, why not, into `strange`.

        The table is the database owner's: what nobody signed is not to hide what was.
        """
        for checkpoint in self._checkpoints.after(size):
            try:
                trusted.verify(checkpoint)
            except Untrusted as error:
                strange.append(str(error))
            else:
                yield checkpoint

    def _memory(self, place: Place) -> Path:
        return self._folder / f"checkpoints.{place.name}"

    def _delivered(self, place: Place) -> int:
        """The size of the last checkpoint that it took; where that is not known, all are sent again."""
        path = self._memory(place)
        text = path.read_text(errors="replace").strip() if path.exists() else ""
        return int(text) if text.isascii() and text.isdigit() else 0

    def _remember(self, place: Place, size: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{self._memory(place).name}.{os.getpid()}"
        draft.write_text(f"{size}\n")
        draft.replace(self._memory(place))
