"""The account, command by command."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from app.domain.account_events import Adjusted, Earned, Expired, Opened, Redeemed, Restored
from app.domain.lots import Part
from app.domain.point_account import MAX_ADJUSTMENT, PointAccount
from tests.domain.samples import ADMIN, DAY, GRACE, NOW, ORDER, REASON, adjust, earn, given_holding, lot, whole
from tests.support.given import ID, given


def test_an_account_opens_empty() -> None:
    account = PointAccount.open(ID, NOW)
    assert [recorded.event for recorded in account.collect_events()] == [Opened(at=NOW, balance=0)]
    assert (account.balance, account.available(NOW), account.debt) == (0, 0, 0)


def test_earning_makes_a_lot() -> None:
    made = lot(1, 50, earned=0)
    outcome = given(PointAccount, Opened(at=NOW, balance=0)).when(lambda account: earn(account, 50))
    account = outcome.then(
        Earned(at=NOW, balance=50, order_id=ORDER, points=50, lot=made, rule_version=1, debt_repaid=0)
    )
    assert outcome.result == made
    assert account.available(NOW) == 50


def test_earning_nothing_says_nothing() -> None:
    outcome = given_holding(debt=5).when(lambda account: earn(account, 0))
    outcome.then()
    assert outcome.result is None


def test_points_are_pending_until_they_ripen() -> None:
    account = given_holding(whole(lot(1, 50, ripens=7))).aggregate()
    assert account.balance == 50
    assert account.available(NOW + 7 * DAY - timedelta(microseconds=1)) == 0
    assert account.available(NOW + 7 * DAY) == 50


def test_a_pending_lot_cannot_be_spent() -> None:
    ripe, pending = lot(1, 20), lot(2, 50, ripens=1)
    given_holding(whole(ripe), whole(pending)).when(lambda account: account.redeem(NOW, ORDER, 21)).then_refused(
        "insufficient_points", points=21, available=20
    )


def test_points_are_unspendable_from_the_instant_of_their_expiry() -> None:
    account = given_holding(whole(lot(1, 50, lapses=3))).aggregate()
    assert account.available(NOW + 3 * DAY - timedelta(microseconds=1)) == 50
    assert account.available(NOW + 3 * DAY) == 0
    given_holding(whole(lot(1, 50, lapses=3))).when(
        lambda account: account.redeem(NOW + 3 * DAY, ORDER, 1)
    ).then_refused("insufficient_points", available=0)


def test_points_are_taken_in_burn_order_and_the_event_names_the_lots() -> None:
    late = lot(1, 10, lapses=300)
    young = lot(2, 10, lapses=200, earned=-2)
    old = lot(3, 10, lapses=200, earned=-5)
    old_too = lot(4, 10, lapses=200, earned=-5)
    taken = (whole(old), whole(old_too), whole(young), Part(late, 3))
    outcome = given_holding(whole(late), whole(young), whole(old), whole(old_too)).when(
        lambda account: account.redeem(NOW, ORDER, 33)
    )
    account = outcome.then(Redeemed(at=NOW, balance=7, order_id=ORDER, points=33, taken=taken))
    assert outcome.result == taken
    assert account.parts == [Part(late, 7)]


def test_a_lapsed_lot_is_passed_over_though_it_is_first_in_burn_order() -> None:
    lapsed, fresh = lot(1, 10, lapses=-1), lot(2, 10)
    given_holding(whole(lapsed), whole(fresh)).when(lambda account: account.redeem(NOW, ORDER, 4)).then(
        Redeemed(at=NOW, balance=16, order_id=ORDER, points=4, taken=(Part(fresh, 4),))
    )


def test_redeeming_nothing_says_nothing() -> None:
    outcome = given_holding(whole(lot(1, 10))).when(lambda account: account.redeem(NOW, ORDER, 0))
    outcome.then()
    assert outcome.result == ()


def test_redeeming_less_than_nothing_is_refused() -> None:
    given_holding(whole(lot(1, 10))).when(lambda account: account.redeem(NOW, ORDER, -1)).then_refused(
        "invalid_request"
    )


def test_a_restored_redemption_returns_to_its_very_lots() -> None:
    first, second = lot(1, 10, lapses=100), lot(2, 40, lapses=200)
    taken = (whole(first), Part(second, 15))
    account = (
        given_holding(Part(second, 25))
        .when(lambda account: account.restore(NOW, ORDER, taken, GRACE))
        .then(
            Restored(
                at=NOW, refund_id=None, balance=50, order_id=ORDER, points=25, returned=taken, made=(), debt_repaid=0
            )
        )
    )
    assert account.parts == [whole(first), whole(second)]


def test_what_belongs_to_a_lapsed_lot_comes_back_as_a_grace_lot_that_names_its_parent() -> None:
    lapsed, fresh = lot(1, 30, lapses=-1), lot(2, 20)
    grace = msgspec.structs.replace(lot(3, 12, earned=0, lapses=14), parent=1)
    account = (
        given_holding(Part(lapsed, 18), Part(fresh, 5))
        .when(lambda account: account.restore(NOW, ORDER, (Part(lapsed, 12), Part(fresh, 15)), GRACE))
        .then(
            Restored(
                at=NOW,
                refund_id=None,
                balance=50,
                order_id=ORDER,
                points=27,
                returned=(Part(fresh, 15),),
                made=(grace,),
                debt_repaid=0,
            )
        )
    )
    assert account.available(NOW) == 32
    assert account.available(GRACE) == 20


def test_the_unswept_rest_of_a_lapsed_parent_stays_lapsed() -> None:
    lapsed = lot(1, 30, lapses=-1)
    restored = given_holding(Part(lapsed, 18)).when(
        lambda account: account.restore(NOW, ORDER, (Part(lapsed, 12),), GRACE)
    )
    account = restored.aggregate
    assert restored.news[0].returned == ()
    assert account.available(NOW) == 12
    assert account.expire(NOW) == 18
    assert [part.lot.parent for part in account.parts] == [1]


def test_restoring_nothing_says_nothing() -> None:
    given_holding(debt=5).when(lambda account: account.restore(NOW, ORDER, (), GRACE)).then()


def test_the_sweep_takes_what_lapsed_lots_still_hold_and_only_once() -> None:
    lapsed, fresh = lot(1, 30, lapses=0), lot(2, 20, lapses=1)
    outcome = given_holding(Part(lapsed, 11), whole(fresh)).when(lambda account: account.expire(NOW))
    account = outcome.then(Expired(at=NOW, balance=20, points=11, taken=(Part(lapsed, 11),)))
    assert outcome.result == 11
    assert account.expire(NOW) == 0
    assert not account.has_news


def test_the_sweep_takes_a_pending_lot_that_lapsed() -> None:
    never_ripe = lot(1, 30, lapses=-1, ripens=5)
    given_holding(whole(never_ripe)).when(lambda account: account.expire(NOW)).then(
        Expired(at=NOW, balance=0, points=30, taken=(whole(never_ripe),))
    )


def test_a_sweep_with_nothing_lapsed_says_nothing() -> None:
    given_holding(whole(lot(1, 30))).when(lambda account: account.expire(NOW)).then()


def test_an_adjustment_up_makes_a_lot_that_can_be_spent_at_once() -> None:
    account = (
        given_holding()
        .when(lambda account: adjust(account, 70))
        .then(
            Adjusted(
                at=NOW,
                balance=70,
                points=70,
                reason_id=REASON,
                actor_id=ADMIN,
                lot=lot(1, 70, earned=0),
                taken=(),
                debt_repaid=0,
            )
        )
    )
    assert account.available(NOW) == 70


def test_an_adjustment_down_takes_in_burn_order_pending_lots_included_and_lapsed_ones_not() -> None:
    lapsed, soon, pending = lot(1, 5, lapses=-1), lot(2, 10, lapses=10), lot(3, 10, lapses=20, ripens=2)
    given_holding(whole(lapsed), whole(soon), whole(pending)).when(lambda account: adjust(account, -13)).then(
        Adjusted(
            at=NOW,
            balance=12,
            points=-13,
            reason_id=REASON,
            actor_id=ADMIN,
            lot=None,
            taken=(whole(soon), Part(pending, 3)),
            debt_repaid=0,
        )
    )


def test_an_adjustment_down_never_goes_below_zero() -> None:
    lapsed, fresh = lot(1, 5, lapses=-1), lot(2, 10)
    given_holding(whole(lapsed), whole(fresh)).when(lambda account: adjust(account, -11)).then_refused(
        "insufficient_points", points=11, available=10
    )


@pytest.mark.parametrize("points", [0, MAX_ADJUSTMENT + 1, -MAX_ADJUSTMENT - 1])
def test_an_adjustment_out_of_bounds_is_refused(points: int) -> None:
    given_holding().when(lambda account: adjust(account, points)).then_refused("invalid_request")


def test_the_largest_adjustments_are_made() -> None:
    account = PointAccount.open(ID, NOW)
    adjust(account, MAX_ADJUSTMENT)
    adjust(account, -MAX_ADJUSTMENT)
    assert account.balance == 0


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=-1)])
def test_an_adjustment_up_that_has_lapsed_already_is_refused(ahead: timedelta) -> None:
    given_holding().when(lambda account: account.adjust(NOW, 5, REASON, ADMIN, NOW + ahead)).then_refused(
        "invalid_request", errors={"expires_at": ["Must lie ahead."]}
    )
