"""What must hold after every step: all that the house serves is what the model says, and the money adds up.

A few statements look at all accounts at once.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Any
from uuid import UUID

from app.domain.order import Order
from app.domain.point_account import PointAccount
from app.eventstore.mapper import EventMapper
from app.projections.verify import read_models, verify
from app.wiring import House
from tests.machine.model import LONG_AGO, Model
from tests.machine.world import USERS, World

_BALANCES = """
SELECT b.account_id, b.balance, b.debt, b.earned, b.redeemed, b.restored, b.revoked, b.expired, b.adjusted,
    (SELECT coalesce(sum(remaining), 0)::bigint FROM lots l WHERE l.account_id = b.account_id),
    (SELECT coalesce(sum(points), 0)::bigint FROM transactions t WHERE t.account_id = b.account_id),
    coalesce((SELECT balance_after FROM transactions t WHERE t.account_id = b.account_id ORDER BY id DESC LIMIT 1), 0)
FROM balances b
"""

_LOTS = """
SELECT account_id, lot, points, remaining, earned_at, available_at, expires_at, source FROM lots
ORDER BY account_id, lot
"""

_LINES = """
SELECT account_id, type, points, created_at, balance_after, order_id, debt_repaid, debt_added FROM transactions
ORDER BY account_id, id
"""

_ORDERS = """
SELECT o.order_id, o.account_id, o.status, o.total, o.points_used, o.cash_due, o.points_earned, o.points_restored,
    o.points_revoked, o.cash_refunded, o.created_at, o.waiting_since, o.charge_id
FROM orders o ORDER BY o.order_id
"""

_BOOKS = """
SELECT order_id, CASE outcome WHEN 'voided' THEN 'declined' ELSE outcome END, amount_minor,
    (SELECT coalesce(sum(amount_minor), 0)::bigint FROM sandbox_refunds r WHERE r.order_id = c.order_id)
FROM sandbox_charges c ORDER BY order_id
"""


def same(what: str, found: Any, expected: Any) -> None:
    """Raise unless the house says what the model does; of two lists only what differs is told."""
    if found == expected:
        return
    if isinstance(found, list) and isinstance(expected, list):
        apart = [x for x in found if x not in expected], [x for x in expected if x not in found]
        found, expected = apart if any(apart) else (found, expected)
    raise AssertionError(f"{what}\n  house: {found}\n  model: {expected}")


def check_everything(world: World, house: House, model: Model) -> None:
    """Compare all, after a step."""
    _check_accounts(world, model)
    _check_orders(world, model)
    _check_money(world, model)
    _check_pages(house, model)
    _check_waiting(house, model)


def _check_waiting(house: House, model: Model) -> None:
    at = house.clock()
    overdue = {o.id for o in model.orders.values() if o.waits_since and (at - o.waits_since).days >= 3}
    counts = len(model.unsettled()), len(model.reviews | overdue)
    same("orders that wait, and that are up for review", house.unsettled.counts(at), counts)


def check_the_end(house: House, model: Model) -> None:
    """The report and the gateway's statement agree, and the log alone gives what was served all along."""
    _check_report(house, model)
    reconciled = house.reconcile(LONG_AGO)
    same("differences from the gateway's statement", reconciled.differences, [])
    charged = sum(outcome == "charged" for outcome in model.books.charges.values())
    same("charges and orders compared", (reconciled.charges, reconciled.orders), (charged, charged))
    mapper = house.mapper
    assert isinstance(mapper, EventMapper)
    same("read models against the log", verify(house.database, mapper, read_models(house.settings.zone)), [])
    for account in model.accounts.values():
        if account.is_open:
            (snapshot,) = house.loyalty.load((PointAccount, account.id))
            replayed = house.loyalty.at_version(PointAccount, account.id)
            same("a full replay", _facts(replayed), _facts(snapshot))
            same("the replayed balance", (replayed.balance, replayed.debt), (account.balance, account.debt))
    for order in model.orders.values():
        same("a replayed order", house.loyalty.at_version(Order, order.id).status, order.status)


def _check_report(house: House, model: Model) -> None:
    accounts = [account for account in model.accounts.values() if account.is_open]
    summary = house.daily.summary(None, None, 1)
    names = ("earned", "redeemed", "restored", "revoked", "expired", "adjusted")
    same(
        "the report",
        (summary["outstanding"]["points"], summary["debt"], *(summary[name] for name in names)),
        (
            sum(account.balance for account in accounts),
            sum(account.debt for account in accounts),
            *(sum(account.lifetime[name] for account in accounts) for name in names),
        ),
    )


def _facts(account: PointAccount) -> tuple[Any, ...]:
    return account.version, account.parts, account.lots_made, account.debt, account.lifetime


def _check_accounts(world: World, model: Model) -> None:
    accounts = sorted((a for a in model.accounts.values() if a.is_open), key=lambda a: a.id)
    rows = sorted(world.database.rows(_BALANCES))
    for account_id, balance, debt, *totals, in_lots, in_feed, last in rows:
        same("balance, lots, feed and its last line", [balance, in_lots, in_feed, last], [balance] * 4)
        if min(balance, debt, *totals[:-1]) < 0 or (balance and debt):
            raise AssertionError(f"below nothing, or both in debt and in funds: {account_id} {balance} {debt} {totals}")
    same("balances", [row[:9] for row in rows], [(a.id, a.balance, a.debt, *a.lifetime.values()) for a in accounts])
    expected = [
        (a.id, lot.id, lot.points, lot.left, lot.earned_at, lot.available_at, lot.expires_at, lot.source)
        for a in accounts
        for lot in a.lots
    ]
    same("lots", world.database.rows(_LOTS), expected)
    same("feed", world.database.rows(_LINES), [(a.id, *astuple(line)) for a in accounts for line in a.lines])


def _check_orders(world: World, model: Model) -> None:
    expected = [
        (
            o.id, o.account.id, o.status, o.total, o.used, o.cash, o.earned, o.restored, o.revoked, o.cash_back, o.at,
            o.waits_since,
        )
        for _, o in sorted(model.orders.items())
    ]  # fmt: skip
    rows = world.database.rows(_ORDERS)
    same("orders", [row[:-1] for row in rows], expected)
    charge_ids = {row[0]: row[-1] for row in rows}
    for order in model.orders.values():
        is_charged = order.cash and not order.is_imported and order.status not in ("pending", "failed")
        same("the order's charge", charge_ids[order.id], f"ch_{order.id.hex}" if is_charged else None)


def _check_money(world: World, model: Model) -> None:
    """Each charge is of one order that was paid, or of one that nobody knows the end of; and the other way round."""
    books: dict[UUID, tuple[str, int, int]] = {row[0]: row[1:] for row in world.database.rows(_BOOKS)}
    same("the gateway's charges", {order_id: row[0] for order_id, row in books.items()}, model.books.charges)
    for order in model.orders.values():
        outcome, amount, given_back = books.get(order.id, ("absent", order.cash, 0))
        if order.status == "pending":
            continue
        should = (
            "absent" if order.is_imported or not order.cash else "declined" if order.status == "failed" else "charged"
        )
        same(f"the charge of a {order.status} order", (outcome, amount), (should, order.cash))
        pending = order.pending_refund.cash if order.pending_refund else 0
        if given_back not in (order.cash_back, order.cash_back + pending):
            raise AssertionError(f"given back: {given_back}, by the order: {order.cash_back}, pending: {pending}")


def _check_pages(house: House, model: Model) -> None:
    at = house.clock()
    for user in USERS:
        account = model.accounts[user]
        next_expiry = account.next_expiry(at)
        expected = {
            "user": user,
            "available": account.available(at),
            "pending": account.pending(at),
            "held": sum(o.used for o in model.orders.values() if o.account is account and o.status == "pending"),
            "debt": account.debt,
            "lifetime": account.lifetime,
            "next_expiry": {"points": next_expiry[0], "expires_at": next_expiry[1]} if next_expiry else None,
        }
        found = house.accounts.points(user, at)
        found.pop("position")
        same(f"the points of {user}", found, expected)
