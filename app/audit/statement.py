"""An explanation in plain sentences, for people: a paragraph on the account, one a lot, one on debt.

Days are the programme's. What users wrote is quoted, and so are ids that could be read as more than a name, with every
character that cannot be printed made visible: nothing of theirs can steer a terminal or pass for words of ours.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from app.audit.explanation import Cause, Earning, Explanation, Making, Movement, TracedLot
from app.audit.money import amount

_MOMENT = timedelta(microseconds=1)

# A quotation of ours ends where we end it.
_QUOTES = str.maketrans("“”", "''")

_PLAIN_ID = re.compile(r"[\w.@+-]+")


def statement(explanation: Explanation, unpaid: Collection[UUID], zone: ZoneInfo) -> list[str]:
    """The paragraphs; `unpaid` are the orders that took points and were not paid, or not yet."""
    days = Days(zone)
    owed = [_debt(explanation, days)] if explanation.debts else []
    return [_account(explanation, days), *(_lot(lot, unpaid, days) for lot in explanation.lots), *owed]


def as_name(user_id: str) -> str:
    """A user id as it stands among words of ours: one that could be read as more than a name is quoted."""
    return user_id if _PLAIN_ID.fullmatch(user_id) else quoted(user_id)


def printable(text: str) -> str:
    """`text` on one line, and what cannot be printed of it as an escape."""
    return "".join(
        c if c.isprintable() else " " if c.isspace() else c.encode("unicode_escape").decode("ascii") for c in text
    )


class Days:
    """Instants as the programme's calendar has them, in words."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def day(self, at: datetime) -> str:
        """Such as 1 March 2026."""
        local = at.astimezone(self._zone)
        return f"{local.day} {local:%B} {local.year}"

    def moment(self, at: datetime) -> str:
        """Such as 1 March 2026 at 09:30."""
        return f"{self.day(at)} at {at.astimezone(self._zone):%H:%M}"

    def end(self, at: datetime) -> str:
        """From when on something is over: most often at the end of a day."""
        last = self.last(at)
        return f"on {last}" if last == self.moment(at) else f"at {last}"

    def last(self, at: datetime) -> str:
        """Until when something lasts: most often the end of a day."""
        before = at - _MOMENT
        is_midnight = before.astimezone(self._zone).date() < at.astimezone(self._zone).date()
        return f"the end of {self.day(before)}" if is_midnight else self.moment(at)

    @property
    def name(self) -> str:
        return str(self._zone)


def _account(explanation: Explanation, days: Days) -> str:
    who = as_name(explanation.user) if explanation.user else f"the account {explanation.account_id}"
    said = [f"As of {days.moment(explanation.as_of)} ({days.name}), {who} can spend {points(explanation.available)}."]
    if explanation.pending:
        said.append(f"{count(explanation.pending, 'more is', 'more are')} pending.")
    if explanation.lapsed:
        said.append(f"{count(explanation.lapsed, 'more has', 'more have')} lapsed, yet to be swept.")
    if explanation.debt:
        said.append(f"{_are(explanation.debt)} owed.")
    return " ".join(said)


def _lot(lot: TracedLot, unpaid: Collection[UUID], days: Days) -> str:
    moves = [f"{abs(move.points)} {_movement(move, lot, unpaid, days)}." for move in lot.movements]
    return " ".join([f"Lot {lot.lot}: {_making(lot, days)}", *moves, _rest(lot, days)])


def _making(lot: TracedLot, days: Days) -> str:
    made = lot.trace[0]
    if made.parent is not None:
        said = f"{_came(lot.points)} back on {days.day(made.at)}, when {_undone(made)}."
        they = "It" if lot.points == 1 else "They"
        return f"{said} {they} had been taken from lot {made.parent}, which had lapsed by then."
    if made.earning is not None:
        said = f"{_were(made.points)} earned on {days.day(made.at)} {_earned(made, made.earning)}."
    else:
        said = f"{_were(made.points)} given by {_actor(made)} on {days.day(made.at)}{_why(made)}."
    return f"{said} {made.debt_repaid} of them repaid debt." if made.debt_repaid else said


def _earned(made: Making, earning: Earning) -> str:
    rule, currency = earning.rule, earning.currency
    of = "the total" if rule.earn_on == "total" else f"the {amount(earning.amount, currency)} that points did not pay"
    cap = f", but no more than {rule.max_earn_per_order} an order" if earning.is_capped else ""
    return (
        f"with order {made.order_id} of {amount(earning.total, currency)}{_why(made)}: {points(rule.earn_points)}"
        f" for each {amount(rule.earn_per_amount, currency)} of {of}{cap}, under rule version {earning.rule_version}"
    )


def _movement(move: Movement, lot: TracedLot, unpaid: Collection[UUID], days: Days) -> str:
    """What became of some points of a lot, after their number."""
    were = "was" if abs(move.points) == 1 else "were"
    day = days.day(move.at)
    match move.type:
        case "use":
            return f"{'went to' if move.order_id in unpaid else 'paid for'} order {move.order_id} on {day}"
        case "restore":
            return f"came back on {day}, when {_undone(move)}"
        case "revoke":
            return f"{were} taken back on {day}, when {_undone(move)}"
        case "expire":
            return f"lapsed {days.end(lot.expires_at)}"
    return f"{were} taken by {_actor(move)} on {day}{_why(move)}"


def _rest(lot: TracedLot, days: Days) -> str:
    end, is_one = days.end(lot.expires_at), lot.remaining == 1
    left = count(lot.remaining, "is left", "are left")
    lapse = "lapses" if is_one else "lapse"
    match lot.state:
        case "empty":
            return "Nothing is left."
        case "lapsed":
            return f"{left}, which lapsed {end} and {'waits' if is_one else 'wait'} to be swept."
        case "pending":
            return f"{left}, can be spent from {days.moment(lot.available_at)} on and {lapse} {end}."
    return f"{left} and {lapse} {end}."


def _debt(explanation: Explanation, days: Days) -> str:
    said = []
    for change in explanation.debts:
        on = f"on {days.day(change.at)}"
        if change.points > 0:
            them = "it" if change.points == 1 else "them"
            said.append(f"{change.points} became owed {on}, when {_undone(change)}, which had earned {them}.")
        else:
            said.append(f"{count(-change.points, 'was', 'were')} repaid {on} by {_repayer(change)}.")
    said.append(f"{_are(explanation.debt)} owed.")
    # As of a day before a debt arose, where an order was imported after it that was paid by that day.
    too_much = explanation.debt - sum(change.points for change in explanation.debts)
    if too_much:
        said.append(f"{too_much} of what was repaid became owed only later.")
    return " ".join(["Debt:", *said])


def _repayer(change: Movement) -> str:
    match change.type:
        case "earn":
            return f"what order {change.order_id} earned"
        case "restore":
            return f"what came back when {_undone(change)}"
    return f"what {_actor(change)} gave{_why(change)}"


def _undone(cause: Cause) -> str:
    order = f"order {cause.order_id}"
    return f"{order} was refunded{_why(cause)}" if cause.refund_id else f"{order} was not paid"


def _actor(cause: Cause) -> str:
    return as_name(cause.actor) if cause.actor else "somebody who was forgotten"


def _why(cause: Cause) -> str:
    """The reason given, in quotes; nothing where there is none any more."""
    return f" ({quoted(cause.reason)})" if cause.reason else ""


def quoted(text: str) -> str:
    """What a person wrote, among words of ours."""
    return f"“{printable(text).translate(_QUOTES)}”"


def count(number: int, one: str, more: str) -> str:
    """A number with the word that goes with it."""
    return f"{number} {one if number == 1 else more}"


def points(number: int) -> str:
    """Such as 1 point, 20 points."""
    return count(number, "point", "points")


def _were(number: int) -> str:
    return count(number, "point was", "points were")


def _are(number: int) -> str:
    return count(number, "point is", "points are")


def _came(number: int) -> str:
    return count(number, "point came", "points came")
