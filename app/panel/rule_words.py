"""A rule in plain sentences, what changed against another, and a worked example of one. Pure: no database, no clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from app.audit.money import amount, grouped
from app.audit.statement import Days, count, points
from app.domain import calendar
from app.domain.rules import Rule

NAMES = {
    "earn_points": "Points earned",
    "earn_per_amount": "For each",
    "earn_on": "Of",
    "max_earn_per_order": "Most points that an order earns",
    "point_value": "A point pays",
    "min_redeem_per_order": "Fewest points that an order takes",
    "max_redeem_per_order": "Most points that an order takes",
    "pending_days": "Days until they can be spent",
    "expiry_months": "Months until they expire",
    "restore_grace_days": "Days that expired points live which a refund brings back",
}
"""Each field of a rule as forms and lists name it, in the order in which people think of them."""

EARN_ON = {"total": "the total", "cash": "what is paid by card"}

MONEY = ("earn_per_amount", "point_value")
"""The fields that are amounts of money; all others but `earn_on` are counts."""


class Change(NamedTuple):
    """A field that says something else than it did."""

    name: str
    before: str
    after: str


def sentences(rule: Rule, currency: str) -> list[str]:
    """What a rule means for members."""
    return [_earning(rule, currency), _spending(rule, currency), _life(rule)]


def changes(before: Rule, after: Rule, currency: str) -> list[Change]:
    """Field by field, what `after` says otherwise."""
    return [
        Change(
            name, _written(field, getattr(before, field), currency), _written(field, getattr(after, field), currency)
        )
        for field, name in NAMES.items()
        if getattr(before, field) != getattr(after, field)
    ]


def worked(rule: Rule, total_minor: int, used: int, at: datetime, zone: ZoneInfo, currency: str) -> list[str]:
    """What becomes of an order of `total_minor` with `used` points, of a member who has so many.

    Raises what an order that may not take them is refused with.
    """
    rule.refuse_points(used, total_minor, available=used)
    cash = rule.cash_due(total_minor, used)
    earned = rule.points_to_earn(total_minor, cash)
    card = f"{amount(cash, currency)} is due by card"
    if used:
        said = [f"{points(used)} {_verb(used, 'pays', 'pay')} {amount(total_minor - cash, currency)}; {card}."]
    else:
        said = [f"{card}."]
    if not earned:
        return [*said, "It earns no points."]
    days, ripe = Days(zone), calendar.ripening(at, rule.pending_days)
    spent = f"from {days.moment(ripe)} on" if ripe > at else "at once"
    until = days.end(calendar.expiry(at, rule.expiry_months, zone))
    worth = amount(earned * rule.point_value, currency)
    return [*said, f"It earns {points(earned)}, worth {worth}. They can be spent {spent} and expire {until}."]


def _earning(rule: Rule, currency: str) -> str:
    if not rule.earn_points or not rule.max_earn_per_order:
        return "Orders earn no points."
    each = amount(rule.earn_per_amount, currency)
    most = grouped(rule.max_earn_per_order, currency)
    return f"{points(rule.earn_points)} for each {each} of {EARN_ON[rule.earn_on]}, at most {most} an order."


def _spending(rule: Rule, currency: str) -> str:
    pays = f"A point pays {amount(rule.point_value, currency)}"
    if not rule.max_redeem_per_order:
        return f"{pays}, but orders take none."
    fewest, most = (grouped(n, currency) for n in (rule.min_redeem_per_order, rule.max_redeem_per_order))
    return f"{pays}; an order takes {fewest} to {most} of them, or none."


def _life(rule: Rule) -> str:
    ripe = f"{count(rule.pending_days, 'day', 'days')} after they were earned" if rule.pending_days else "at once"
    expire = f"{count(rule.expiry_months, 'month', 'months')} after they were earned"
    grace = f"for {count(rule.restore_grace_days, 'more day', 'more days')}" if rule.restore_grace_days else "that day"
    return (
        f"Points can be spent {ripe} and expire {expire}, at the end of the day."
        f" Those that come back after that live {grace}."
    )


def _written(field: str, value: Any, currency: str) -> str:
    write: Callable[[Any, str], str] = amount if field in MONEY else grouped
    return EARN_ON[value] if field == "earn_on" else write(value, currency)


def _verb(number: int, one: str, more: str) -> str:
    return one if number == 1 else more
