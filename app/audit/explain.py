"""Explain: every point of a balance traced to its order or adjustment, and every other one to where it went.

It reads the log alone, but for what events only name: texts of reasons, and users.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID
from zoneinfo import ZoneInfo

import msgspec

from app.audit.explanation import Earning, Explanation, OrderItem, TracedLot
from app.audit.history import NOW, History, Moment, Standing, folded, orders_pending
from app.audit.lineage import Facts, debts, traced_lots
from app.audit.log_view import Happened, view_of_log
from app.audit.statement import statement
from app.database import Database
from app.domain.account_events import Earned, Restored
from app.domain.order_events import OrderPlaced
from app.domain.programme import PROGRAMME_ID, Programme
from app.eventstore.mapper import EventMapper
from app.registers.directory import PostgresDirectory


class Explanations:
    """Explains any account at any moment."""

    def __init__(
        self, database: Database, mapper: EventMapper, directory: PostgresDirectory, history: History, zone: ZoneInfo
    ) -> None:
        self._database = database
        self._mapper = mapper
        self._directory = directory
        self._history = history
        self._zone = zone

    def of(self, name: str, moment: Moment = NOW) -> Explanation | None:
        """The account of a user, or of an account id; None for one that never was."""
        account_id, user = self._history.named(name)
        if account_id is None:
            return None
        with view_of_log(self._database, self._mapper) as log:
            standing = self._history.standing(log, account_id, user, moment)
            if standing is None:
                return None
            placed = _placed(log.of(_orders_that_earned(standing.events)))
            programme = Programme.replay(Programme(), (h.recorded for h in log.of([PROGRAMME_ID])))
        assert programme is not None, "it begins with its defaults"
        return explained(standing, self._facts(standing.events, placed, programme), self._zone)

    def _facts(self, events: Sequence[Happened], placed: Mapping[UUID, OrderPlaced], programme: Programme) -> Facts:
        reasons = self._directory.reasons_of(_named(events, "reason_id", "refund_id", "order_id"))
        people = self._directory.users_of(_named(events, "actor_id"))
        return LoggedFacts(reasons, people, placed, programme)


class LoggedFacts:
    """What events refer to, as it was found."""

    def __init__(
        self,
        reasons: Mapping[UUID, str],
        people: Mapping[UUID, str | None],
        placed: Mapping[UUID, OrderPlaced],
        programme: Programme,
    ) -> None:
        self._reasons = reasons
        self._people = people
        self._placed = placed
        self._programme = programme

    def reason(self, reason_id: UUID | None) -> str | None:
        """A reason's text; one that was blanked is none."""
        return (self._reasons.get(reason_id) or None) if reason_id else None

    def person(self, person_id: UUID | None) -> str | None:
        return self._people.get(person_id) if person_id else None

    def earning(self, earned: Earned) -> Earning:
        """The arithmetic of DOMAIN rule 1, at the order's own rule version."""
        placed, rule = self._placed[earned.order_id], self._programme.numbered(earned.rule_version).rule
        amount = placed.cash_due_minor if rule.earn_on == "cash" else placed.total_minor
        uncapped = rule.earn_points * (amount // rule.earn_per_amount)
        return Earning(
            total=placed.total_minor,
            points_used=placed.points_used,
            cash_due=placed.cash_due_minor,
            currency=placed.currency,
            items=[
                OrderItem(
                    product_id=line.product_id,
                    name=line.name,
                    quantity=line.quantity,
                    unit_price=line.unit_price_minor,
                )
                for line in placed.lines
            ],
            rule_version=earned.rule_version,
            rule=rule,
            amount=amount,
            uncapped=uncapped,
            is_capped=uncapped > rule.max_earn_per_order,
            points=earned.points,
        )


def explained(standing: Standing, facts: Facts, zone: ZoneInfo) -> Explanation:
    """An account as it stood, explained."""
    account = folded(standing.account_id, standing.events)
    lots = traced_lots(standing.events, standing.as_of, facts)
    explanation = Explanation(
        user=standing.user,
        account_id=standing.account_id,
        as_of=standing.as_of,
        known_at=standing.known_at,
        available=_left(lots, "available"),
        pending=_left(lots, "pending"),
        lapsed=_left(lots, "lapsed"),
        balance=sum(lot.remaining for lot in lots),
        debt=max(account.debt, 0),
        lifetime=account.lifetime,
        position=standing.events[-1].position if standing.events else 0,
        lots=lots,
        debts=debts(standing.events, facts),
        statement=[],
    )
    unpaid = orders_pending(standing) | _orders_that_failed(standing.events)
    return msgspec.structs.replace(explanation, statement=statement(explanation, unpaid, zone))


def _left(lots: Iterable[TracedLot], state: str) -> int:
    return sum(lot.remaining for lot in lots if lot.state == state)


def _named(events: Iterable[Happened], *fields: str) -> list[UUID]:
    """The ids that events hold in these fields, those that have them."""
    found = (getattr(happened.event, field, None) for happened in events for field in fields)
    return list({each for each in found if each})


def _orders_that_earned(events: Iterable[Happened]) -> list[UUID]:
    return [happened.event.order_id for happened in events if isinstance(happened.event, Earned)]


def _orders_that_failed(events: Iterable[Happened]) -> set[UUID]:
    """Those whose points came back, and not by a refund."""
    restored = (happened.event for happened in events if isinstance(happened.event, Restored))
    return {event.order_id for event in restored if event.refund_id is None}


def _placed(orders: Iterable[Happened]) -> dict[UUID, OrderPlaced]:
    return {happened.stream: happened.event for happened in orders if isinstance(happened.event, OrderPlaced)}
