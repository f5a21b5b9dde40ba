"""What every import has in common: lines in, by the batch; each imported once; a bad one reported and stopping nothing.

A batch is decided and recorded in one append. Where another writer came first its halves are tried, down to the one
line that is fought over, so that live traffic on an account holds up nobody else. An import may go in lanes, with a
batch each at a time: a member's lines keep to one lane, and so to their order. Memory is bounded however long the
import. It knows no file and no format, and is silent on failures of the database: they end an import, and the next run
goes on, since what is imported is known by its reference.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, Protocol, TypeVar
from uuid import UUID, uuid4
from zlib import crc32

from app.domain.aggregate import Aggregate
from app.domain.errors import DomainError
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Directory, DirectoryEntry

BATCH = 400
"""Lines an append: past some hundreds the round trips no longer count, and an append takes a tenth of a second."""

MAX_LISTED = 10_000
"""A file of nothing but mistakes must not fill the memory: past so many, refusals are only counted."""

FIGHT_FOR_S = 10.0
"""How long a single line waits for its turn on a busy account before it is refused with `try_again`."""


class Line(Protocol):
    """What any import's line has: the member that it is about."""

    @property
    def user_id(self) -> str: ...


L = TypeVar("L", bound=Line)


@dataclass(frozen=True)
class Refused:
    """A line that is not imported, and why."""

    why: str


Outcome = Literal["imported", "known"] | Refused
"""`known`: it was imported before, with the same values; nothing is written."""

OTHER_VALUES = Refused("reference: was imported before with other values")

Decide = Callable[[Sequence[L]], list[Outcome]]
"""Load, decide and record some lines in one append, and give what became of each, in their order."""


def import_key(reference: str) -> str:
    """What an import is known by among an account's keys; no Idempotency-Key can hold its space, so none meets it."""
    return f"import {reference}"


@dataclass
class Report:
    """What an import did: `rejected` has the number of each refused line and why, `unlisted` counts those past 10,000.

    `imported + known + rejected + unlisted` is the number of lines that were given.
    """

    imported: int = 0
    known: int = 0
    rejected: list[tuple[int, str]] = field(default_factory=list)
    unlisted: int = 0

    def note(self, number: int, outcome: Outcome) -> None:
        """Count what became of the line of this number."""
        if outcome == "imported":
            self.imported += 1
        elif outcome == "known":
            self.known += 1
        elif len(self.rejected) < MAX_LISTED:
            self.rejected.append((number, outcome.why))
        else:
            self.unlisted += 1


class Members:
    """The account ids of some users: those known, and one drawn for each that is new."""

    def __init__(self, directory: Directory, user_ids: Iterable[str]) -> None:
        users = sorted(set(user_ids))
        self.known = directory.accounts_of(users)
        self.ids = {user: self.known.get(user) or uuid4() for user in users}

    def entries(self, account_ids: Iterable[UUID]) -> list[DirectoryEntry]:
        """What to write beside events that name these accounts, in order of the users.

        In order, so that two imports never wait for each other in a ring.
        """
        named = set(account_ids)
        return [
            DirectoryEntry(account_id, user)
            for user, account_id in self.ids.items()
            if account_id in named and user not in self.known
        ]


def load(loyalty: Loyalty, wanted: Iterable[tuple[type[Aggregate], UUID]]) -> dict[UUID, Any]:
    """Those of the aggregates that have a history, by id, in one round trip; what is wanted twice is loaded once."""
    once = list(dict.fromkeys(wanted))
    found = zip(once, loyalty.load(*once), strict=True)
    return {aggregate_id: aggregate for (_, aggregate_id), aggregate in found if aggregate}


def import_lines(
    loyalty: Loyalty, lines: Iterable[tuple[int, L | Refused]], decide: Decide[L], *, lanes: int = 1
) -> Report:
    """Import numbered lines, batch by batch; those refused before they came here are only noted.

    With two `lanes` the one is decided while the database writes the other. What lines of two members share they would
    fight over.
    """
    report = Report()
    remaining = iter(lines)
    with ThreadPoolExecutor(lanes) as threads:
        while batch := list(itertools.islice(remaining, BATCH * lanes)):
            shares: list[list[L]] = [[] for _ in range(lanes)]
            for _, line in batch:
                if not isinstance(line, Refused):
                    shares[_lane_of(line, lanes)].append(line)
            outcomes = [iter(share) for share in threads.map(partial(_settled, loyalty, decide), shares)]
            for number, line in batch:
                report.note(number, line if isinstance(line, Refused) else next(outcomes[_lane_of(line, lanes)]))
    return report


def _lane_of(line: Line, lanes: int) -> int:
    return crc32(line.user_id.encode()) % lanes


def _settled(loyalty: Loyalty, decide: Decide[L], lines: list[L]) -> list[Outcome]:
    """What became of `lines`, in their order: all in one append, or else in halves."""
    if not lines:
        return []
    try:
        return loyalty.deciding(lambda: decide(lines), for_s=FIGHT_FOR_S if len(lines) == 1 else 0)
    except DomainError as error:
        if len(lines) == 1:
            return [Refused(error.code)]
    middle = len(lines) // 2
    return _settled(loyalty, decide, lines[:middle]) + _settled(loyalty, decide, lines[middle:])
