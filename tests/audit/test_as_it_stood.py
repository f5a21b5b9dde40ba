"""As it stood: at any moment, on both axes, what a model that replays only what had happened says."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from app.audit.history import NOW, Moment, shown
from app.wiring import House
from tests.audit.lives import USERS, lived
from tests.audit.pasts import DAY, Past
from tests.audit.replaying import Replay
from tests.support.clock import Clock
from tests.support.given import ID
from tests.support.imports import bought, import_orders
from tests.support.refunds import refund
from tests.support.shop import DECLINED, LOST, TIMEOUT, Shop

HISTORIES = 1000
MEMBERS = ("available", "pending", "held", "debt", "lifetime", "next_expiry", "position")


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


def members(found: Any) -> dict[str, Any]:
    """Of an account as it stood, what the member's page has."""
    return {name: found[name] for name in MEMBERS}


def stood(shop: Shop, moment: Moment = NOW, user: str = "ann") -> Any:
    """An account as the log has it; it is there."""
    found = shop.house.history.as_it_stood(user, moment)
    assert found is not None
    return found


def recorded_now(shop: Shop) -> datetime:
    """The log's own clock, which stamps what is recorded."""
    row = shop.house.database.row("SELECT clock_timestamp()")
    assert row is not None
    at: datetime = row[0]
    return at


def test_at_any_moment_of_a_thousand_pasts_it_is_what_had_happened_and_was_known() -> None:
    corners: Counter[str] = Counter()
    for seed in range(HISTORIES):
        past = Past(seed)
        for _ in range(5):
            moment = past.moment()
            found = shown(past.standing(moment))
            replay = Replay(past.log, ID, found["as_of"], moment.known_at)
            assert members(found) == replay.points(), (seed, moment)
            assert {lot["lot"]: (lot["points"], lot["remaining"]) for lot in found["lots"]} == replay.lots()
            assert all(0 <= lot["remaining"] <= lot["points"] for lot in found["lots"]), (seed, moment)
            assert [event["position"] for event in found["events"]] == replay.positions
            corners.update(name for name, is_there in met(found, replay).items() if is_there)
    assert min(corners[name] for name in met(found, replay)) > 20, corners


def met(found: Any, replay: Replay) -> dict[str, bool]:
    """The corners of the ledger that a look at a past may come upon."""
    unswept = [lot for lot in found["lots"] if lot["remaining"] and lot["expires_at"] <= found["as_of"]]
    return {
        "something to spend": found["available"] > 0,
        "something pending": found["pending"] > 0,
        "something held": found["held"] > 0,
        "debt": found["debt"] > 0,
        "a debt repaid before it arose": replay.owed < 0,
        "something lapsed and not swept": bool(unswept),
        "something swept": found["lifetime"]["expired"] > 0,
        "a lot made under the grace rule": any(lot["source"] == "restore" for lot in found["lots"]),
        "nothing yet": found["position"] == 0,
        "something dated before what it came after": replay.overtaken > 0,
    }


def test_the_model_finds_a_moment_that_is_off_by_an_instant() -> None:
    past = Past(1)
    last = past.events[-1]
    found = members(shown(past.standing(Moment(past.at, None))))
    assert found == Replay(past.log, ID, past.at, None).points()
    assert found != Replay(past.log, ID, past.at, last.recorded_at - timedelta(microseconds=1)).points()


class Note(NamedTuple):
    """What a member's page said at a moment of both clocks."""

    user: str
    moment: Moment
    said: Any


@pytest.mark.parametrize("seed", range(12))
def test_what_the_page_said_at_a_moment_is_what_it_stood_at_for_ever_after(shop: Shop, clock: Clock, seed: int) -> None:
    notes: list[Note] = []
    for _ in lived(shop, clock, seed):
        moment = Moment(clock(), recorded_now(shop))
        notes += [Note(user, moment, shop.points(user)) for user in USERS]
    clock.move(days=30)
    shop.house.expire_points()
    opened = [user for user in USERS if shop.house.accounts.account_of(user)]
    for note in notes:
        if note.user in opened:
            found = stood(shop, note.moment, note.user)
            assert {"user": found["user"], **members(found)} == note.said, note.moment
    for user in opened:
        found = stood(shop, NOW, user)
        assert {"user": found["user"], **members(found)} == shop.points(user)
        assert found["lots"] == shop.lots(user)
    assert all(any(note.said[name] for note in notes) for name in ("available", "held", "debt"))


def test_points_count_as_lapsed_from_that_instant_on_whenever_the_sweep_came(shop: Shop, clock: Clock) -> None:
    lapses = clock() + 3 * DAY
    shop.give(points=40, expires_at=lapses)
    clock.move(days=10)
    for is_swept in (False, True):
        if is_swept:
            shop.house.expire_points()
        before, then = (stood(shop, Moment(as_of=at)) for at in (lapses - timedelta(microseconds=1), lapses))
        assert (before["available"], then["available"]) == (40, 0)
        assert (before["next_expiry"], then["next_expiry"]) == ({"points": 40, "expires_at": lapses}, None)
        assert [lot["remaining"] for lot in then["lots"]] == [40]
    assert [lot["remaining"] for lot in stood(shop)["lots"]] == [0]
    assert stood(shop)["lifetime"]["expired"] == 40


def test_an_imported_order_counts_from_when_it_was_paid_but_was_not_known_before_it_was_imported(
    shop: Shop, clock: Clock
) -> None:
    shop.give(points=10)
    known, paid_at = recorded_now(shop), clock() - 30 * DAY
    assert import_orders(shop.house, bought(paid_at=paid_at)).imported == 1
    assert stood(shop, Moment(as_of=paid_at))["available"] == 50
    assert stood(shop, Moment(as_of=paid_at, known_at=known))["available"] == 0
    assert stood(shop, Moment(known_at=known))["available"] == 10
    assert stood(shop)["available"] == 60


def test_points_of_an_order_are_held_from_its_placing_to_its_end(shop: Shop, clock: Clock) -> None:
    shop.give(points=100)
    given = clock()
    clock.move(days=1)
    shop.buy(points=30, method=TIMEOUT)
    placed = clock()
    clock.move(days=1)
    shop.house.recover_payments(is_all=True)
    held = [stood(shop, Moment(as_of=at))["held"] for at in (given, placed, clock() - timedelta(seconds=1), clock())]
    assert held == [0, 30, 30, 0]


def test_a_debt_that_an_order_from_before_it_repaid_is_never_below_nothing(shop: Shop, clock: Clock) -> None:
    order = shop.buy()
    shop.buy(points=50, price=5_000, method=None)
    clock.move(days=1)
    refund(shop, order.order_id)
    debt = shop.points()["debt"]
    assert debt > 0
    paid_at = clock() - 60 * DAY
    import_orders(shop.house, bought(paid_at=paid_at))
    assert [stood(shop, Moment(as_of=at))["debt"] for at in (paid_at, clock() - DAY, clock())] == [0, 0, 0]
    assert shop.points()["debt"] == 0


def test_what_a_slow_clock_dates_before_what_it_came_after_waits_for_that(shop: Shop, clock: Clock) -> None:
    """An order that fails, and a correction: neither gives back or takes what was not taken or there yet."""
    shop.give(points=100)
    clock.move(seconds=10)
    shop.buy(points=30, method=LOST)
    shop.give("bob", 100)
    clock.move(seconds=-2)
    shop.house.recover_payments(is_all=True)
    shop.give("bob", -40)
    then, later = (
        [stood(shop, Moment(as_of=clock() + timedelta(seconds=after)), user) for user in ("ann", "bob")]
        for after in (0, 2)
    )
    assert [(found["available"], found["held"], len(found["events"])) for found in then] == [(100, 0, 2), (0, 0, 0)]
    assert [found["lifetime"]["adjusted"] for found in then] == [100, 0]
    assert [(found["available"], found["lifetime"]["restored"]) for found in later] == [(100, 30), (60, 0)]


def test_points_are_held_until_they_are_back_however_long_that_waits_for_their_lot(shop: Shop, clock: Clock) -> None:
    shop.give(points=100)
    clock.move(seconds=1)
    shop.buy(points=30, method=LOST)
    clock.move(seconds=10)
    shop.give(points=-20)  # by a host that is fast, from the lot that the order took from
    clock.move(seconds=-5)
    shop.house.recover_payments(is_all=True)
    found = [stood(shop, Moment(as_of=clock() + timedelta(seconds=after))) for after in (0, 5)]
    assert [(each["available"], each["held"]) for each in found] == [(70, 30), (80, 0)]


def test_before_anything_happened_there_is_nothing_and_who_never_was_is_not_there(shop: Shop, clock: Clock) -> None:
    shop.give(points=10)
    order = shop.buy(points=10)
    found = stood(shop, Moment(as_of=clock() - DAY))
    assert members(found) == members(shop.points("zed"))
    assert (found["lots"], found["events"]) == ([], [])
    nobody = ["zed", "root", "", "a/b", str(order.order_id), str(UUID(int=0)), "\udcff"]
    assert [shop.house.history.as_it_stood(name, NOW) for name in nobody] == [None] * len(nobody)


def test_a_forgotten_member_goes_by_the_account_id(shop: Shop) -> None:
    shop.give(points=10)
    shop.buy(points=10, method=DECLINED)
    account_id, before = shop.account(), stood(shop)
    assert members(stood(shop, user=str(account_id))) == members(before)
    shop.house.database.execute("UPDATE directory SET user_id = NULL WHERE account_id = %s", (account_id,))
    assert shop.house.history.as_it_stood("ann", NOW) is None
    found = stood(shop, user=str(account_id))
    assert (found["user"], members(found)) == (None, members(before))


def test_a_user_whose_name_is_the_account_id_of_another_is_meant_by_it(shop: Shop) -> None:
    shop.give(points=10)
    name = str(shop.account())
    shop.give(name, 7)
    found = stood(shop, user=name)
    assert (found["user"], found["available"]) == (name, 7)


def test_the_events_are_those_of_the_log_to_the_letter(shop: Shop) -> None:
    shop.give(points=10)
    shop.buy(points=10)
    rows = shop.house.database.rows(
        "SELECT position, originator_version, topic, recorded_at, state FROM events WHERE originator_id = %s"
        " ORDER BY position",
        (shop.account(),),
    )
    events = stood(shop)["events"]
    assert len(events) == 4
    fields = ("position", "version", "type", "recorded_at")
    assert [(*(event[name] for name in fields), bytes(event["data"]).decode()) for event in events] == rows
    assert events[-1]["position"] == stood(shop)["position"]
