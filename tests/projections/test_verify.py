"""`verify` finds nothing in an honest history, and everything that was planted in one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Event

import pytest
from eventsourcing.persistence import MapperDeserialisationError

from app.database import Database
from tests.support.clock import Clock
from tests.support.shop import DECLINED, TIMEOUT, VISA, Shop, at_once, random_history, refusal

ONE_LINE = {
    "balances": "UPDATE balances SET balance = balance + 1 WHERE account_id = %s",
    "lots": "DELETE FROM lots WHERE account_id = %s AND lot = 1",
    "orders": "UPDATE orders SET points_used = points_used - 1 WHERE account_id = %s AND status = 'paid'",
    "transactions": "UPDATE transactions SET points = -points WHERE account_id = %s AND type = 'use'",
}
"""Changes to one row of each table, of a member with one grant and one paid order."""


@pytest.mark.parametrize("seed", range(4))
def test_an_honest_history_has_no_differences_in_batches_of_any_size(shop: Shop, clock: Clock, seed: int) -> None:
    random_history(shop, clock, 70, seed)
    shop.house.daily.advance()
    random_history(shop, clock, 20, seed + 100)
    assert [shop.differences(batch) for batch in (1, 2, 7, 1000)] == [[]] * 4
    shop.house.daily.catch_up()
    assert [shop.differences(batch) for batch in (1, 2, 7, 1000)] == [[]] * 4


def test_tables_that_are_written_anew_on_the_way_say_the_same(
    shop: Shop, owner: Database, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.projections.verify.WORN", 0)
    random_history(shop, clock, 70, seed=3)
    shop.house.daily.catch_up()
    assert [shop.differences(batch) for batch in (1, 7)] == [[]] * 2
    owner.execute("UPDATE balances SET redeemed = redeemed + 1 WHERE account_id = %s", (shop.account(),))
    [line] = shop.differences(1)
    assert line.startswith(f"balances: 1 row differs from the log, first account_id {shop.account()}")


def test_an_empty_log_has_no_differences(shop: Shop) -> None:
    assert shop.differences() == []


@pytest.mark.parametrize("table", ONE_LINE)
def test_a_row_that_was_changed_is_found(shop: Shop, owner: Database, table: str) -> None:
    shop.give()
    shop.buy(points=30)
    shop.buy("bob")
    assert owner.execute(ONE_LINE[table], (shop.account(),)) == 1
    [line] = shop.differences()
    assert line.startswith(f"{table}: 1 row differs from the log, first ")
    if table in ("balances", "lots"):
        assert str(shop.account()) in line


def test_a_day_that_was_changed_is_found(shop: Shop, owner: Database) -> None:
    shop.give()
    shop.house.daily.catch_up()
    owner.execute("UPDATE daily SET adjusted = adjusted + 1")
    assert shop.differences() == ["daily: 1 row differs from the log, first day 2026-01-15"]


def test_a_day_counted_twice_is_found(shop: Shop, owner: Database) -> None:
    shop.give()
    shop.house.daily.catch_up()
    owner.execute("UPDATE tracking SET notification_id = 0")
    shop.house.daily.catch_up()
    assert len(shop.differences()) == 1


def test_a_row_that_no_event_made_is_found(shop: Shop, owner: Database) -> None:
    shop.give()
    owner.execute("INSERT INTO lots SELECT account_id, 99, 1, 1, now(), now(), now(), 'manual', '' FROM lots")
    assert shop.differences() == [f"lots: 1 row differs from the log, first account_id {shop.account()}, lot 99"]


def test_rows_that_differ_are_counted_and_the_first_of_them_named(shop: Shop, owner: Database) -> None:
    for user in ("ann", "bob", "cem"):
        shop.give(user)
    owner.execute("UPDATE transactions SET balance_after = 0 WHERE id > 2")
    owner.execute("DELETE FROM balances")
    first_account = min(shop.account(user) for user in ("ann", "bob", "cem"))
    assert shop.differences() == [
        f"balances: 3 rows differ from the log, first account_id {first_account}",
        "transactions: 2 rows differ from the log, first id 4",
    ]


def test_verify_leaves_nothing_behind_and_changes_nothing(shop: Shop, owner: Database) -> None:
    shop.give()
    owner.execute("UPDATE balances SET balance = 5")
    assert len(shop.differences()) == len(shop.differences()) == 1
    assert owner.rows("SELECT balance FROM balances") == [(5,)]
    assert owner.rows("SELECT relname FROM pg_class WHERE relpersistence = 't'") == []


def test_verify_is_right_while_appends_and_the_follower_go_on(shop: Shop) -> None:
    shop.items()
    done = Event()

    def trade(user: str) -> Callable[[], list[str]]:
        def run() -> list[str]:
            for n in range(25):
                refusal(partial(shop.buy, user, n % 2 * 10, method=(DECLINED, TIMEOUT, VISA)[n % 3]))
            done.set()
            return []

        return run

    def follow() -> list[str]:
        while not done.is_set():
            shop.house.daily.catch_up()
        return []

    def check() -> list[str]:
        found = []
        while not done.is_set():
            found += shop.differences(batch=10)
        return found

    assert at_once([trade("ann"), trade("bob"), follow, check]) == [[], [], [], []]
    assert shop.differences() == []


def test_a_log_that_cannot_be_read_is_an_error_and_not_good_news(shop: Shop, owner: Database) -> None:
    shop.give()
    owner.execute("SELECT events_append(ARRAY[gen_random_uuid()], '{1}', '{Opened.v1}', ARRAY['{'])")
    with pytest.raises(MapperDeserialisationError, match=r"Opened\.v1"):
        shop.differences()


def test_events_of_names_unknown_to_this_code_are_passed_over(shop: Shop, owner: Database) -> None:
    shop.give()
    owner.execute("SELECT events_append(ARRAY[gen_random_uuid()], '{1}', '{Tomorrow.v9}', ARRAY['{'])")
    assert shop.differences() == []
