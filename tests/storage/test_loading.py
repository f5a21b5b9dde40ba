"""Loading an account costs the same however long its history is, and gives what the whole history says."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from app.database import Database
from app.domain.account_events import PointAccountState
from app.domain.point_account import PointAccount
from app.eventstore.topics import SNAPSHOTS
from app.wiring import House
from tests.support.given import remembered

YEAR = timedelta(days=365)
TOPICS = list(SNAPSHOTS)


def lived(house: House, versions: int) -> UUID:
    """An account of `versions` events that holds two lots in the end, whatever it went through."""
    at = house.clock()
    account = PointAccount.open(uuid4(), at)
    account.adjust(at, 40, uuid4(), uuid4(), at + 2 * YEAR)
    while account.version < versions:
        account.earn(at, uuid4(), 10, 1, at, at + YEAR)
        account.redeem(at, uuid4(), account.available(at) - 40)
        if account.version % 200 == 0:
            house.loyalty.record(account)
    account.earn(at, uuid4(), 10, 1, at, at + YEAR)
    house.loyalty.record(account)
    return account.id


def loaded(house: House, account_id: UUID) -> PointAccount:
    """An account as every command loads it."""
    (account,) = house.loyalty.load((PointAccount, account_id))
    assert isinstance(account, PointAccount)
    return account


def replayed(house: House, account_id: UUID) -> PointAccount:
    """The same from its whole history, no snapshot taken."""
    return house.loyalty.at_version(PointAccount, account_id)


def state_of(owner: Database, account_id: UUID) -> str:
    """An account's snapshot as it is stored."""
    ((state,),) = owner.rows("SELECT state FROM snapshots WHERE originator_id = %s", (account_id,))
    assert isinstance(state, str)
    return state


def test_an_account_of_2000_events_is_read_from_as_few_rows_and_bytes_as_one_of_20(
    house: House, owner: Database
) -> None:
    young, old = lived(house, 20), lived(house, 2000)
    counted = "SELECT count(*) FROM events WHERE originator_id = %s"
    assert [owner.rows(counted, (each,)) for each in (young, old)] == [[(21,)], [(2001,)]]
    read = house.log.select_latest([young, old], TOPICS)
    assert [[stored.topic for stored in read[each]] for each in (young, old)] == [TOPICS, TOPICS]
    shapes = {re.sub(r"\d+", "0", state_of(owner, each)) for each in (young, old)}
    assert len(shapes) == 1, "a snapshot grows by the digits of its numbers alone"


@pytest.mark.parametrize("versions", [2, 20, 400])
def test_what_is_loaded_is_what_the_whole_history_says(versions: int, house: House) -> None:
    account_id = lived(house, versions)
    account = loaded(house, account_id)
    assert remembered(account) == remembered(replayed(house, account_id))
    assert (account.version, account.available(house.clock()), account.lots_made) == (
        versions + 1,
        50,
        versions // 2 + 1,
    )


def test_every_append_replaces_the_snapshot_by_its_own(house: House, owner: Database) -> None:
    account_id = lived(house, 6)
    for points in (1, 2, 3):
        account = loaded(house, account_id)
        account.adjust(house.clock(), points, uuid4(), uuid4(), house.clock() + YEAR)
        house.loyalty.record(account)
        stands = owner.rows("SELECT originator_version FROM snapshots WHERE originator_id = %s", (account_id,))
        assert stands == [(account.version,)]
        assert len(house.log.select_latest([account_id], TOPICS)[account_id]) == 1


def test_a_snapshot_that_lags_is_completed_by_the_events_after_it(house: House, owner: Database) -> None:
    account_id = lived(house, 6)
    lagging = owner.rows(
        "SELECT originator_version, topic, state FROM snapshots WHERE originator_id = %s", (account_id,)
    )
    for points in (1, 2):
        account = loaded(house, account_id)
        account.adjust(house.clock(), points, uuid4(), uuid4(), house.clock() + YEAR)
        house.loyalty.record(account)
    owner.execute(
        "UPDATE snapshots SET (originator_version, topic, state) = (%s, %s, %s) WHERE originator_id = %s",
        (*lagging[0], account_id),
    )
    assert len(house.log.select_latest([account_id], TOPICS)[account_id]) == 3
    assert remembered(loaded(house, account_id)) == remembered(replayed(house, account_id))


@pytest.mark.parametrize("topic", ["PointAccountState.v0", "PointAccountState.v2", "Nobody.v1"])
def test_a_snapshot_of_another_shape_is_passed_over_and_the_next_append_replaces_it(
    topic: str, house: House, owner: Database
) -> None:
    account_id = lived(house, 20)
    whole = remembered(replayed(house, account_id))
    assert owner.execute("UPDATE snapshots SET topic = %s, state = '{\"unlike\": 1}'", (topic,)) == 1
    assert len(house.log.select_latest([account_id], TOPICS)[account_id]) == 21
    account = loaded(house, account_id)
    assert remembered(account) == whole
    account.adjust(house.clock(), 1, uuid4(), uuid4(), house.clock() + YEAR)
    house.loyalty.record(account)
    assert owner.rows("SELECT topic, originator_version FROM snapshots") == [(TOPICS[0], 22)]
    assert len(house.log.select_latest([account_id], TOPICS)[account_id]) == 1


def test_an_account_whose_snapshot_was_lost_is_read_from_its_events(house: House, owner: Database) -> None:
    account_id = lived(house, 20)
    owner.execute("DELETE FROM snapshots")
    assert remembered(loaded(house, account_id)) == remembered(replayed(house, account_id))


def test_several_aggregates_are_loaded_each_from_its_own_and_strangers_are_none(house: House) -> None:
    one, two, stranger = lived(house, 4), lived(house, 8), uuid4()
    accounts = house.loyalty.load(*((PointAccount, each) for each in (two, stranger, one)))
    assert [account and (account.id, account.version) for account in accounts] == [(two, 9), None, (one, 5)]


def test_an_aggregate_that_is_asked_for_twice_is_read_once(house: House, owner: Database) -> None:
    account_id = lived(house, 8)
    owner.execute("DELETE FROM snapshots")
    assert len(house.log.select_latest([account_id, account_id], TOPICS)[account_id]) == 9
    one, same = house.loyalty.load(*[(PointAccount, account_id)] * 2)
    assert remembered(one) == remembered(same) == remembered(replayed(house, account_id))


def test_a_snapshot_keeps_nothing_that_the_account_still_changes(house: House) -> None:
    account = loaded(house, lived(house, 6))
    taken = account.state()
    before = house.mapper.topic_of(PointAccountState), repr(taken)
    account.redeem(house.clock(), uuid4(), 45)
    account.earn(house.clock(), uuid4(), 5, 1, house.clock(), house.clock() + YEAR)
    assert (house.mapper.topic_of(type(taken)), repr(taken)) == before
