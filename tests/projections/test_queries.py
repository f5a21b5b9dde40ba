"""Pages and sums of the read models: filters, order, and keysets that skip and repeat nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest

from app.domain.rules import Rule
from app.projections.pages import Item, Page
from app.projections.transactions import TYPES, Filters
from tests.support.clock import Clock
from tests.support.shop import DECLINED, TIMEOUT, Shop, random_history


def walked(page: Callable[[Any], Page]) -> list[Item]:
    """All items, page after page; `page` takes the key to go on after."""
    items, key = page(None)
    while key is not None:
        # A key goes through a client and back as JSON.
        more, key = page(msgspec.json.decode(msgspec.json.encode(key)))
        assert more, "a page that says there is more is followed by one"
        items = [*items, *more]
    return items


@pytest.fixture
def busy(shop: Shop, clock: Clock) -> Shop:
    """A shop with some months behind it, and members whose names sort oddly."""
    for user in ("Zoe", "ann-marie", "Ann", "été", "a_b%c"):
        shop.give(user, 10)
    random_history(shop, clock, 80, seed=11)
    return shop


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_the_feed_in_pages_is_the_feed(busy: Shop, limit: int) -> None:
    feed = busy.house.transactions
    lines = walked(lambda key: feed.page(limit, key and key[0], Filters()))
    assert [line["id"] for line in lines] == sorted((line["id"] for line in lines), reverse=True)
    assert lines == feed.page(10_000, None, Filters()).items
    assert lines == [line for chunk in feed.all(Filters(), chunk=limit) for line in chunk]


@pytest.mark.parametrize("limit", [1, 3])
def test_the_feed_of_a_span_of_time_in_pages_is_in_order_of_time(busy: Shop, limit: int) -> None:
    feed = busy.house.transactions
    everything = feed.page(10_000, None, Filters()).items
    since, until = everything[-3]["created_at"], everything[0]["created_at"]
    lines = walked(lambda key: feed.page(limit, key and key[0], Filters(since=since, until=until)))
    assert lines == sorted(lines, key=lambda line: (line["created_at"], line["id"]), reverse=True)
    assert (
        {line["id"] for line in lines}
        == {line["id"] for line in everything if since <= line["created_at"] < until}
        != set()
    )


def test_each_line_of_the_feed_adds_up_to_the_balance_after_it(busy: Shop) -> None:
    for user in ("ann", "bob", "cem", "dia"):
        balance = 0
        for line in busy.feed(user):
            balance += line["points"]
            assert line["balance_after"] == balance
            assert line["user"] == user
            assert line["type"] in TYPES


def test_the_feed_is_narrowed_by_each_filter(busy: Shop, clock: Clock) -> None:
    everything = busy.house.transactions.page(10_000, None, Filters()).items
    middle, order = everything[len(everything) // 2], next(line for line in everything if line["order_id"])
    cases: list[tuple[Filters, Callable[[Item], bool]]] = [
        (Filters(user="ann"), lambda line: line["user"] == "ann"),
        (Filters(type="use"), lambda line: line["type"] == "use"),
        (Filters(order_id=order["order_id"]), lambda line: line["order_id"] == order["order_id"]),
        (Filters(since=middle["created_at"]), lambda line: line["created_at"] >= middle["created_at"]),
        (Filters(until=middle["created_at"]), lambda line: line["created_at"] < middle["created_at"]),
        (Filters(user="bob", type="earn"), lambda line: (line["user"], line["type"]) == ("bob", "earn")),
        (Filters(user="nobody"), lambda line: False),
    ]
    for filters, fits in cases:
        found = busy.house.transactions.page(10_000, None, filters).items
        assert found == [line for line in everything if fits(line)], filters
        assert found or filters.user == "nobody"


@pytest.mark.parametrize("limit", [1, 3, 1000])
@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("user", lambda a: a["user"].encode()),
        ("available", lambda a: (a["available"], a["user"].encode())),
        ("-available", lambda a: (-a["available"], a["user"].encode())),
    ],
)
def test_accounts_in_pages_are_all_accounts_in_order(
    busy: Shop, clock: Clock, sort: str, order: Callable[[Item], Any], limit: int
) -> None:
    accounts = walked(lambda key: busy.house.accounts.page(limit, key and tuple(key), clock.at, sort=sort))
    assert accounts == sorted(accounts, key=order)
    assert {account["user"] for account in accounts} == {
        *("ann", "bob", "cem", "dia"),
        *("Zoe", "ann-marie", "Ann", "été", "a_b%c"),
    }
    for account in accounts:
        points = busy.points(account["user"])
        assert {name: account[name] for name in ("available", "pending", "debt", "position")} == {
            name: points[name] for name in ("available", "pending", "debt", "position")
        }


def test_accounts_are_narrowed_by_prefix_and_by_what_is_available(busy: Shop, clock: Clock) -> None:
    def users(**filters: Any) -> set[str]:
        return {account["user"] for account in busy.house.accounts.page(100, None, clock.at, **filters).items}

    assert users(prefix="ann") == {"ann", "ann-marie"}
    assert users(prefix="a_") == {"a_b%c"}
    assert users(prefix="%") == set()
    rich = max(busy.available(user) for user in users())
    assert all(busy.available(user) == rich for user in users(least=rich))
    assert users(least=rich) and not users(least=rich + 1)


@pytest.mark.parametrize("limit", [1, 4, 1000])
def test_orders_in_pages_are_all_orders_newest_first(busy: Shop, limit: int) -> None:
    orders = walked(lambda key: busy.house.orders.page(limit, key and key[0]))
    assert [order["position"] for order in orders] == sorted((o["position"] for o in orders), reverse=True)
    assert len(orders) == sum(topic == "OrderPlaced.v2" for *_, topic in busy.events())


def test_orders_are_narrowed_by_each_filter(busy: Shop) -> None:
    page = busy.house.orders.page
    everything = page(10_000).items
    middle = everything[len(everything) // 2]["created_at"]
    assert page(10_000, user="bob").items == [order for order in everything if order["user"] == "bob"]
    for status in ("paid", "pending", "failed"):
        found = page(10_000, status=status).items
        assert found == [order for order in everything if order["status"] == status]
        assert found
    assert page(10_000, since=middle).items == [order for order in everything if order["created_at"] >= middle]
    assert page(10_000, until=middle).items == [order for order in everything if order["created_at"] < middle]


def test_an_order_says_what_was_bought_and_how_it_was_paid(shop: Shop) -> None:
    shop.give(points=100)
    order_id = shop.buy(points=30).order_id
    found = shop.house.orders.find(order_id)
    assert found is not None
    assert msgspec.json.decode(found["items"]) == [
        {"product_id": shop.items()[0][0], "name": "Kettle", "quantity": 1, "unit_price": 50_000}
    ]
    assert {name: found[name] for name in ("user", "status", "total", "points_used", "cash_due", "points_earned")} == {
        "user": "ann",
        "status": "paid",
        "total": 50_000,
        "points_used": 30,
        "cash_due": 47_000,
        "points_earned": 50,
    }


def test_an_order_that_does_not_exist_is_not_found(shop: Shop) -> None:
    shop.give()
    assert shop.house.orders.find(shop.account()) is None


def test_what_a_member_has_is_split_by_what_may_be_done_with_it(shop: Shop, clock: Clock) -> None:
    shop.house.change_rules(Rule(pending_days=5), None, "root")
    lapsing = clock.at + timedelta(days=2)
    shop.give(points=20, expires_at=lapsing)
    shop.give(points=7, expires_at=lapsing)
    shop.give(points=9, expires_at=clock.at + timedelta(days=1))
    shop.buy()
    shop.buy(points=5, method=TIMEOUT)
    shop.buy(points=5, method=DECLINED)
    clock.move(days=1)
    points = shop.points()
    assert (points["available"], points["pending"], points["held"], points["debt"]) == (27, 50, 5, 0)
    assert points["next_expiry"] == {"points": 27, "expires_at": lapsing}
    assert points["lifetime"] == {
        "earned": 50,
        "redeemed": 10,
        "restored": 5,
        "revoked": 0,
        "expired": 0,
        "adjusted": 36,
    }
    expiring = shop.house.accounts.expiring("ann", clock.at)
    assert [item["points"] for item in expiring] == [27, 50]


def test_somebody_known_only_as_an_admin_has_no_account(shop: Shop, clock: Clock) -> None:
    shop.give("ann")
    assert shop.house.accounts.account_of("root") is None
    assert shop.points("root")["position"] == 0
    assert [account["user"] for account in shop.house.accounts.page(10, None, clock.at).items] == ["ann"]


def test_accounts_with_lapsed_points_are_due_in_order_and_in_parts(shop: Shop, clock: Clock) -> None:
    for user in ("ann", "bob", "cem"):
        shop.give(user, 10, clock.at + timedelta(days=1))
    shop.give("dia", 10)
    clock.move(days=1)
    due = shop.house.lots.due
    accounts = sorted(shop.account(user) for user in ("ann", "bob", "cem"))
    assert due(clock.at, None, 10) == accounts
    assert due(clock.at, accounts[0], 1) == accounts[1:2]
    assert due(clock.at - timedelta(microseconds=1), None, 10) == []


def test_what_has_lapsed_and_was_not_swept_is_counted(shop: Shop, clock: Clock) -> None:
    assert shop.house.lots.unswept(clock.at) == (0, 0)
    for points in (10, 5):
        shop.give("ann", points, clock.at + timedelta(days=1))
    shop.give("bob", 7, clock.at + timedelta(days=1))
    shop.give("bob", 9)
    clock.move(days=1)
    assert shop.house.lots.unswept(clock.at - timedelta(microseconds=1)) == (0, 0)
    assert shop.house.lots.unswept(clock.at) == (2, 22)
    shop.house.expire_points()
    assert shop.house.lots.unswept(clock.at) == (0, 0)


def test_what_will_lapse_is_told_by_the_last_day_of_the_programme_to_spend_it(shop: Shop, clock: Clock) -> None:
    midnight = datetime(2026, 1, 20, 18, 30, tzinfo=UTC)  # where the programme is, the 20th is over
    for user, expires_at in (
        ("ann", midnight),
        ("bob", midnight),
        ("bob", midnight + timedelta(microseconds=1)),
        ("bob", midnight + timedelta(days=2)),
    ):
        shop.give(user, 10, expires_at)

    def lapsing(after: datetime, until: datetime) -> list[tuple[date, int, int]]:
        return [tuple(found) for found in shop.house.lots.lapsing(after, until, shop.house.settings.zone)]

    assert lapsing(clock.at, midnight + timedelta(days=1)) == [(date(2026, 1, 20), 2, 20), (date(2026, 1, 21), 1, 10)]
    assert lapsing(midnight, midnight + timedelta(days=2)) == [(date(2026, 1, 21), 1, 10), (date(2026, 1, 22), 1, 10)]
