"""As it stood: an account at any moment, on both time axes, folded from its events alone.

A pure fold over events with their places, and the reading of them. It never looks at a read model: that what it says
of now is what those serve is a finding, not a premise. It never takes a lot or an order to where it never was.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from app.audit.lineage import TYPES, lots_made, reference_of, subjects
from app.audit.log_view import Happened, LogView, view_of_log
from app.auth.principals import is_user_id
from app.database import Database
from app.domain import lots
from app.domain.account_events import Earned, Redeemed, Restored
from app.domain.order_events import OrderPaid
from app.domain.point_account import PointAccount
from app.eventstore.mapper import EventMapper
from app.projections.pages import Item
from app.registers.directory import PostgresDirectory
from app.usecases.ports import Clock


class Moment(NamedTuple):
    """What counts: what had happened at `as_of` and was recorded by `known_at`. None leaves an axis open: up to now."""

    as_of: datetime | None = None
    known_at: datetime | None = None

    def counted(self, events: Iterable[Happened]) -> list[Happened]:
        """Those of `events`, each stream's in order, that count.

        Hosts' clocks differ, so what came later may be dated earlier. It waits for all that came before it to the same
        order or lot: else a restore would count without its redemption. An import, which nothing came before, does not.
        """
        counted, waited_for = [], set[UUID | int]()
        for happened in events:
            about = subjects(happened)
            if self._has_passed(happened) and waited_for.isdisjoint(about):
                counted.append(happened)
            else:
                waited_for |= about
        return counted

    def _has_passed(self, happened: Happened) -> bool:
        return (self.as_of is None or happened.event.at <= self.as_of) and (
            self.known_at is None or happened.recorded_at <= self.known_at
        )


NOW = Moment()
"""Everything that happened and is recorded."""


class Standing(NamedTuple):
    """An account as it stood: the `events` that count, and those of orders that may have been waiting then."""

    account_id: UUID
    user: str | None
    as_of: datetime
    known_at: datetime
    events: list[Happened]
    orders: list[Happened]


class History:
    """Any account at any moment, by its user or, for one who was forgotten, by its account id."""

    def __init__(self, database: Database, mapper: EventMapper, directory: PostgresDirectory, clock: Clock) -> None:
        self._database = database
        self._mapper = mapper
        self._directory = directory
        self._clock = clock

    def as_it_stood(self, name: str, moment: Moment) -> Item | None:
        """What /user/points said then, with lots and events; None for an account that never was."""
        account_id, user = self.named(name)
        if account_id is None:
            return None
        with view_of_log(self._database, self._mapper) as log:
            standing = self.standing(log, account_id, user, moment)
        return shown(standing) if standing else None

    def named(self, name: str) -> tuple[UUID | None, str | None]:
        """The account id and the user that a name in a path stands for, as far as there are any."""
        account_id = self._directory.account_of(name) if is_user_id(name) else None
        if account_id:
            return account_id, name
        try:
            account_id = UUID(name)
        except ValueError:
            return None, None
        return account_id, self._directory.users_of([account_id]).get(account_id)

    def standing(self, log: LogView, account_id: UUID, user: str | None, moment: Moment) -> Standing | None:
        """An account by its id; None where that has no events, or another kind's."""
        events = log.of([account_id])
        if not (events and PointAccount.folds(events[0].event)):
            return None
        counted = moment.counted(events)
        return Standing(
            account_id=account_id,
            user=user,
            as_of=moment.as_of or self._clock(),
            known_at=moment.known_at or log.read_at,
            events=counted,
            orders=moment.counted(log.of(orders_unsettled(counted))),
        )


def shown(standing: Standing) -> Item:
    """An account as it stood, for readers: the members of /user/points, then the lots and events behind them."""
    account, as_of = folded(standing.account_id, standing.events), standing.as_of
    there = lots.unlapsed(account.parts, as_of)
    return {
        "user": standing.user,
        "available": account.available(as_of),
        "pending": lots.total(part for part in there if part.lot.is_pending(as_of)),
        "held": held(standing),
        # Below zero where an order that was imported later, dated before a debt arose, repaid that debt.
        "debt": max(account.debt, 0),
        "lifetime": msgspec.structs.asdict(account.lifetime),
        "next_expiry": _next_expiry(there),
        "position": standing.events[-1].position if standing.events else 0,
        "as_of": as_of,
        "known_at": standing.known_at,
        "lots": _lots(account, standing.events),
        "events": [_event(happened) for happened in standing.events],
    }


def folded(account_id: UUID, events: Sequence[Happened]) -> PointAccount:
    """The account that `events` make, by its own folds."""
    account = PointAccount.replay(PointAccount(account_id), (happened.recorded for happened in events))
    assert account is not None, "it began as one"
    return account


def orders_unsettled(events: Sequence[Happened]) -> list[UUID]:
    """The orders that took points and have neither earned nor given any back: those that may be pending."""
    redeemed = {h.event.order_id: None for h in events if isinstance(h.event, Redeemed)}
    settled = {h.event.order_id for h in events if isinstance(h.event, Earned | Restored)}
    return [order_id for order_id in redeemed if order_id not in settled]


def orders_pending(standing: Standing) -> set[UUID]:
    """The orders that took points and were neither paid nor failed: of those unsettled, all but the ones paid."""
    paid = {happened.stream for happened in standing.orders if isinstance(happened.event, OrderPaid)}
    return set(orders_unsettled(standing.events)) - paid


def held(standing: Standing) -> int:
    """The points that pending orders have taken."""
    pending = orders_pending(standing)
    redeemed = (happened.event for happened in standing.events if isinstance(happened.event, Redeemed))
    return sum(event.points for event in redeemed if event.order_id in pending)


def _next_expiry(there: Sequence[lots.Part]) -> Item | None:
    """What lapses first of parts in burn order, none of which has lapsed."""
    if not there:
        return None
    expires_at = there[0].lot.expires_at
    points = lots.total(part for part in there if part.lot.expires_at == expires_at)
    return {"points": points, "expires_at": expires_at}


def _lots(account: PointAccount, events: Sequence[Happened]) -> list[Item]:
    """Every lot there was, oldest first, those with nothing left, too."""
    left = {part.lot.id: part.points for part in account.parts}
    made = [(lot, happened.event) for happened in events for lot in lots_made(happened.event)]
    return [
        {
            "lot": lot.id,
            "points": lot.points,
            "remaining": left.get(lot.id, 0),
            "earned_at": lot.earned_at,
            "available_at": lot.available_at,
            "expires_at": lot.expires_at,
            "source": TYPES[type(event)],
            "reference": str(reference_of(event)),
        }
        for lot, event in made
    ]


def _event(happened: Happened) -> Item:
    return {
        "position": happened.position,
        "version": happened.version,
        "type": happened.type,
        "at": happened.event.at,
        "recorded_at": happened.recorded_at,
        "data": msgspec.Raw(happened.data.encode()),
    }
