"""The import of opening balances: each a grant with a reason and an actor, once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from eventsourcing.persistence import OperationalError

from app.config import Settings
from app.database import Database
from app.domain.point_account import MAX_ADJUSTMENT, PointAccount
from app.domain.rules import Rule
from app.usecases import importing
from app.usecases.import_accounts import OpeningBalance
from app.usecases.importing import Refused, Report
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.imports import OTHER_VALUES, UNTIL, brought, import_accounts
from tests.support.shop import Shop, at_once
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Batches of ten lines, so that a short import has many."""
    monkeypatch.setattr(importing, "BATCH", 10)
    return 10


def test_a_balance_is_a_grant_of_today_with_its_own_expiry_reason_and_actor(
    house: House, shop: Shop, clock: Clock
) -> None:
    assert import_accounts(house, brought()) == Report(imported=1)
    (lot,) = shop.lots()
    assert (lot["points"], lot["remaining"], lot["earned_at"], lot["available_at"]) == (500, 500, clock.at, clock.at)
    assert lot["expires_at"] == UNTIL
    (line,) = shop.feed()
    assert (line["type"], line["points"], line["actor"], line["created_at"]) == (
        "manual", 500, "miles-import", clock.at,
    )  # fmt: skip
    assert line["reason"] == "Opening balance of 500 points until 2026-06-30T18:30:00Z (reference L-1)"
    assert shop.names(shop.account()) == ["Opened", "Adjusted"]
    assert shop.available() == 500
    assert shop.differences() == []


def test_without_an_expiry_points_live_as_long_as_earned_ones(house: House, shop: Shop, clock: Clock) -> None:
    import_accounts(house, brought(expires_at=None))
    assert shop.lots()[0]["expires_at"] == datetime(2027, 1, 15, 18, 30, tzinfo=UTC)
    assert shop.feed()[0]["reason"] == "Opening balance of 500 points (reference L-1)"
    house.change_rules(Rule(expiry_months=1), None, "root")
    import_accounts(house, brought(expires_at=None, reference="L-2"))
    assert shop.lots()[1]["expires_at"] == datetime(2026, 2, 15, 18, 30, tzinfo=UTC)


def test_an_account_without_points_is_only_opened(house: House, shop: Shop) -> None:
    assert import_accounts(house, brought(points=0)) == Report(imported=1)
    assert (shop.names(shop.account()), shop.feed()) == (["Opened"], [])
    assert import_accounts(house, brought(points=0), brought(points=0, reference="L-2")) == Report(known=2)
    assert import_accounts(house, brought(points=5)) == Report(rejected=[(1, OTHER_VALUES)])
    assert shop.differences() == []


def test_the_largest_balance_is_that_of_an_adjustment(house: House, shop: Shop) -> None:
    assert import_accounts(house, brought(points=MAX_ADJUSTMENT)) == Report(imported=1)
    assert shop.available() == MAX_ADJUSTMENT
    assert import_accounts(house, brought("bob"), brought("cem", MAX_ADJUSTMENT + 1)) == Report(
        imported=1, rejected=[(2, "invalid_request")]
    )
    assert house.directory.account_of("cem") is None
    assert shop.differences() == []


def test_a_member_of_today_gets_their_balance_on_top_and_debt_is_repaid_first(house: House, shop: Shop) -> None:
    shop.give("ann", 10)
    (account,) = house.loyalty.load((PointAccount, shop.account()))
    account.revoke(house.clock(), uuid4(), 40, None, uuid4())
    house.loyalty.record(account)
    import_accounts(house, brought("ann", 100), brought("ann", 7, reference="L-2"))
    assert (shop.points()["debt"], shop.available(), shop.left()) == (0, 77, [0, 70, 7])
    assert [line["debt_repaid"] for line in shop.feed()[-2:]] == [30, 0]
    assert shop.differences() == []


def test_the_actor_is_one_person_and_may_be_a_member(house: House, shop: Shop, database: Database) -> None:
    import_accounts(house, brought("root"), brought("ann"), actor="root")
    import_accounts(house, brought("bob"), actor="root")
    assert {line["actor"] for user in ("ann", "bob", "root") for line in shop.feed(user)} == {"root"}
    assert database.row("SELECT count(*) FROM directory") == (3,)


def test_a_second_import_knows_every_line_and_writes_nothing(house: House, owner: Database, clock: Clock) -> None:
    lines = [brought("ann"), brought("bob", expires_at=None), brought("ann", 0, reference="L-2"), brought("cem", 0)]
    assert import_accounts(house, *lines) == Report(imported=3, known=1)
    clock.move(days=200)  # by now one of them could not be given any more: it was, and that stands
    before = snapshot_of_tables(owner)
    assert import_accounts(house, *lines) == Report(known=4)
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize(
    "other",
    [brought(points=501), brought(points=0), brought(expires_at=None), brought(expires_at=UNTIL + timedelta(days=1))],
)
def test_other_values_under_a_reference_are_refused_and_nothing_is_written(
    house: House, owner: Database, other: OpeningBalance
) -> None:
    import_accounts(house, brought())
    before = snapshot_of_tables(owner)
    assert import_accounts(house, other) == Report(rejected=[(1, OTHER_VALUES)])
    assert snapshot_of_tables(owner) == before


def test_a_line_that_comes_twice_in_a_file_counts_once(house: House, shop: Shop) -> None:
    report = import_accounts(house, brought(), brought(), brought(points=1), brought("bob"), brought(reference="L-2"))
    assert report == Report(imported=3, known=1, rejected=[(3, OTHER_VALUES)])
    assert (shop.available("ann"), shop.available("bob")) == (1_000, 500)


def test_no_key_of_an_adjustment_meets_an_import(house: House, shop: Shop) -> None:
    shop.give("ann", 10, key="L-1")
    import_accounts(house, brought("ann"), actor="ann")
    shop.give("ann", 10, key="import-L-1")
    assert shop.available() == 520


def test_points_that_have_lapsed_are_refused_and_leave_no_trace(house: House, owner: Database, clock: Clock) -> None:
    before = snapshot_of_tables(owner)
    report = import_accounts(house, brought(expires_at=clock.at), brought("new", 0, clock.at - timedelta(days=1)))
    assert report == Report(rejected=[(1, "expires_at: must lie ahead"), (2, "expires_at: must lie ahead")])
    assert snapshot_of_tables(owner) == before
    assert import_accounts(house, brought(expires_at=clock.at + timedelta(microseconds=1))) == Report(imported=1)


def test_an_import_of_mistakes_alone_writes_nothing(house: House, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    assert import_accounts(house, Refused("a"), Refused("b")) == Report(rejected=[(1, "a"), (2, "b")])
    assert snapshot_of_tables(owner) == before


def test_another_writer_between_reading_and_writing_holds_up_nobody(
    settings: Settings, neighbour: House, clock: Clock
) -> None:
    elsewhere = Shop(neighbour)
    meetings = iter(range(12))

    def meddling() -> datetime:
        # A batch asks for the hour once it has read: just then somebody opens the account, or adds to it.
        if next(meetings, None) is not None:
            elsewhere.give("ann", 1)
        return clock()

    house = build(settings, clock=meddling)
    lines = [brought(user, 10, reference=f"L-{n}") for n in range(20) for user in ("bob", "ann")]
    assert import_accounts(house, *lines) == Report(imported=40)
    house.close()
    assert next(meetings, None) is None
    assert (elsewhere.available("ann"), elsewhere.available("bob")) == (212, 200)
    assert elsewhere.differences() == []


def test_the_same_file_imported_twice_at_the_same_moment_is_imported_once(
    house: House, neighbour: House, shop: Shop, small_batches: int
) -> None:
    lines = [brought(f"user-{n % 7}", 10, reference=f"L-{n}") for n in range(105)]
    reports = at_once([lambda: import_accounts(house, *lines), lambda: import_accounts(neighbour, *lines)])
    assert [(r.imported + r.known, r.rejected) for r in reports] == [(105, [])] * 2
    assert sum(report.imported for report in reports) == 105
    assert [shop.available(f"user-{n}") for n in range(7)] == [150] * 7
    assert shop.differences() == []


def test_a_failure_of_the_database_ends_the_import_and_the_next_run_goes_on(
    house: House, shop: Shop, owner: Database, small_batches: int
) -> None:
    lines = [brought(f"user-{n % 7}", 10, reference=f"L-{n}") for n in range(35)]
    owner.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END $$;"
        " CREATE TRIGGER no_room BEFORE INSERT ON reasons FOR EACH ROW WHEN (new.body LIKE '%L-24)')"
        " EXECUTE FUNCTION no_room()"
    )
    with pytest.raises(OperationalError, match="no room"):
        import_accounts(house, *lines)
    assert owner.row("SELECT sum(balance) FROM balances") == (200,)
    owner.execute("DROP TRIGGER no_room ON reasons")
    assert import_accounts(house, *lines) == Report(imported=15, known=20)
    assert [shop.available(f"user-{n}") for n in range(7)] == [50] * 7
    assert shop.differences() == []


def test_lines_are_read_as_they_are_needed(house: House, database: Database, small_batches: int) -> None:
    def lines() -> Iterator[tuple[int, OpeningBalance]]:
        for n in range(31):
            written = database.row("SELECT count(*) FROM transactions")
            assert written == (n // small_batches * small_batches,), "a batch is written before the next is read"
            yield n + 1, brought(reference=f"L-{n}")

    assert house.import_accounts(lines(), "root") == Report(imported=31)


def test_no_event_of_an_import_names_user_actor_or_reference(house: House, database: Database) -> None:
    import_accounts(house, brought("ann.lee", reference="CARD-OF-ANN"), actor="root.admin")
    (log,) = database.row("SELECT string_agg(e::text, ' ') FROM events e") or ("",)
    assert "Adjusted" in log
    assert not [name for name in ("ann.lee", "root.admin", "CARD") if name in log]
