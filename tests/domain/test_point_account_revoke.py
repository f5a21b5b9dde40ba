"""Taking back what an order earned: its own lot, then pending lots, then the others, then debt."""

from __future__ import annotations

import pytest

from app.domain.account_events import Expired, Revoked
from app.domain.lots import Part
from app.domain.point_account import PointAccount
from tests.domain.samples import DAY, GRACE, NOW, ORDER, REFUND, earn, given_holding, lot, whole
from tests.support.given import given


def revoked(balance: int, points: int, *taken: Part, debt: int = 0) -> Revoked:
    return Revoked(
        at=NOW, balance=balance, order_id=ORDER, refund_id=REFUND, points=points, taken=taken, debt_added=debt
    )


def revoke(account: PointAccount, points: int, lot_id: int | None) -> None:
    account.revoke(NOW, ORDER, points, lot_id, REFUND)


OWN = lot(3, 50, lapses=300)
PENDING = lot(2, 20, lapses=250, ripens=5)
PENDING_LATER = lot(5, 20, lapses=260, ripens=5)
SOON, LATE = lot(1, 10, lapses=10), lot(4, 30, lapses=365)
LAPSED = lot(6, 40, lapses=-1)


def test_the_orders_own_lot_gives_first_though_others_would_burn_before_it() -> None:
    account = (
        given_holding(whole(SOON), whole(PENDING), whole(OWN))
        .when(lambda account: revoke(account, 45, OWN.id))
        .then(revoked(35, 45, Part(OWN, 45)))
    )
    assert account.parts == [whole(SOON), whole(PENDING), Part(OWN, 5)]
    assert (account.debt, account.lifetime.revoked) == (0, 45)


def test_the_orders_own_lot_gives_while_it_is_pending_itself() -> None:
    own = lot(3, 50, lapses=300, ripens=7)
    given_holding(whole(own)).when(lambda account: revoke(account, 50, own.id)).then(revoked(0, 50, whole(own)))


def test_where_its_own_lot_is_spent_pending_lots_give_next_in_burn_order() -> None:
    given_holding(whole(SOON), whole(PENDING_LATER), whole(PENDING), Part(OWN, 7)).when(
        lambda account: revoke(account, 30, OWN.id)
    ).then(revoked(27, 30, Part(OWN, 7), whole(PENDING), Part(PENDING_LATER, 3)))


def test_then_the_others_give_in_burn_order() -> None:
    given_holding(whole(LATE), whole(SOON), whole(PENDING)).when(lambda account: revoke(account, 35, OWN.id)).then(
        revoked(25, 35, whole(PENDING), whole(SOON), Part(LATE, 5))
    )


def test_what_nothing_can_give_becomes_debt() -> None:
    account = (
        given_holding(whole(SOON), Part(OWN, 7))
        .when(lambda account: revoke(account, 50, OWN.id))
        .then(revoked(0, 50, Part(OWN, 7), whole(SOON), debt=33))
    )
    assert (account.balance, account.debt, account.lifetime.revoked) == (0, 33, 50)


def test_an_empty_account_owes_all_of_it() -> None:
    account = given_holding(debt=5).when(lambda account: revoke(account, 50, None)).then(revoked(0, 50, debt=50))
    assert account.debt == 55


def test_what_has_lapsed_gives_nothing_and_stays_for_the_sweep_where_the_rest_is_enough() -> None:
    account = (
        given_holding(whole(LAPSED), whole(LATE))
        .when(lambda account: revoke(account, 30, LAPSED.id))
        .then(revoked(40, 30, whole(LATE)))
    )
    assert account.lapsed_of(LAPSED.id, NOW) == 40


def test_where_debt_is_made_what_has_lapsed_is_swept_along_so_that_the_balance_is_nothing() -> None:
    account = (
        given_holding(whole(LAPSED), whole(SOON))
        .when(lambda account: revoke(account, 30, None))
        .then(
            Expired(at=NOW, balance=10, points=40, taken=(whole(LAPSED),)),
            revoked(0, 30, whole(SOON), debt=20),
        )
    )
    assert (account.balance, account.debt, account.lifetime.expired) == (0, 20, 40)


def test_an_order_that_made_no_lot_is_revoked_like_any_other() -> None:
    given_holding(whole(SOON), whole(PENDING)).when(lambda account: revoke(account, 25, None)).then(
        revoked(5, 25, whole(PENDING), Part(SOON, 5))
    )


def test_revoking_nothing_says_nothing() -> None:
    given_holding(whole(LAPSED), debt=0).when(lambda account: revoke(account, 0, OWN.id)).then()


@pytest.mark.parametrize(("at", "points"), [(-1, 0), (0, 23), (1, 23)])
def test_a_lapsed_lot_that_was_not_swept_says_what_it_still_holds(at: int, points: int) -> None:
    account = given_holding(Part(lot(1, 30, lapses=0), 23), whole(LATE)).aggregate()
    assert account.lapsed_of(1, NOW + at * DAY) == points
    assert account.lapsed_of(LATE.id, NOW + at * DAY) == 0
    account.expire(NOW + DAY)
    assert account.lapsed_of(1, NOW + DAY) == 0


def test_debt_from_a_revoke_blocks_redeeming_until_a_credit_has_repaid_it() -> None:
    owing = (revoked(0, 40, debt=40),)
    given(PointAccount, *owing).when(lambda account: account.redeem(NOW, ORDER, 1)).then_refused(
        "insufficient_points", available=0
    )
    account = given(PointAccount, *owing).aggregate()
    earn(account, 45)
    assert (account.debt, account.available(NOW)) == (0, 5)
    account.redeem(NOW, ORDER, 5)


def test_a_refund_that_restores_and_then_revokes_takes_from_what_just_came_back() -> None:
    account = given_holding().aggregate()
    account.restore(NOW, ORDER, (Part(LATE, 20),), GRACE)
    revoke(account, 50, OWN.id)
    assert (account.balance, account.debt) == (0, 30)
    first, second = account.collect_events()
    assert (first.event.balance, second.event.taken, second.event.debt_added) == (20, (Part(LATE, 20),), 30)
