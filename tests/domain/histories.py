"""Random histories of one account, as hypothesis draws them: commands, played one after the other.

A command that the account refuses is part of the history, too: it must change nothing. Some histories begin in debt.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from hypothesis import strategies as st

from app.domain import calendar
from app.domain.account_events import AccountEvent, Opened
from app.domain.errors import DomainError
from app.domain.lots import Part
from app.domain.point_account import PointAccount
from tests.domain.samples import ADMIN, NOW
from tests.support.given import ID, numbered, remembered

Command = tuple[str, int, int]
"""A kind, an amount, and a number that the kind makes use of."""

STEPS = [timedelta(0), timedelta(microseconds=1), timedelta(hours=7), timedelta(days=20), timedelta(days=45)]
"""How far time moves between commands: within an instant, and over expiries."""

points = st.one_of(st.integers(0, 60), st.sampled_from([1, 999, 1_000_000_000]))
command = st.tuples(
    st.sampled_from(["earn", "redeem", "redeem", "restore", "revoke", "expire", "give", "take", "wait", "wait"]),
    points,
    st.integers(0, 9),
)

IN_DEBT: list[Command] = [("earn", 150, 5), ("redeem", 130, 0), ("revoke", 150, 0)]
"""What an order earned was spent on another, and then the first was refunded: 130 points are owed."""

commands = st.builds(
    lambda beginning, rest: [*beginning, *rest],
    st.sampled_from([[], [], IN_DEBT]),
    st.lists(command, min_size=12, max_size=60),
)


@dataclass
class History:
    """An account at work, and everything that it said. `earned` and `taken` are what orders could still give back."""

    at: datetime = NOW
    orders: int = 0
    earned: list[tuple[UUID, int, int | None]] = field(default_factory=list)
    taken: list[tuple[UUID, tuple[Part, ...]]] = field(default_factory=list)
    events: list[AccountEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start = Opened(at=NOW, balance=0)
        self.account = self.replayed(0)

    def play(self, command: Command) -> None:
        """Give one command; what it triggered joins the history, a refusal changes nothing."""
        before, events_before = remembered(self.account), len(self.events)
        try:
            self._give(*command)
        except DomainError:
            assert remembered(self.account) == before
        self.events += [recorded.event for recorded in self.account.collect_events()]
        # A revoke that makes debt sweeps first: two events.
        assert len(self.events) - events_before <= (2 if command[0] == "revoke" else 1)

    def replayed(self, count: int | None = None) -> PointAccount:
        """A second account, from the start and the first `count` events (all of them if None)."""
        account = PointAccount.replay(None, numbered((self.start, *self.events[:count])))
        assert account is not None
        return account

    def resumed(self, count: int) -> PointAccount:
        """A third, from the snapshot taken after `count` events and the events since."""
        history = numbered((self.replayed(count).state(), *self.events[count:]))
        account = PointAccount.replay(
            None, [r._replace(originator_version=r.originator_version + count) for r in history]
        )
        assert account is not None
        return account

    def _give(self, kind: str, points: int, number: int) -> None:
        account, at = self.account, self.at
        match kind:
            case "earn":
                order, ripens = self._order(), calendar.ripening(at, 30 if number == 0 else 0)
                made = account.earn(at, order, points, 1, ripens, at + timedelta(days=10 * (number + 1)))
                self.earned.append((order, points, made.id if made else None))
            case "redeem":
                order = self._order()
                self.taken.append((order, account.redeem(at, order, min(points, account.available(at) + number % 2))))
            case "restore" if self.taken:
                order, taken = self.taken.pop(number % len(self.taken))
                account.restore(at, order, taken, at + timedelta(days=number))
            case "revoke" if self.earned:
                order, earned, lot_id = self.earned.pop(number % len(self.earned))
                account.revoke(at, order, min(points, earned), lot_id, self._order())
            case "expire":
                account.expire(at)
            case "give":
                account.adjust(at, points, self._order(), ADMIN, at + timedelta(days=number * 9))
            case "take":
                account.adjust(at, -points, self._order(), ADMIN, at)
            case "wait":
                self.at += STEPS[number % len(STEPS)]

    def _order(self) -> UUID:
        self.orders += 1
        return UUID(int=self.orders)


def played(commands: list[Command]) -> History:
    """The history of these commands."""
    history = History()
    for each in commands:
        history.play(each)
    assert history.account.id == ID
    return history
