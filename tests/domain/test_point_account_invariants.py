"""The invariants that the account's docstring lists, each by its name."""

from __future__ import annotations

from app.domain.lots import Part
from tests.domain.samples import DAY, GRACE, NOW, ORDER, adjust, earn, given_holding, holding, lot, whole


def test_the_balance_is_the_sum_of_what_the_lots_have_left() -> None:
    lapsed, pending, fresh = lot(1, 5, lapses=-1), lot(2, 10, ripens=5), lot(3, 20)
    outcome = given_holding(Part(lapsed, 4), whole(pending), whole(fresh)).when(lambda account: adjust(account, 6))
    assert outcome.aggregate.balance == 4 + 10 + 20 + 6 == sum(part.points for part in outcome.aggregate.parts)
    assert outcome.news[-1].balance == outcome.aggregate.balance


def test_no_lot_holds_less_than_nothing_or_more_than_it_was_made_with() -> None:
    full = lot(1, 30)
    spent = given_holding(whole(full)).when(lambda account: account.redeem(NOW, ORDER, 30))
    assert spent.aggregate.parts == []
    spent.aggregate.restore(NOW, ORDER, spent.result, GRACE)
    assert spent.aggregate.parts == [whole(full)]
    given_holding(whole(full)).when(lambda account: account.redeem(NOW, ORDER, 31)).then_refused("insufficient_points")


def test_where_there_is_debt_the_balance_is_nothing() -> None:
    account = given_holding(debt=40).aggregate()
    for points in (1, 38, 1, 1):
        earn(account, points)
        assert account.debt == 0 or account.balance == 0
    assert (account.debt, account.balance) == (0, 1)


def test_lifetime_totals_and_the_balance_agree() -> None:
    account = given_holding(whole(lot(1, 100, lapses=30))).aggregate()
    taken = account.redeem(NOW, ORDER, 60)
    account.restore(NOW, ORDER, taken, GRACE)
    earn(account, 50)
    adjust(account, -20)
    account.expire(NOW + 30 * DAY)
    total = account.lifetime
    assert (total.earned, total.redeemed, total.restored, total.expired, total.adjusted) == (150, 60, 60, 80, -20)
    assert account.balance == (
        total.earned + total.restored + total.adjusted - total.redeemed - total.expired - total.revoked
    )


def test_a_snapshot_taken_does_not_change_with_the_account() -> None:
    account = given_holding(whole(lot(1, 100))).aggregate()
    state = account.state()
    adjust(account, 5)
    earn(account, 5)
    assert state == holding(whole(lot(1, 100)))
