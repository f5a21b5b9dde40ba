"""What holds for every history of an account, whatever was asked of it and in whichever order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from app.domain.account_events import AccountEvent, Earned, Expired, Restored, Revoked
from app.domain.point_account import PointAccount
from app.eventstore.merging import Merges
from app.projections import balances, lots, transactions
from app.projections.folding import EventFold, Positioned
from tests.domain.histories import IN_DEBT, Command, History, commands, played
from tests.support.given import ID, numbered, remembered

histories = settings(max_examples=150, deadline=None)


@histories
@given(commands)
def test_lots_balance_and_events_agree_after_every_command(commands: list[Command]) -> None:
    history = History()
    for command in commands:
        history.play(command)
        account = history.account
        assert account.balance == sum(part.points for part in account.parts)
        assert all(0 < part.points <= part.lot.points for part in account.parts)
        assert [part.lot for part in account.parts] == sorted(
            (part.lot for part in account.parts), key=lambda lot: lot.burn_key
        )
        assert account.debt >= 0
        assert account.balance == 0 or account.debt == 0
        assert 0 <= account.available(history.at) <= account.balance


@histories
@given(commands)
def test_every_event_says_the_balance_that_it_left(commands: list[Command]) -> None:
    history = played(commands)
    account = history.replayed(0)
    for recorded in numbered((history.start, *history.events))[1:]:
        PointAccount.replay(account, [recorded])
        assert recorded.event.balance == account.balance


@histories
@given(commands)
def test_lifetime_totals_and_debt_account_for_every_point(commands: list[Command]) -> None:
    account = played(commands).account
    total = account.lifetime
    credits = total.earned + total.restored + total.adjusted
    debits = total.redeemed + total.expired + total.revoked
    assert account.balance - account.debt == credits - debits


@histories
@given(commands)
def test_a_replay_gives_the_account_as_it_was(commands: list[Command]) -> None:
    history = played(commands)
    assert remembered(history.replayed()) == remembered(history.account)


@histories
@given(commands, st.data())
def test_a_snapshot_and_the_events_since_give_the_account_as_it_was(
    commands: list[Command], data: st.DataObject
) -> None:
    history = played([("give", 100, 5), *commands])
    count = data.draw(st.integers(1, len(history.events)))
    assert remembered(history.resumed(count)) == remembered(history.account)


@histories
@given(commands)
def test_nobody_takes_more_than_was_made(commands: list[Command]) -> None:
    history = played(commands)
    made: Counter[int] = Counter()
    taken: Counter[int] = Counter()
    for event in history.events:
        new = [getattr(event, "lot", None), *getattr(event, "made", ())]
        made.update({lot.id: lot.points for lot in new if lot})
        taken.update({part.lot.id: part.points for part in getattr(event, "taken", ())})
        taken.subtract({part.lot.id: part.points for part in getattr(event, "returned", ())})
        assert all(0 <= taken[lot] <= made[lot] for lot in taken)
    left = {part.lot.id: part.points for part in history.account.parts}
    assert left == {lot: made[lot] - taken[lot] for lot in made if made[lot] > taken[lot]}


@histories
@given(commands, st.integers(1, 9))
def test_the_read_models_say_what_the_account_says(commands: list[Command], batch: int) -> None:
    history = played(commands)
    account = history.account
    events = [Positioned(n, ID, event) for n, event in enumerate(history.events, start=1)]

    feed = [row for merges in folded(transactions.fold, events, batch) for _, rows in merges for row in rows]
    assert len(feed) == len(history.events)
    assert sum(line[3] for line in feed) == account.balance
    assert [line[9] for line in feed] == [event.balance for event in history.events]

    assert lots_left(folded(lots.fold, events, batch)) == {part.lot.id: part.points for part in account.parts}

    summed = balances_row(folded(balances.fold, events, batch))
    if history.events:
        assert (summed["balance"], summed["debt"]) == (account.balance, account.debt)
        for name in ("earned", "redeemed", "restored", "revoked", "expired", "adjusted"):
            assert summed[name] == getattr(account.lifetime, name)


def of(history: History, kind: type[AccountEvent]) -> list[Any]:
    """A history's events of one kind."""
    return [event for event in history.events if isinstance(event, kind)]


CORNERS: dict[str, Callable[[History], bool]] = {
    "debt": lambda history: history.account.debt > 0,
    "debt repaid by an order": lambda history: any(event.debt_repaid for event in of(history, Earned)),
    "debt repaid by a restore": lambda history: any(event.debt_repaid for event in of(history, Restored)),
    "lots made anew": lambda history: any(event.made for event in of(history, Restored)),
    "several lots revoked": lambda history: any(len(event.taken) > 1 for event in of(history, Revoked)),
    "a sweep, then debt": lambda history: any(
        isinstance(before, Expired) and isinstance(event, Revoked) and event.debt_added
        for before, event in pairwise(history.events)
    ),
}


@pytest.mark.parametrize("corner", CORNERS)
def test_the_histories_get_into_every_corner(corner: str) -> None:
    only_once = settings(phases=[Phase.generate], max_examples=1000, deadline=None)
    find(commands, lambda commands: CORNERS[corner](played(commands)), settings=only_once)


def test_a_history_may_begin_in_debt() -> None:
    assert (played(IN_DEBT).account.debt, played(IN_DEBT).account.balance) == (130, 0)


def folded(fold: EventFold, events: list[Positioned], batch: int) -> list[Merges]:
    """What a fold asks to be written, `batch` events at a time."""
    return [fold(events[n : n + batch]) for n in range(0, len(events), batch)]


def lots_left(batches: list[Merges]) -> dict[int, int]:
    """The lots with something left, after the merges of `batches` as their SQL says them."""
    left: dict[tuple[UUID, int], int] = {}
    most: dict[tuple[UUID, int], int] = {}
    for merges in batches:
        for merge, rows in merges:
            for account_id, lot, points, *rest in rows:
                key = (account_id, lot)
                if merge.name == "lots_made":
                    assert key not in left
                    left[key], most[key] = rest[0], points
                else:
                    left[key] += points
                assert 0 <= left[key] <= most[key]
    return {lot: points for (_, lot), points in left.items() if points}


def balances_row(batches: list[Merges]) -> dict[str, int]:
    """The account's one row, after the merges of `batches` as their SQL says them."""
    row: dict[str, Any] = {}
    for merges in batches:
        for merge, rows in merges:
            for new in (dict(zip(merge.columns, row, strict=True)) for row in rows):
                kept = ("account_id", "opened_at", "position", "balance")
                row = new | {name: row.get(name, 0) + new[name] for name in new if name not in kept}
    return row
