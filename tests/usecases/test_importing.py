"""Imports under way: by the batch, among other writers, through failures. Past orders stand for all imports."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from eventsourcing.persistence import OperationalError, PersistenceError

from app.config import Settings
from app.database import Database
from app.usecases import importing
from app.usecases.import_orders import LANES, PastOrder
from app.usecases.importing import BATCH, MAX_LISTED, Refused, Report
from app.usecases.loyalty import ATTEMPTS
from app.wiring import House, build
from tests.storage.proxy import lose_the_answer, proxy
from tests.support.clock import Clock
from tests.support.imports import bought, import_orders
from tests.support.postgres import Addresses
from tests.support.shop import Shop, at_once


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> int:
    """Batches of ten lines, so that a short import has many."""
    monkeypatch.setattr(importing, "BATCH", 10)
    return 10


def test_refused_lines_are_told_in_the_order_of_the_file_and_stop_nothing(house: House, clock: Clock) -> None:
    late = bought(reference="late", paid_at=clock.at + timedelta(days=1))
    report = import_orders(house, Refused("a"), bought(), late, Refused("b"), bought(), bought(amount=1), bought("bob"))
    assert [number for number, _ in report.rejected] == [1, 3, 4, 6]
    assert (report.imported, report.known) == (2, 1)


def test_a_file_of_nothing_but_mistakes_does_not_fill_the_memory(house: House) -> None:
    report = house.import_orders((n, Refused("no")) for n in range(1, MAX_LISTED + 8))
    assert (len(report.rejected), report.rejected[-1], report.unlisted) == (MAX_LISTED, (MAX_LISTED, "no"), 7)


def test_lines_are_read_as_they_are_needed(house: House, database: Database) -> None:
    def lines() -> Iterator[tuple[int, PastOrder]]:
        for n in range(2 * at_a_time + 1):
            written = database.row("SELECT count(*) FROM orders")
            assert written == (n // at_a_time * at_a_time,), "batches are written before the next are read"
            yield n + 1, bought(reference=f"S-{n}", amount=100)

    at_a_time = LANES * BATCH
    assert house.import_orders(lines()) == Report(imported=2 * at_a_time + 1)


def test_the_feed_of_a_member_follows_the_file(house: House, shop: Shop, small_batches: int) -> None:
    users = ["ann", "bob", "cem"]
    import_orders(house, *(bought(users[n % 3], f"S-{n}", amount=1_000 * n) for n in range(40)))
    for first, user in enumerate(users):
        assert [points for _, points in shop.lines(user)] == [n for n in range(first, 40, 3) if n]
    assert shop.differences() == []


def test_another_writer_between_reading_and_writing_holds_up_nobody(
    settings: Settings, neighbour: House, clock: Clock, owner: Database
) -> None:
    elsewhere = Shop(neighbour)
    elsewhere.buy("ann")
    meetings = iter(range(12))

    def meddling() -> datetime:
        # A batch asks for the hour once it has read: just then somebody buys, at first every time.
        if next(meetings, None) is not None:
            elsewhere.buy("ann")
        return clock()

    house = build(settings, clock=meddling)
    lines = [bought(user, f"S-{n}") for n in range(20) for user in ("bob", "ann")]
    assert import_orders(house, *lines) == Report(imported=40)
    house.close()
    assert next(meetings, None) is None
    assert owner.row("SELECT count(*), sum(points_earned) FROM orders") == (53, 53 * 50)
    assert elsewhere.differences() == []


def test_a_single_line_waits_longer_for_its_turn_than_a_command_would(
    settings: Settings, neighbour: House, clock: Clock
) -> None:
    elsewhere = Shop(neighbour)
    elsewhere.buy("ann")
    meetings = iter(range(ATTEMPTS + 2))

    def meddling() -> datetime:
        if next(meetings, None) is not None:
            elsewhere.buy("ann")
        return clock()

    house = build(settings, clock=meddling)
    assert import_orders(house, bought("ann")) == Report(imported=1)
    house.close()
    assert next(meetings, None) is None


def test_a_line_that_never_gets_its_turn_is_refused_by_its_code_and_the_rest_imported(
    settings: Settings, neighbour: House, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "FIGHT_FOR_S", 0.1)
    elsewhere = Shop(neighbour)
    elsewhere.buy("ann")

    def meddling() -> datetime:
        elsewhere.buy("ann")
        return clock()

    house = build(settings, clock=meddling)
    report = import_orders(house, bought("bob"), bought("ann"), bought("cem"))
    house.close()
    assert report == Report(imported=2, rejected=[(2, "try_again")])
    assert elsewhere.differences() == []


def test_the_same_file_imported_twice_at_the_same_moment_is_imported_once(
    house: House, neighbour: House, shop: Shop, owner: Database, small_batches: int
) -> None:
    lines = [bought(f"user-{n % 7}", f"S-{n}") for n in range(100)]
    reports = at_once([lambda: import_orders(house, *lines), lambda: import_orders(neighbour, *lines)])
    assert [(r.imported + r.known, r.rejected) for r in reports] == [(100, [])] * 2
    assert sum(report.imported for report in reports) == 100
    assert owner.row("SELECT count(*), sum(points_earned) FROM orders") == (100, 5_000)
    assert shop.differences() == []


def test_a_failure_of_the_database_ends_the_import_and_the_next_run_goes_on(
    house: House, shop: Shop, owner: Database, small_batches: int
) -> None:
    lines = [bought(f"user-{n % 7}", f"S-{n}") for n in range(35)]
    owner.execute(
        "CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no room' USING ERRCODE = 'disk_full'; END $$;"
        " CREATE TRIGGER no_room BEFORE INSERT ON orders FOR EACH ROW WHEN (new.items = '[]' AND new.total = 66600)"
        " EXECUTE FUNCTION no_room()"
    )
    with pytest.raises(OperationalError, match="no room"):
        import_orders(house, *lines[:24], bought("eva", amount=66_600), *lines[24:])
    # The first batch of either lane, and the second of the lane that eva is not in: hers is written not at all.
    assert owner.row("SELECT count(*) FROM orders") == (28,)
    assert house.directory.account_of("eva") is None
    owner.execute("DROP TRIGGER no_room ON orders")
    assert import_orders(house, *lines) == Report(imported=7, known=28)
    assert [shop.available(f"user-{n}") for n in range(7)] == [250] * 7
    assert shop.differences() == []


def test_an_import_that_breaks_off_leaves_whole_batches_and_the_next_run_goes_on(
    house: House, shop: Shop, owner: Database, small_batches: int
) -> None:
    lines = [bought(f"user-{n % 7}", f"S-{n}") for n in range(35)]

    def until_the_disk_dies() -> Iterator[tuple[int, PastOrder]]:
        yield from enumerate(lines[:25], 1)
        raise OSError("the file cannot be read")

    with pytest.raises(OSError, match="cannot be read"):
        house.import_orders(until_the_disk_dies())
    assert owner.row("SELECT count(*) FROM orders") == (20,)
    assert import_orders(house, *lines) == Report(imported=15, known=20)
    assert shop.differences() == []


def test_an_append_whose_answer_is_lost_is_neither_a_conflict_nor_written_twice(
    settings: Settings, addresses: Addresses, clock: Clock, shop: Shop
) -> None:
    with proxy(addresses.app) as line:
        house = build(dataclasses.replace(settings, database_url=line.url), clock=clock)
        line.cuts.append(lose_the_answer)
        assert import_orders(house, bought("ann"), bought("bob"), bought("ann", "S-2")) == Report(imported=3)
        house.close()
        assert not line.cuts
    assert (shop.available("ann"), shop.available("bob")) == (100, 50)
    assert shop.differences() == []


def test_a_database_that_is_gone_is_no_refused_line(settings: Settings, clock: Clock) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    house = build(dataclasses.replace(settings, database_url=nowhere), clock=clock)
    with pytest.raises(PersistenceError):
        import_orders(house, bought())
    house.close()
