"""What the first sketch of this system got wrong, bug by bug, each under its own name.

Refunds come with refunds. Roles, owners of orders, idempotency keys and paging belong to HTTP, and are tested there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest
from eventsourcing.persistence import PersistenceError

from app.database import Database
from app.domain.rules import Rule
from app.usecases.payment_gateway import Charged, Declined
from app.wiring import House
from tests.support.clock import Clock
from tests.support.shop import DECLINED, LOST, TIMEOUT, Shop, at_once, refusal
from tests.support.tables import snapshot_of_tables

YEAR = {"days": 367}


def test_the_same_earning_expired_again_on_every_run(shop: Shop, clock: Clock) -> None:
    shop.buy()
    clock.move(**YEAR)
    assert [shop.house.expire_points().points for _ in range(3)] == [50, 0, 0]
    assert shop.lines() == [("earn", 50), ("expire", -50)]


def test_spent_points_expired_a_second_time_eating_newer_ones(shop: Shop, clock: Clock) -> None:
    shop.buy()
    clock.move(days=300)
    shop.buy(points=50, price=5_000, method=None)
    shop.give(points=80)
    clock.move(days=67)
    assert shop.house.expire_points().points == 0
    assert shop.available() == 5 + 80


def test_one_overdrawn_member_stopped_the_whole_sweep(shop: Shop, clock: Clock, owner: Database) -> None:
    for user in ("ann", "bob", "cem"):
        shop.give(user)
    # No command overdraws an account any more: one that its own rows contradict stands for it.
    owner.execute("UPDATE balances SET balance = -5 WHERE account_id = %s", (shop.account("ann"),))
    owner.execute(
        "SELECT events_append(ARRAY[%s]::uuid[], '{3}', '{Expired.v1}', ARRAY['{\"points\": \"all\"}'])",
        (shop.account("ann"),),
    )
    clock.move(**YEAR)
    sweep = shop.house.expire_points()
    assert [account for account, _ in sweep.failures] == [shop.account("ann")]
    assert (shop.lines("bob")[-1], shop.lines("cem")[-1]) == (("expire", -100), ("expire", -100))


def test_twelve_months_counted_as_360_days(shop: Shop, clock: Clock) -> None:
    shop.buy()
    clock.move(days=361)
    assert shop.house.expire_points().points == 0
    assert shop.available() == 50


def test_lapsed_points_spendable_until_the_sweep(shop: Shop, clock: Clock) -> None:
    shop.buy()
    clock.move(**YEAR)
    assert shop.available() == 0
    assert refusal(lambda: shop.buy(points=1)) == "insufficient_points"


def test_manual_points_never_expiring(shop: Shop, clock: Clock) -> None:
    shop.give(points=30)
    clock.move(**YEAR)
    assert shop.house.expire_points().points == 30


def test_a_negative_redemption_minting_points(shop: Shop, owner: Database) -> None:
    shop.give(points=10)
    purchase = shop.purchase(points=-100)
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.check_out(purchase)) == "invalid_request"
    assert (shop.available(), snapshot_of_tables(owner)) == (10, before)


def test_900_points_on_a_100_rupee_order_asking_the_card_for_minus_800_rupees(shop: Shop, owner: Database) -> None:
    shop.give(points=900)
    assert refusal(lambda: shop.buy(points=900, price=10_000)) == "points_exceed_total"
    assert shop.available() == 900
    assert snapshot_of_tables(owner)["sandbox_charges"][0] == 0


def test_the_same_order_redeemed_twice(shop: Shop) -> None:
    shop.give()
    for _ in range(2):
        shop.buy(points=30, key="k")
    assert Counter(kind for kind, _ in shop.lines())["use"] == 1


def test_two_stale_reads_spending_one_balance_twice(shop: Shop, neighbour: House) -> None:
    shop.give(points=100)
    purchases = [shop.purchase(points=100, price=10_000, method=None) for _ in range(16)]

    def buy(n: int) -> Callable[[], str | None]:
        # Two houses: the second knows nothing of the turns that the first one's threads take.
        house = (shop.house, neighbour)[n % 2]
        return lambda: refusal(lambda: house.check_out(purchases[n]))

    outcomes = Counter(at_once([buy(n) for n in range(16)]))
    assert outcomes[None] == 1
    assert set(outcomes) <= {None, "insufficient_points", "try_again"}
    assert sorted(shop.lines()) == [("earn", 10), ("manual", 100), ("use", -100)]
    assert shop.differences() == []


def test_the_redemption_cap_not_enforced(shop: Shop) -> None:
    shop.give(points=600)
    assert refusal(lambda: shop.buy(points=501, price=100_000)) == "points_above_maximum"
    assert shop.buy(points=500, price=100_000).points_used == 500


def test_a_member_with_no_row_crashing(shop: Shop) -> None:
    points = shop.points("stranger")
    assert (points["available"], points["pending"], points["held"], points["position"]) == (0, 0, 0, 0)
    assert shop.feed("stranger") == []
    assert shop.house.check_out.quote("stranger", shop.items(), 0).points_available == 0
    assert refusal(lambda: shop.buy("stranger", 1)) == "insufficient_points"
    assert shop.buy("stranger").points_earned == 50


def test_earning_on_failed_orders(shop: Shop) -> None:
    assert [shop.buy(method=method).points_earned for method in (DECLINED, TIMEOUT, LOST)] == [0, 0, 0]
    assert shop.points()["lifetime"]["earned"] == 0


def test_earning_twice_for_one_order(shop: Shop, neighbour: House) -> None:
    order = shop.buy(method=TIMEOUT)
    account_id = shop.account()
    news: list[Charged | Declined] = [Charged("ch"), Declined("late")] * 4

    def settle(n: int) -> Callable[[], str]:
        house = (shop.house, neighbour)[n // 2 % 2]
        return lambda: house.settle_payment(account_id, order.order_id, news[n]).status

    statuses = set(at_once([settle(n) for n in range(8)]))
    assert statuses in ({"paid"}, {"failed"})
    assert shop.lines() == ([("earn", 50)] if statuses == {"paid"} else [])


def test_no_rule_set_crashing(shop: Shop) -> None:
    assert shop.buy().status == "paid"
    assert shop.house.expire_points().failures == []


def test_a_rule_change_re_pricing_orders_already_placed(shop: Shop) -> None:
    shop.give()
    order = shop.buy(points=30, method=TIMEOUT)
    shop.house.change_rules(Rule(earn_points=5, point_value=1), None, "root")
    settled = shop.house.settle_payment(shop.account(), order.order_id, Charged("ch"))
    assert (settled.cash_due_minor, settled.points_earned) == (47_000, 50)


def test_a_negative_correction_changing_the_balance_but_not_the_log(shop: Shop) -> None:
    shop.give()
    shop.give(points=-40, reason="keyed twice")
    last = shop.feed()[-1]
    assert (last["points"], last["reason"], last["balance_after"]) == (-40, "keyed twice", 60)
    assert shop.available() == 60 == sum(points for _, points in shop.lines())


def test_a_long_note_changing_the_balance_but_not_the_log(shop: Shop) -> None:
    note = "ñ" * 499 + "'"
    shop.give(points=7, reason=note)
    assert shop.feed()[-1]["reason"] == note
    assert shop.available() == 7 == sum(points for _, points in shop.lines())


def test_a_note_that_cannot_be_kept_changing_the_balance(shop: Shop, owner: Database) -> None:
    shop.give(points=7)
    before = snapshot_of_tables(owner)
    with pytest.raises(ValueError, match="NUL"):
        shop.give(points=5, reason="ends \x00 here")
    assert (shop.available(), snapshot_of_tables(owner)) == (7, before)


@pytest.mark.parametrize("table", ["balances", "lots", "transactions", "snapshots", "reasons"])
def test_a_crash_between_balance_and_log_leaving_them_apart(shop: Shop, owner: Database, table: str) -> None:
    shop.give(points=7)
    before = snapshot_of_tables(owner)
    # The server goes away under the append, just when it has come as far as this table.
    owner.execute(
        "CREATE FUNCTION crash() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION 'crashed' USING ERRCODE = 'internal_error'; END $$;"
        f" CREATE TRIGGER crash BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION crash()"
    )
    with pytest.raises(PersistenceError, match="crashed"):
        shop.give(points=5)
    assert (snapshot_of_tables(owner), shop.available(), shop.lines()) == (before, 7, [("manual", 7)])
    owner.execute(f"DROP TRIGGER crash ON {table}")
    assert shop.give(points=5).available == 12
    assert shop.differences() == []


def test_deleting_a_user_deleting_the_ledger(shop: Shop, database: Database, owner: Database) -> None:
    shop.give()
    shop.buy(points=30)
    with pytest.raises(PersistenceError, match="permission denied"):
        database.execute("DELETE FROM directory")
    before = snapshot_of_tables(owner)
    owner.execute("DELETE FROM directory WHERE user_id = 'ann'")
    after = snapshot_of_tables(owner)
    assert {table for table in after if after[table] != before[table]} == {"directory"}
    assert shop.differences() == []


def test_points_taken_before_the_charge_with_no_way_back_on_a_decline_or_a_timeout(shop: Shop) -> None:
    shop.give()
    shop.buy(points=30, method=DECLINED)
    assert shop.available() == 100
    order = shop.buy(points=30, method=TIMEOUT)
    assert (shop.available(), shop.points()["held"]) == (70, 30)
    shop.house.settle_payment(shop.account(), order.order_id, Declined("voided"))
    assert (shop.available(), shop.points()["held"], shop.left()) == (100, 0, [100])


def test_no_currency(shop: Shop, owner: Database) -> None:
    order = shop.buy()
    found = shop.house.orders.find(order.order_id)
    assert found is not None
    assert order.currency == found["currency"] == shop.house.check_out.quote("ann", shop.items(), 0).currency == "INR"
    assert owner.rows("SELECT currency FROM sandbox_charges") == [("INR",)]
