"""An account's book: the invariants of DOMAIN that a member's points must keep, whoever wrote the events.

It follows an account event by event, by the domain's own folds, and stops at the first that does not fit. It decides
nothing by rules of the programme: what an event says was decided when it was written.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from app.audit.findings import MAX_NUMBER, require
from app.domain import lots
from app.domain.account_events import (
    AccountEvent,
    Adjusted,
    Earned,
    Expired,
    Opened,
    PointAccountState,
    Redeemed,
    Restored,
    Revoked,
)
from app.domain.aggregate import Recorded
from app.domain.lots import Lot, Part
from app.domain.point_account import PointAccount


class _Movement(NamedTuple):
    """What an account event does, whatever its kind. `change` is what it says that it gives or takes."""

    change: int
    taken: Sequence[Part] = ()
    returned: Sequence[Part] = ()
    made: Sequence[Lot] = ()
    repaid: int = 0
    added: int = 0


class AccountBook(msgspec.Struct, tag="account"):
    """An account's state, by the domain's own folds."""

    state: PointAccountState | None = None

    def follow(self, recorded: Recorded) -> None:
        """Go on by the account's next event. Raises Broken."""
        event = recorded.event
        require(isinstance(event, AccountEvent), "it is not an event of an account")
        require(isinstance(event, Opened) == (self.state is None), "an account is opened once, before all else")
        account = PointAccount(recorded.originator_id)
        if self.state:
            PointAccount.replay(account, [Recorded(account.id, account.version, self.state)])
        _refuse(_movement(event), account)
        PointAccount.replay(account, [recorded])
        _check(event, account)
        self.state = account.state()


def _movement(event: Any) -> _Movement:
    match event:
        case Earned():
            return _Movement(event.points, made=_lots(event.lot), repaid=event.debt_repaid)
        case Redeemed() | Expired():
            return _Movement(-event.points, event.taken)
        case Restored():
            return _Movement(event.points, (), event.returned, event.made, event.debt_repaid)
        case Revoked():
            return _Movement(-event.points, event.taken, added=event.debt_added)
        case Adjusted():
            return _Movement(event.points, event.taken, (), _lots(event.lot), event.debt_repaid)
    return _Movement(0)


def _lots(lot: Lot | None) -> tuple[Lot, ...]:
    return (lot,) if lot else ()


def _refuse(moved: _Movement, account: PointAccount) -> None:
    """What an event says of points, lots and debt must agree with itself and with the account before it."""
    change, taken, returned, made, repaid, added = moved
    gained = lots.total(returned) + sum(lot.points for lot in made) + repaid
    require(change == gained - lots.total(taken) - added, "its points are not the sum of its lots and debt")
    require(not (gained and (taken or added)), "it gives and takes at once")
    require(repaid == min(account.debt, max(change, 0)), "it does not repay the debt as it should")
    require(added >= 0, "it adds less than nothing to the debt")
    held = {part.lot.id: part for part in account.parts} if taken or returned else {}
    _refuse_parts(taken, held, "takes")
    for part in taken:
        require(part.lot.id in held, "it takes from a lot that holds nothing")
        require(part.points <= held[part.lot.id].points, "it takes more from a lot than that holds")
    _refuse_parts(returned, held, "returns")
    for part in returned:
        there = held[part.lot.id].points if part.lot.id in held else 0
        require(1 <= part.lot.id <= account.lots_made, "it returns points to a lot that was never made")
        require(there + part.points <= part.lot.points, "it returns more to a lot than that was made with")
    numbers = [lot.id for lot in made]
    require(numbers == [account.lots_made + n for n in range(1, len(made) + 1)], "its lots are not the next in number")
    require(all(lot.points >= 1 for lot in made), "it makes a lot of nothing")


def _refuse_parts(parts: Sequence[Part], held: dict[int, Part], does: str) -> None:
    require(len({part.lot.id for part in parts}) == len(parts), f"it {does} points of one lot twice")
    require(all(part.points >= 1 for part in parts), f"it {does} nothing, or less, of a lot")
    for part in parts:
        if part.lot.id in held:
            require(part.lot == held[part.lot.id].lot, "it names a lot otherwise than that was made")


def _check(event: AccountEvent, account: PointAccount) -> None:
    """What the account is after an event."""
    balance, life = account.balance, account.lifetime
    require(event.balance == balance, f"it says a balance of {event.balance}, and the lots hold {balance}")
    require(not (account.debt and balance), "there is debt beside a balance")
    require(max(map(abs, msgspec.structs.astuple(life))) <= MAX_NUMBER, "it comes to more points than there can be")
    lifetime = life.earned - life.redeemed + life.restored - life.revoked - life.expired + life.adjusted
    require(lifetime == balance - account.debt, "lifetime totals and balance disagree")
