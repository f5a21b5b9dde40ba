"""Debt: every credit repays it first."""

from __future__ import annotations

import pytest

from app.domain.account_events import Restored
from app.domain.lots import Part
from app.domain.point_account import PointAccount
from tests.domain.samples import GRACE, NOW, ORDER, adjust, earn, given_holding, holding, lot, whole
from tests.support.given import given


@pytest.mark.parametrize(("points", "repaid", "left"), [(30, 30, 10), (40, 40, 0), (45, 40, 0)])
def test_earning_repays_debt_first(points: int, repaid: int, left: int) -> None:
    outcome = given_holding(debt=40).when(lambda account: earn(account, points))
    [event] = outcome.news
    assert (event.points, event.debt_repaid, event.balance) == (points, repaid, points - repaid)
    assert outcome.aggregate.debt == left
    assert outcome.aggregate.available(NOW) == points - repaid
    assert (event.lot is None) == (points == repaid)


def test_an_adjustment_up_repays_debt_first() -> None:
    [event] = given_holding(debt=40).when(lambda account: adjust(account, 50)).news
    assert (event.points, event.debt_repaid, event.balance) == (50, 40, 10)
    assert event.lot.points == 10


def test_a_restore_repays_debt_first_out_of_what_would_burn_first() -> None:
    first, second = lot(1, 10, lapses=100), lot(2, 40, lapses=200)
    account = (
        given(PointAccount, holding(debt=25, made=2))
        .when(lambda account: account.restore(NOW, ORDER, (whole(first), Part(second, 30)), GRACE))
        .then(
            Restored(
                at=NOW,
                refund_id=None,
                balance=15,
                order_id=ORDER,
                points=40,
                returned=(Part(second, 15),),
                made=(),
                debt_repaid=25,
            )
        )
    )
    assert (account.debt, account.lifetime.restored) == (0, 40)


def test_debt_is_repaid_out_of_a_lapsed_lot_before_a_grace_lot_is_made() -> None:
    lapsed = lot(1, 30, lapses=-1)
    [event] = (
        given(PointAccount, holding(debt=20, made=1))
        .when(lambda account: account.restore(NOW, ORDER, (whole(lapsed),), GRACE))
        .news
    )
    assert [(made.points, made.parent) for made in event.made] == [(10, 1)]
