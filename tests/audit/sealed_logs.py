"""Logs to be sealed: events that nobody folds, many at once, and their tree as RFC 6962 has it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from eventsourcing.persistence import StoredEvent

from app.audit.checkpoints import Checkpoint
from app.audit.merkle import Frontier
from app.database import Database
from app.wiring import House
from tests.support.http import Api, answered
from tests.support.shop import Shop


def append(house: House, count: int = 1) -> None:
    """Append events of a stream of their own; no read model knows what they mean."""
    stream = uuid4()
    house.log.insert_events([StoredEvent(stream, n, "Noted.v1", b'{"n":%d}' % n) for n in range(1, count + 1)])


def sealed(house: House, count: int = 1) -> Checkpoint:
    """Append so many events, and seal."""
    append(house, count)
    checkpoint = house.seal()
    assert checkpoint is not None
    return checkpoint


def hashes(house: House) -> list[bytes]:
    """The events' hashes, in the order of the log."""
    return [bytes(digest) for (digest,) in house.database.rows("SELECT hash FROM events ORDER BY position")]


def root_over(leaves: list[bytes]) -> bytes:
    """The root over all of them."""
    frontier = Frontier()
    for leaf in leaves:
        frontier.add(leaf)
    return frontier.root()


def kept(house: House) -> list[Checkpoint]:
    """The table of checkpoints, smallest first."""
    return list(house.checkpoints.after())


def sizes(api: Api) -> list[int]:
    """How many events each checkpoint covers, smallest first."""
    return [checkpoint.size for checkpoint in api.house.checkpoints.after()]


def got(api: Api, path: str) -> dict[str, Any]:
    """What an auditor is answered."""
    body: dict[str, Any] = answered(api.auditor.get(path))
    return body


def shop_under_checkpoints(house: House) -> Api:
    """A log of a few real events and many others, under three checkpoints; the last event under none."""
    shop = Shop(house)
    shop.give("ann", 100)
    shop.buy("ann", 30)
    assert house.seal() is not None
    sealed(house, 300)
    sealed(house, 400)
    append(house)
    return Api(house)


def forget_seals(owner: Database) -> None:
    """Make the database look as if it had never been sealed."""
    owner.execute("DELETE FROM checkpoints")
    owner.execute("DELETE FROM tree")
