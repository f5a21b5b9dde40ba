"""One view of the log: what is read in it belongs together, whatever is appended meanwhile."""

from __future__ import annotations

import pytest

from app.audit.log_view import view_of_log
from app.wiring import House
from tests.storage.commits import event
from tests.support.shop import Shop


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


def test_nothing_that_is_appended_meanwhile_comes_into_a_view(shop: Shop) -> None:
    shop.give(points=10)
    account_id = shop.account()
    with view_of_log(shop.house.database, shop.house.mapper) as log:
        before = log.of([account_id])
        shop.give(points=5)
        assert log.of([account_id]) == before
        assert all(happened.recorded_at <= log.read_at for happened in before)
    with view_of_log(shop.house.database, shop.house.mapper) as log:
        after = log.of([account_id])
    assert [len(before), len(after)] == [2, 3]
    assert after[-1].recorded_at > before[-1].recorded_at


def test_several_streams_come_each_in_its_order_and_none_as_nothing(shop: Shop) -> None:
    shop.give(points=10)
    shop.give("bob", 20)
    with view_of_log(shop.house.database, shop.house.mapper) as log:
        both = log.of([shop.account("bob"), shop.account("ann")])
        assert log.of([]) == []
    for user in ("ann", "bob"):
        assert [h.version for h in both if h.stream == shop.account(user)] == [1, 2]


def test_an_event_of_a_name_that_nobody_knows_is_passed_over(shop: Shop) -> None:
    shop.give(points=10)
    shop.house.log.insert_events([event(shop.account(), 3)])
    with view_of_log(shop.house.database, shop.house.mapper) as log:
        assert [happened.type for happened in log.of([shop.account()])] == ["Opened.v1", "Adjusted.v1"]
