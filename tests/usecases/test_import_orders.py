"""The import of past orders: each earns as of its own day, once, whatever happens on the way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.database import Database
from app.domain.order import order_id
from app.domain.point_account import PointAccount
from app.domain.rules import Rule
from app.usecases.import_orders import PastOrder
from app.usecases.importing import Report
from app.wiring import House
from tests.support.clock import Clock
from tests.support.imports import MARCH, OTHER_VALUES, bought, import_orders
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables


def past(house: House, shop: Shop, user: str = "ann", reference: str = "S-1") -> dict[str, object]:
    """An imported order, as everybody sees it."""
    found = house.orders.find(order_id(shop.account(user), f"import {reference}"))
    assert found is not None
    return found


def test_a_past_order_earns_dated_when_it_was_paid_and_expires_as_of_then(house: House, shop: Shop) -> None:
    assert import_orders(house, bought()) == Report(imported=1)
    order = past(house, shop)
    assert (order["status"], order["total"], order["points_used"], order["cash_due"], order["points_earned"]) == (
        "paid", 50_000, 0, 50_000, 50,
    )  # fmt: skip
    assert (order["created_at"], order["currency"]) == (MARCH, "INR")
    (lot,) = shop.lots()
    assert (lot["points"], lot["remaining"], lot["earned_at"], lot["available_at"]) == (50, 50, MARCH, MARCH)
    # The end of 31 March 2026 in Asia/Kolkata.
    assert lot["expires_at"] == datetime(2026, 3, 31, 18, 30, tzinfo=UTC)
    (line,) = shop.feed()
    assert (line["type"], line["points"], line["created_at"], line["balance_after"]) == ("earn", 50, MARCH, 50)
    assert shop.names(shop.account()) == ["Opened", "Earned"]
    assert shop.available() == 50
    assert shop.differences() == []


def test_when_it_was_written_is_told_apart_from_when_it_happened(house: House, database: Database, shop: Shop) -> None:
    import_orders(house, bought())
    rows = database.rows("SELECT state::json->>'at', recorded_at > now() - interval '1 hour' FROM events")
    assert rows == [("2025-03-31T10:00:00Z", True)] * 4


def test_the_rules_are_those_in_force_when_the_order_was_paid(house: House, shop: Shop, clock: Clock) -> None:
    now = clock.at
    clock.at = datetime(2025, 6, 1, tzinfo=UTC)
    house.change_rules(Rule(earn_points=2, expiry_months=1), None, "root")
    clock.at = datetime(2025, 9, 1, tzinfo=UTC)
    house.change_rules(Rule(earn_points=3, max_earn_per_order=120), None, "root")
    clock.at = now
    moments = [
        clock.at.replace(year=2001),
        datetime(2025, 5, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2025, 6, 1, tzinfo=UTC),
        datetime(2025, 9, 1, tzinfo=UTC),
    ]
    import_orders(house, *(bought("ann", f"S-{n}", at) for n, at in enumerate(moments)))
    assert [lot["points"] for lot in shop.lots()] == [50, 50, 100, 120]
    assert shop.lots()[2]["expires_at"] == datetime(2025, 7, 1, 18, 30, tzinfo=UTC)
    versions = house.database.rows(
        "SELECT (state::json->>'rule_version')::int FROM events WHERE topic LIKE 'OrderPlaced%' ORDER BY position"
    )
    assert versions == [(1,), (1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("paid_at", "expires_at"),
    [
        # Half an hour into 31 January in Asia/Kolkata, where February has 28 days.
        (datetime(2025, 1, 30, 19, 0, tzinfo=UTC), datetime(2025, 2, 28, 18, 30, tzinfo=UTC)),
        # The last half hour of 30 January there, and a leap year.
        (datetime(2024, 1, 30, 18, 0, tzinfo=UTC), datetime(2024, 2, 29, 18, 30, tzinfo=UTC)),
        (datetime(2025, 2, 28, 18, 29, tzinfo=UTC), datetime(2025, 3, 28, 18, 30, tzinfo=UTC)),
        (datetime(2025, 2, 28, 18, 30, tzinfo=UTC), datetime(2025, 4, 1, 18, 30, tzinfo=UTC)),
    ],
)
def test_months_are_counted_in_the_programmes_own_timezone(
    house: House, shop: Shop, clock: Clock, paid_at: datetime, expires_at: datetime
) -> None:
    now = clock.at
    clock.at = datetime(2023, 1, 1, tzinfo=UTC)
    house.change_rules(Rule(expiry_months=1), None, "root")
    clock.at = now
    import_orders(house, bought(paid_at=paid_at))
    assert [lot["expires_at"] for lot in shop.lots()] == [expires_at]


def test_points_that_lapsed_before_they_arrived_cannot_be_spent_and_are_swept(
    house: House, shop: Shop, clock: Clock
) -> None:
    import_orders(house, bought(paid_at=datetime(2024, 1, 1, tzinfo=UTC)), bought(reference="S-2"))
    assert (shop.left(), shop.available()) == ([50, 50], 50)
    assert (house.expire_points().points, house.expire_points().points) == (50, 0)
    assert (shop.left(), shop.available()) == ([0, 50], 50)
    assert shop.differences() == []


def test_points_of_a_fresh_purchase_are_pending_as_long_as_its_rules_say(
    house: House, shop: Shop, clock: Clock
) -> None:
    now = clock.at
    clock.at = datetime(2025, 1, 1, tzinfo=UTC)
    house.change_rules(Rule(pending_days=9), None, "root")
    clock.at = now
    import_orders(
        house, bought(paid_at=now - timedelta(days=8)), bought(reference="S-2", paid_at=now - timedelta(days=9))
    )
    assert (shop.points()["pending"], shop.available()) == (50, 50)
    clock.move(days=1)
    assert (shop.points()["pending"], shop.available()) == (0, 100)


@pytest.mark.parametrize("amount", [0, 999])
def test_an_order_that_earns_nothing_is_an_order_all_the_same(house: House, shop: Shop, amount: int) -> None:
    assert import_orders(house, bought(amount=amount)) == Report(imported=1)
    assert (past(house, shop)["total"], past(house, shop)["points_earned"]) == (amount, 0)
    assert (shop.names(shop.account()), shop.feed()) == (["Opened"], [])
    assert import_orders(house, bought(amount=amount), bought(reference="S-2", amount=amount)) == Report(
        imported=1, known=1
    )
    assert shop.differences() == []


def test_debt_is_repaid_before_a_lot_is_made(house: House, shop: Shop) -> None:
    shop.give("ann", 10)
    (account,) = house.loyalty.load((PointAccount, shop.account()))
    account.revoke(house.clock(), uuid4(), 40, None, uuid4())
    house.loyalty.record(account)
    assert (shop.points()["debt"], shop.available()) == (30, 0)
    import_orders(house, bought())
    assert (shop.points()["debt"], shop.available(), shop.left()) == (0, 20, [0, 20])
    assert shop.feed()[-1]["debt_repaid"] == 30


def test_a_member_of_today_gets_their_past_on_top_of_what_they_have(house: House, shop: Shop, clock: Clock) -> None:
    shop.buy("ann")
    import_orders(house, bought("ann"), bought("bob"), bought("ann", "S-2"))
    assert (shop.available("ann"), shop.available("bob")) == (150, 50)
    assert shop.names(shop.account()) == ["Opened", "Earned", "Earned", "Earned"]
    assert shop.buy("ann", 60).status == "paid"
    assert shop.left("ann") == [50, 0, 40, 50]  # the past lapses first, and burns first
    assert shop.differences() == []


def test_a_second_import_knows_every_line_and_writes_nothing(house: House, shop: Shop, owner: Database) -> None:
    lines = [bought("ann"), bought("bob"), bought("ann", "S-2", amount=0)]
    assert import_orders(house, *lines) == Report(imported=3)
    before = snapshot_of_tables(owner)
    assert import_orders(house, *lines) == Report(known=3)
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize("other", [bought(amount=50_001), bought(paid_at=MARCH + timedelta(microseconds=1))])
def test_other_values_under_a_reference_are_refused_and_nothing_is_written(
    house: House, shop: Shop, owner: Database, other: PastOrder
) -> None:
    import_orders(house, bought())
    before = snapshot_of_tables(owner)
    assert import_orders(house, other) == Report(rejected=[(1, OTHER_VALUES)])
    assert snapshot_of_tables(owner) == before


def test_a_reference_belongs_to_its_user(house: House, shop: Shop) -> None:
    assert import_orders(house, bought("ann"), bought("bob"), bought("ann", "s-1")) == Report(imported=3)


def test_a_line_that_comes_twice_in_a_file_counts_once(house: House, shop: Shop) -> None:
    report = import_orders(house, bought(), bought(), bought(amount=1), bought("bob"))
    assert report == Report(imported=2, known=1, rejected=[(3, OTHER_VALUES)])
    assert (shop.available("ann"), shop.available("bob")) == (50, 50)
    assert shop.differences() == []


def test_no_key_of_a_checkout_meets_an_import(house: House, shop: Shop) -> None:
    import_orders(house, bought(reference="k"))
    assert shop.buy("ann", key="import-k").order_id != past(house, shop, reference="k")["order_id"]
    assert shop.buy("ann", key="k").order_id != past(house, shop, reference="k")["order_id"]
    assert shop.available() == 150


def test_a_line_of_the_future_is_refused_and_leaves_no_trace(
    house: House, shop: Shop, owner: Database, clock: Clock
) -> None:
    before = snapshot_of_tables(owner)
    tomorrow = bought("new", paid_at=clock.at + timedelta(microseconds=1))
    assert import_orders(house, tomorrow) == Report(rejected=[(1, "paid_at: must not lie in the future")])
    assert snapshot_of_tables(owner) == before
    assert import_orders(house, bought(paid_at=clock.at)) == Report(imported=1)


def test_an_empty_import_does_nothing(house: House, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    assert import_orders(house) == Report()
    assert snapshot_of_tables(owner) == before


def test_no_event_of_an_import_names_user_or_reference(house: House, database: Database) -> None:
    import_orders(house, bought("ann.lee", "INVOICE-OF-ANN"))
    (log,) = database.row("SELECT string_agg(e::text, ' ') FROM events e") or ("",)
    assert "OrderPaid" in log
    assert "ann.lee" not in log
    assert "INVOICE" not in log
