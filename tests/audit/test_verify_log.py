"""Verification of whole logs: honest ones pass whatever goes on beside it, and what an event cannot say is found."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from app.audit import sealing, verify
from app.audit.agreement import Agreement
from app.audit.findings import Finding
from app.audit.keys import TrustedKeys
from app.database import Database
from app.eventstore.chain import read_log
from app.wiring import House
from tests.audit.verifying import sealed, verified, wrong
from tests.support.clock import Clock
from tests.support.imports import bought, brought, import_accounts, import_orders
from tests.support.refunds import refund
from tests.support.shop import DECLINED, TIMEOUT, VISA, Shop, at_once, random_history, refusal
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the test's own house."""
    return Shop(house)


def append(owner: Database, topic: str, state: str) -> int:
    """Append an event of a stream of its own behind the back of what is served, and give its position."""
    rows = owner.written("SELECT events_append(ARRAY[gen_random_uuid()], '{1}', ARRAY[%s], ARRAY[%s])", (topic, state))
    return int(rows[0][0])


@pytest.mark.parametrize("seed", range(3))
def test_an_honest_history_passes_in_batches_of_any_size(
    shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random_history(shop, clock, 50, seed)
    for order in shop.house.orders.page(50, status="paid").items[:4]:
        refund(shop, order["order_id"], 3_333)
    sealed(shop)
    random_history(shop, clock, 25, seed + 100)
    sealed(shop)
    shop.house.daily.catch_up()
    random_history(shop, clock, 10, seed + 200)
    reports = set()
    for batch in (1, 2, 7, 1000):
        monkeypatch.setattr(verify, "read_log", partial(read_log, batch=batch))
        reports.add(verified(shop)._replace(seconds=0))
    ((report,),) = [reports]
    assert (report.events, report.checkpoints) == (len(shop.events()), 2)
    assert report.streams == len({stream for _, stream, _ in shop.events()})


def test_an_empty_log_passes(shop: Shop) -> None:
    assert verified(shop)._replace(seconds=0) == (0, 0, 0, 0, 0)


def test_imports_pass_many_of_whose_events_are_of_one_append(shop: Shop) -> None:
    import_accounts(shop.house, *(brought(f"user-{n % 9}", reference=f"L-{n}") for n in range(30)))
    import_orders(shop.house, *(bought(f"user-{n % 9}", reference=f"S-{n}") for n in range(30)))
    sealed(shop)
    assert verified(shop).checkpoints == 1


def test_a_verification_changes_nothing_and_leaves_nothing_behind(shop: Shop, owner: Database, clock: Clock) -> None:
    random_history(shop, clock, 20, 1)
    sealed(shop)
    before = snapshot_of_tables(owner)
    verified(shop)
    verified(shop, since=len(shop.events()))
    assert snapshot_of_tables(owner) == before
    assert owner.rows("SELECT relname FROM pg_class WHERE relpersistence = 't'") == []
    assert shop.buy() is not None, "the house's own connections still know the live tables"


def test_nothing_is_found_wrong_while_appends_seals_and_the_follower_go_on(shop: Shop) -> None:
    shop.items()
    done = Event()

    def trade(user: str) -> Callable[[], list[str]]:
        def run() -> list[str]:
            for n in range(25):
                refusal(partial(shop.buy, user, n % 2 * 10, method=(DECLINED, TIMEOUT, VISA)[n % 3]))
            done.set()
            return []

        return run

    def beside(act: Callable[[], object]) -> Callable[[], list[str]]:
        def run() -> list[str]:
            while not done.is_set():
                act()
            return []

        return run

    others = (shop.house.daily.catch_up, shop.house.seal, lambda: verified(shop))
    assert at_once([trade("ann"), trade("bob"), *map(beside, others)]) == [[]] * 5
    shop.house.seal()
    assert verified(shop).events == len(shop.events())


def test_progress_comes_to_the_last_position(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "read_log", partial(read_log, batch=2))
    shop.give()
    shop.buy()
    told: list[tuple[int, int]] = []
    shop.house.verify(shop.house.trusted_keys, progress=lambda position, last: told.append((position, last)))
    last = len(shop.events())
    assert [of for _, of in told] == [last] * -(-last // 2)
    assert [position for position, _ in told] == [*range(2, last, 2), last]


@pytest.mark.parametrize(
    ("topic", "state", "why"),
    [
        ("Tomorrow.v9", "{}", "the event cannot be read: cannot read 'Tomorrow.v9'"),
        ("Opened.v1", "{", "the event cannot be read: "),
        ("Opened.v1", "{}", "the event cannot be read: "),
        ("Opened.v1", '{"at":"2026-01-15T06:30:00Z","balance":"0"}', "the event cannot be read: "),
        ("Restored.v1", "[]", "the event cannot be read: "),
        ("OrderPlaced.v1", '{"at":1}', "the event cannot be read: "),
        ("Opened.v1", "[" * 100_000, "the event cannot be read: "),
        ("PointAccountState.v1", "{}", "the event cannot be read: "),
        ("Opened.v1", '{"at":"2026-01-15T06:30:00Z","balance":1}', "Opened.v1 does not fit: it says a balance of 1"),
        ("PaymentFailed.v1", '{"at":"2026-01-15T06:30:00Z","reason":"","points_restored":0}', "no stream begins with"),
    ],
)
def test_an_event_that_makes_no_sense_is_found_where_it_stands(
    shop: Shop, owner: Database, topic: str, state: str, why: str
) -> None:
    shop.give()
    position = append(owner, topic, state)
    assert wrong(shop).startswith(f"position {position}: ")
    assert why in wrong(shop)


ORDER = (
    '{"at":"2026-01-15T06:30:00Z","account_id":"11111111-1111-4111-8111-111111111111","lines":[],"currency":"%s",'
    '"total_minor":%d,"points_used":0,"taken":[],"cash_due_minor":0,"points_promised":0,"rule_version":1,'
    '"fingerprint":"","gateway":null}'
)


@pytest.mark.parametrize(
    ("topic", "state", "why"),
    [
        ("OrderPlaced.v2", ORDER % ("\\u0000", 1), "cannot hold NUL"),
        ("Opened.v1", '{"at":"9999-12-31T23:59:59Z","balance":0}', "date value out of range"),
    ],
)
@pytest.mark.parametrize("batch", [1, 2, 1000])
def test_an_event_that_no_read_model_can_hold_is_found_before_what_comes_after_it(
    shop: Shop, owner: Database, monkeypatch: pytest.MonkeyPatch, topic: str, state: str, why: str, batch: int
) -> None:
    monkeypatch.setattr(verify, "read_log", partial(read_log, batch=batch))
    shop.give()
    append(owner, "OrderPlaced.v2", ORDER % ("INR", 1))
    position = append(owner, topic, state)
    append(owner, "OrderPlaced.v2", ORDER % ("INR", 1))
    if batch < 1000:
        append(owner, "Tomorrow.v9", "{}")
    owner.execute("INSERT INTO tracking VALUES ('daily', %s)", (position,))
    found = wrong(shop)
    assert found.startswith(f"position {position}: the event cannot be folded: ")
    assert why in found


def test_an_unknown_key_is_not_believed(shop: Shop, tmp_path: Path) -> None:
    shop.give()
    sealed(shop)
    with pytest.raises(Finding, match=r"position 2: the checkpoint over 2 events is signed by .* not trusted here"):
        shop.house.verify(TrustedKeys(tmp_path / "none"))


def half_of_an_append(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> int:
    """Seal up to the first of the events of a checkout's one append, as a seal may that looks while they are drawn."""
    shop.give()
    before = len(shop.events())
    shop.buy(points=100, price=10_000)
    monkeypatch.setattr(sealing, "_low_water_mark", lambda cursor: before + 1)
    size = sealed(shop)
    monkeypatch.undo()
    names = [topic.split(".")[0] for _, _, topic in shop.events()[before:]]
    assert names == ["Redeemed", "Earned", "OrderPlaced", "OrderPaid"]
    return size


def test_a_checkpoint_within_an_append_is_as_good_as_any(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    size = half_of_an_append(shop, monkeypatch)
    shop.buy()
    assert verified(shop).checkpoints == 1
    assert verified(shop, since=size).events == len(shop.events()) - size
    # The control: who did not know that the log was cut would find an order that nobody paid with points.
    monkeypatch.setattr("app.audit.walk.Agreement", lambda cut: Agreement())
    assert "says otherwise of its points" in wrong(shop, since=size)
