"""What each check of a verification is for: an edit that it finds, and that is not found without it.

Each test is the control of a kind of edit in tests/audit/test_tampering.py: it shows that one can fail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from app.audit.account_book import AccountBook
from app.audit.agreement import Agreement
from app.audit.seals import Seals
from app.audit.snapshots import Snapshots
from app.domain.account_events import Expired
from app.domain.aggregate import Recorded
from app.domain.point_account import PointAccount
from app.eventstore.chain import GENESIS, LogEntry
from app.projections.verify import Refold
from tests.audit.scenes import Scene, tampered
from tests.support.postgres import TestServer
from tests.support.shop import DAY
from tests.support.tampering import change, insert, rehash, swap

AT = datetime(2029, 1, 1, tzinfo=UTC)

CHECKS: dict[str, Sequence[tuple[type, str, object]]] = {
    "chain": [(LogEntry, "hash_after", lambda entry, previous: entry.hash)],
    "seals": [(Seals, "follow", lambda *_: None), (Seals, "finish", lambda *_: None)],
    "ledger": [(AccountBook, "follow", lambda *_: None)],
    "agreement": [(Agreement, "follow", lambda *_: None)],
    "read models": [(Refold, "feed", lambda *_: None), (Refold, "differences", lambda *_: [])],
    "snapshots": [(Snapshots, "check", lambda *_: None)],
}
"""Each check, and what switches it off."""


@pytest.fixture(scope="module")
def made(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One log for all edits."""
    with tampered(postgres, tmp_path_factory.mktemp("home")) as scene:
        yield scene


@pytest.fixture
def scene(made: Scene) -> Iterator[Scene]:
    """That log, once more as it was."""
    with made.undone():
        yield made


def needs(scene: Scene, monkeypatch: pytest.MonkeyPatch, check: str, *, also_off: Sequence[str] = ()) -> str:
    """What is wrong, which only this check finds, where those of `also_off` are switched off too."""
    for name in also_off:
        switch_off(monkeypatch, name)
    found = scene.finding()
    assert found is not None
    switch_off(monkeypatch, check)
    assert scene.finding() is None, f"it is found without the {check}"
    return str(found)


def switch_off(monkeypatch: pytest.MonkeyPatch, check: str) -> None:
    """Go on without a check."""
    for owner, name, nothing in CHECKS[check]:
        monkeypatch.setattr(owner, name, nothing)


def first_of(scene: Scene, name: str, *, is_sealed: bool) -> LogEntry:
    """The first event of this name that is sealed, or that is not."""
    return next(e for e in scene.log.entries if e.topic.startswith(name) and scene.log.is_sealed(e) == is_sealed)


@pytest.mark.parametrize("is_sealed", [True, False])
def test_the_chain_finds_a_changed_time(scene: Scene, monkeypatch: pytest.MonkeyPatch, is_sealed: bool) -> None:
    entry = first_of(scene, "OrderPaid", is_sealed=is_sealed)
    change(scene.cursor, entry.position, "recorded_at", entry.recorded_at + timedelta(microseconds=1))
    found = needs(scene, monkeypatch, "chain")
    assert found == (
        f"position {entry.position}: the hash of version 2 of the stream {entry.stream} is not that of the event and of"
        " what came before it"
    )


def test_the_seals_find_a_suffix_that_was_hashed_anew(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = first_of(scene, "OrderPlaced", is_sealed=True)
    change(scene.cursor, entry.position, "metadata", "{}")
    rehash(scene.cursor, [entry._replace(metadata="{}"), *scene.log.stream_from(entry)[1:]], GENESIS)
    found = needs(scene, monkeypatch, "seals")
    assert found == f"position {entry.position}: this is not the event that was sealed here"


def test_the_seals_find_two_sealed_rows_in_each_others_place(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    # Openings shape no row by their positions where others follow, so nobody else would know.
    first, second = scene.log.entries[:2]
    assert (first.topic, second.topic) == ("Opened.v1", "Opened.v1")
    swap(scene.cursor, first, second)
    assert needs(scene, monkeypatch, "seals").startswith(f"position {first.position}: this is not the event")


def test_the_seals_find_that_the_end_is_missing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = scene.log.entries[scene.log.sealed - 1]
    scene.cursor.execute("DELETE FROM events WHERE position >= %s", (sealed.position,))
    found = needs(scene, monkeypatch, "seals", also_off=["read models", "snapshots", "agreement"])
    assert found == f"position {sealed.position}: the event that was sealed here is missing, and all sealed after it"


def test_the_seals_find_that_a_sealed_event_is_missing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    last = next(e for e in reversed(scene.log.entries[: scene.log.sealed]) if len(scene.log.stream_from(e)) == 1)
    scene.cursor.execute("DELETE FROM events WHERE position = %s", (last.position,))
    found = needs(scene, monkeypatch, "seals", also_off=["read models", "snapshots", "agreement"])
    assert found == f"position {last.position}: the event that was sealed here is missing"


def test_the_seals_find_an_event_moved_to_a_place_that_was_free(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    gap = scene.log.gaps()[0]
    entry = next(e for e in scene.log.entries if e.position == gap + 1)
    change(scene.cursor, entry.position, "position", gap)
    found = needs(scene, monkeypatch, "seals", also_off=["read models", "snapshots"])
    assert found == f"position {gap}: the log has an event at position {gap} that the sealed tree has at {gap + 1}"


def test_the_read_models_find_that_the_last_event_of_a_stream_is_missing(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends = (e for e in reversed(scene.log.entries) if len(scene.log.stream_from(e)) == 1)
    last = next(e for e in ends if e.topic == "Adjusted.v1" and not scene.log.is_sealed(e))
    scene.cursor.execute("DELETE FROM events WHERE position = %s", (last.position,))
    found = needs(scene, monkeypatch, "read models", also_off=["snapshots"])
    assert found.startswith(f"position {last.position}: balances: 1 row differs from the log")


def test_the_read_models_find_an_event_that_nobody_appended(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    stream, position = uuid4(), scene.log.gaps()[-1]
    opened = scene.log.at(first_of(scene, "Opened", is_sealed=True).stream, 1)
    assert opened is not None
    inserted = opened._replace(position=position, stream=stream)
    insert(scene.cursor, inserted._replace(hash=inserted.hash_after(GENESIS)))
    found = needs(scene, monkeypatch, "read models")
    assert found == f"position {position}: balances: 1 row differs from the log, first account_id {stream}"


def test_the_read_models_find_a_row_that_was_changed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.cursor.execute("UPDATE lots SET reference = 'x' WHERE account_id = (SELECT account_id FROM lots LIMIT 1)")
    assert ": lots: " in needs(scene, monkeypatch, "read models")


def test_the_snapshots_are_compared_at_their_own_version(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that is older than its stream's last event is right as long as it is what the events came to by then."""
    account = first_of(scene, "Adjusted", is_sealed=True).stream
    mapper, second = scene.house.mapper, scene.house.loyalty.at_version(PointAccount, account, 2)
    stored = mapper.to_stored_event(Recorded(account, 2, second.state()))
    scene.cursor.execute(
        "UPDATE snapshots SET originator_version = 2, state = %s WHERE originator_id = %s",
        (stored.state.decode(), account),
    )
    assert scene.finding() is None
    scene.cursor.execute("UPDATE snapshots SET originator_version = 1 WHERE originator_id = %s", (account,))
    found = needs(scene, monkeypatch, "snapshots")
    assert found.endswith(f": the snapshot of the stream {account} is not what its events come to")


def test_a_snapshot_that_is_missing_harms_nothing(scene: Scene) -> None:
    scene.cursor.execute("DELETE FROM snapshots")
    assert scene.finding() is None


def test_a_snapshot_of_no_account_is_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.cursor.execute("INSERT INTO snapshots SELECT gen_random_uuid(), 1, topic, state FROM snapshots LIMIT 1")
    found = needs(scene, monkeypatch, "snapshots")
    assert found.startswith(f"position {scene.log.entries[-1].position}: the snapshot of the stream ")


def test_a_snapshot_that_cannot_be_read_is_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.cursor.execute("UPDATE snapshots SET state = '{'")
    assert " cannot be read: " in needs(scene, monkeypatch, "snapshots")


def test_the_ledger_finds_an_event_that_makes_no_sense(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    account = account_of(scene)
    account._trigger(Expired(at=AT, balance=account.balance, points=1, taken=()))
    position = append(scene, account)
    found = needs(scene, monkeypatch, "ledger", also_off=["read models", "snapshots"])
    assert found == f"position {position}: Expired.v1 does not fit: its points are not the sum of its lots and debt"


def test_the_agreement_finds_points_that_no_order_knows_of(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    account, order_id = account_of(scene), uuid4()
    account.earn(AT, order_id, 50, 1, AT, AT + DAY)
    position = append(scene, account)
    found = needs(scene, monkeypatch, "agreement", also_off=["read models", "snapshots"])
    assert found == (
        f"position {position}: the order {order_id} says otherwise of its points than the account {account.id}"
        " (Earned -50)"
    )


def account_of(scene: Scene) -> PointAccount:
    """An account as it stands."""
    return scene.house.loyalty.at_version(PointAccount, first_of(scene, "Adjusted", is_sealed=True).stream)


def append(scene: Scene, account: PointAccount) -> int:
    """Append what an account decided, as the store does, with hashes, and behind the back of what is served."""
    for recorded in account.collect_events():
        stored = scene.house.mapper.to_stored_event(recorded)
        scene.cursor.execute(
            "SELECT events_append(%s::uuid[], %s, %s, %s)",
            ([account.id], [stored.originator_version], [stored.topic], [stored.state.decode()]),
        )
    ((position,),) = scene.cursor.fetchall()
    return int(position)
