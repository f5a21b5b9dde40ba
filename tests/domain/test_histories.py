"""What holds for every history of an account, whatever was asked of it and in whichever order."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from app.domain.lots import Lot
from app.eventstore.merging import Merges
from app.projections import balances, lots, transactions
from app.projections.folding import EventFold, Positioned
from tests.domain.histories import Command, History, commands, debts, played
from tests.support.given import ID, remembered

histories = settings(max_examples=150, deadline=None)


@histories
@given(commands, debts)
def test_lots_balance_and_events_agree_after_every_command(commands: list[Command], debt: int) -> None:
    history = History(debt)
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
        assert all(event.balance == state_balance(state) for event, state in zip_last(history))


@histories
@given(commands, debts)
def test_lifetime_totals_and_debt_account_for_every_point(commands: list[Command], debt: int) -> None:
    account = played(commands, debt).account
    total = account.lifetime
    credits = total.earned + total.restored + total.adjusted
    debits = total.redeemed + total.expired + total.revoked
    assert account.balance - account.debt == credits - debits


@histories
@given(commands, debts)
def test_a_replay_gives_the_account_as_it_was(commands: list[Command], debt: int) -> None:
    history = played(commands, debt)
    assert remembered(history.replayed()) == remembered(history.account)


@histories
@given(commands, debts, st.data())
def test_a_snapshot_and_the_events_since_give_the_account_as_it_was(
    commands: list[Command], debt: int, data: st.DataObject
) -> None:
    history = played([("give", 100, 5), *commands], debt)
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
@given(commands, debts, st.integers(1, 9))
def test_the_read_models_say_what_the_account_says(commands: list[Command], debt: int, batch: int) -> None:
    history = played(commands, debt)
    account = history.account
    events = [Positioned(n, ID, event) for n, event in enumerate(history.events, start=1)]

    feed = [row for merges in folded(transactions.fold, events, batch) for _, rows in merges for row in rows]
    assert len(feed) == len(history.events)
    assert sum(line[3] for line in feed) == account.balance
    assert [line[9] for line in feed] == [event.balance for event in history.events]

    assert lots_left(history.before, folded(lots.fold, events, batch)) == {
        part.lot.id: part.points for part in account.parts
    }

    summed = balances_row(folded(balances.fold, events, batch))
    started = history.replayed(0)
    if history.events:
        assert summed["balance"] == account.balance
        assert summed["debt"] == account.debt - started.debt
        for name in ("earned", "redeemed", "restored", "revoked", "expired", "adjusted"):
            assert summed[name] == getattr(account.lifetime, name) - getattr(started.lifetime, name)


def zip_last(history: History) -> list[tuple[Any, Any]]:
    """The last event and the state after it, if there is one: earlier ones were looked at in their turn."""
    return list(zip(history.events[-1:], history.states[-1:], strict=True))


def state_balance(state: Any) -> int:
    return sum(part.points for part in state.parts)


def folded(fold: EventFold, events: list[Positioned], batch: int) -> list[Merges]:
    """What a fold asks to be written, `batch` events at a time."""
    return [fold(events[n : n + batch]) for n in range(0, len(events), batch)]


def lots_left(before: tuple[Lot, ...], batches: list[Merges]) -> dict[int, int]:
    """The lots with something left, after the merges of `batches` as their SQL says them; `before` were empty."""
    left: dict[tuple[UUID, int], int] = {(ID, lot.id): 0 for lot in before}
    most: dict[tuple[UUID, int], int] = {(ID, lot.id): lot.points for lot in before}
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
