"""The books once all is settled: what must be true of the log, the read models and the gateway's own tables together.

It judges from the events themselves and from what the gateway wrote down. Of the read models it believes only that
they are to equal the log.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from app.domain.account_events import AccountEvent
from app.domain.order_events import (
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    PaymentFailed,
    RefundFailed,
    RefundRequested,
)
from app.domain.programme import RulesChanged
from app.wiring import House
from tests.support.shop import Shop

SIGNS = {"Opened": 0, "Earned": 1, "Redeemed": -1, "Restored": 1, "Revoked": -1, "Expired": -1, "Adjusted": 1}
"""How each account event's points count."""


@dataclass
class Trace:
    """What the log holds of one order: its own events, and what it did to its member's points."""

    events: list[Any] = field(default_factory=list)
    names: Counter[str] = field(default_factory=Counter)
    points: Counter[str] = field(default_factory=Counter)

    def of(self, *kinds: type) -> list[Any]:
        """The order's own events of these kinds."""
        return [event for event in self.events if isinstance(event, kinds)]


@dataclass
class Log:
    """All events, by what they are about."""

    orders: dict[UUID, Trace] = field(default_factory=lambda: defaultdict(Trace))
    accounts: dict[UUID, list[AccountEvent]] = field(default_factory=lambda: defaultdict(list))


def read(house: House) -> Log:
    """The whole log."""
    log = Log()
    rows = house.database.rows("SELECT originator_id, originator_version, topic, state FROM events ORDER BY position")
    for stream, version, topic, state in rows:
        event = house.mapper.to_domain_event(StoredEvent(stream, version, topic, state.encode())).event
        name = type(event).__name__
        if isinstance(event, AccountEvent):
            log.accounts[stream].append(event)
            cause = getattr(event, "order_id", None)
            if cause is not None:
                log.orders[cause].names[name] += 1
                log.orders[cause].points[name] += event.points  # type: ignore[attr-defined]
        elif not isinstance(event, RulesChanged):
            log.orders[stream].events.append(event)
            log.orders[stream].names[name] += 1
    return log


def wrongs(house: House) -> list[str]:
    """A sentence for each thing that is not as it must be when nothing is under way. None is good news."""
    log = read(house)
    return [
        *Shop(house).differences(),
        *(f"order {order_id}: {wrong}" for order_id, trace in log.orders.items() for wrong in _of_order(trace)),
        *_of_accounts(house, log),
        *_at_the_gateway(house, log),
    ]


def _of_order(trace: Trace) -> Iterator[str]:
    """Placed once, settled once; its points moved as the order itself says, and each once."""
    if trace.names["OrderPlaced"] != 1:
        yield f"placed {trace.names['OrderPlaced']} times"
        return
    (placed,) = trace.of(OrderPlaced)
    settled = len(trace.of(OrderPaid, PaymentFailed))
    if settled != 1:
        yield f"settled {settled} times"
    refunds = trace.of(OrderRefunded)
    asked = sorted(event.refund_id for event in trace.of(RefundRequested))
    answered = sorted(event.refund_id for event in trace.of(OrderRefunded, RefundFailed))
    if asked != answered:
        yield f"refunds {asked} were answered as {answered}"
    meant = {
        "Redeemed": placed.points_used,
        "Earned": sum(event.points_earned for event in trace.of(OrderPaid)),
        "Restored": sum(event.points_restored for event in (*trace.of(PaymentFailed), *refunds)),
        "Revoked": sum(event.points_revoked for event in refunds),
    }
    for name, points in meant.items():
        if trace.points[name] != points:
            yield f"{name} {trace.points[name]} points, not {points}"
    for name in ("Redeemed", "Earned"):
        if trace.names[name] > 1:
            yield f"{name} {trace.names[name]} times"
    if trace.of(PaymentFailed) and trace.points["Restored"] != placed.points_used:
        yield "failed, and kept points"


def _of_accounts(house: House, log: Log) -> Iterator[str]:
    """No point is minted or lost: what came in less what went out is the balance less the debt, and lies in lots."""
    lots = dict(house.database.rows("SELECT account_id, sum(remaining)::bigint FROM lots GROUP BY account_id"))
    for account_id, events in log.accounts.items():
        moved = sum(SIGNS[type(event).__name__] * getattr(event, "points", 0) for event in events)
        debt = sum(getattr(event, "debt_added", 0) - getattr(event, "debt_repaid", 0) for event in events)
        balance = events[-1].balance
        if not moved + debt == balance == lots.get(account_id, 0) or min(balance, debt) < 0:
            yield f"account {account_id}: {moved=}, {debt=}, {balance=}, in lots {lots.get(account_id, 0)}"
    for (account_id,) in house.database.rows("SELECT account_id FROM orders WHERE status = 'pending'"):
        yield f"account {account_id}: points are held"


def _at_the_gateway(house: House, log: Log) -> Iterator[str]:
    """Each charge is that of one paid order, each refund of the gateway's is one of ours, to the last paisa."""
    charged = {
        order_id: (charge_id, amount)
        for order_id, charge_id, amount in house.database.rows(
            "SELECT order_id, charge_id, amount_minor FROM sandbox_charges WHERE outcome = 'charged'"
        )
    }
    given_back = dict(house.database.rows("SELECT refund_id, amount_minor FROM sandbox_refunds"))
    events = [(order_id, event) for order_id, trace in log.orders.items() for event in trace.events]
    paid = {order_id: (e.charge_id, e.cash_minor) for order_id, e in events if isinstance(e, OrderPaid) and e.charge_id}
    refunded = {e.refund_id: e.cash_minor for _, e in events if isinstance(e, OrderRefunded) and e.cash_minor}
    for ours, theirs, what in ((paid, charged, "charge of order"), (refunded, given_back, "refund")):
        for key in sorted({*ours, *theirs}):
            if ours.get(key) != theirs.get(key):
                yield f"{what} {key}: {ours.get(key)} by our books, {theirs.get(key)} by the gateway's"
