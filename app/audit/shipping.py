"""Shipping: sends copies of checkpoints to places that the database's owner cannot rewrite.

What was delivered is remembered beside the file of notes, so that a place that was away gets all it missed, in order.
A copy may come twice, never not at all; two of one size are the same checkpoint. It signs nothing.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
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

    def deliver(self, checkpoint: Checkpoint, public_key: str | None) -> None:
        """Return when the place has it. `public_key` is PEM, where the key is known here. Raises Undelivered."""


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
        for place in self._places:
            keys = self._trusted.all()
            try:
                for checkpoint in islice(self._checkpoints.after(self._delivered(place)), MOST_AT_A_TIME):
                    # The table is the database owner's; what nobody signed is not to hide what was.
                    self._trusted.verify(checkpoint)
                    key = keys.get(checkpoint.key_id)
                    place.deliver(checkpoint, public_pem(key) if key else None)
                    self._remember(place, checkpoint.size)
                    copies += 1
            except (Undelivered, Untrusted) as error:
                failures.append(f"{place.name}: {error}")
        return Shipped(copies, failures)

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
