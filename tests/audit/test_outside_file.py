"""The file of notes: larger only after smaller, whoever writes, and nothing of it is lost but what a crash began."""

from __future__ import annotations

import fcntl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.audit.checkpoints import Checkpoint, Malformed
from app.audit.outside import OutOfOrder, OutsideFile
from app.config import Settings
from app.database import LOCK_CLASS, LOCK_SEAL
from app.scheduler.jobs import seal_log
from app.wiring import House, build
from tests.audit.sealed_logs import kept
from tests.audit.verifying import sealed, verified
from tests.storage.commits import eventually
from tests.support.clock import Clock
from tests.support.shop import Shop


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the test's own house."""
    return Shop(house)


def notes(shop: Shop, outside: OutsideFile, count: int) -> list[str]:
    """Seal so many times, and give the notes that are in the file then."""
    for _ in range(count):
        shop.give()
        sealed(shop)
    return [checkpoint.note() for checkpoint in outside]


@pytest.mark.parametrize("less", [0, 1, 2])
def test_a_checkpoint_over_no_more_events_than_the_last_is_not_added(
    shop: Shop, outside: OutsideFile, less: int
) -> None:
    notes(shop, outside, 2)
    before, last = outside.path.read_bytes(), outside.last()
    assert last is not None
    with pytest.raises(OutOfOrder, match=f"has a checkpoint over as much as {last.size - less} events already"):
        outside.append(last._replace(size=last.size - less))
    assert outside.path.read_bytes() == before
    outside.append(last._replace(size=last.size + 1))


def test_who_adds_waits_for_another_process_that_adds(shop: Shop, outside: OutsideFile) -> None:
    notes(shop, outside, 1)
    last = outside.last()
    assert last is not None
    with ThreadPoolExecutor(1) as threads, outside.path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        adding = threads.submit(outside.append, last._replace(size=last.size + 1))
        with pytest.raises(TimeoutError):
            adding.result(timeout=0.2)
        fcntl.flock(other, fcntl.LOCK_UN)
        adding.result()
    assert len(list(outside)) == 2


END_THE_OTHER_SEAL = f"""
SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = {LOCK_CLASS}
AND objid = {LOCK_SEAL} AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_a_seal_that_lost_its_lock_on_the_way_adds_nothing_after_the_next_one(
    shop: Shop, outside: OutsideFile, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that is stopped for longer than its session lives."""
    notes(shop, outside, 1)
    shop.give()
    stopped = build(settings, clock=clock)
    sign = stopped.seal._signer.signed

    def signed_late(checkpoint: Checkpoint) -> Checkpoint:
        assert shop.house.database.rows(END_THE_OTHER_SEAL) == [(True,)]
        eventually(lambda: shop.house.database.rows(END_THE_OTHER_SEAL) == [], "the lock is free")
        shop.give()
        sealed(shop)
        return sign(checkpoint)

    monkeypatch.setattr(stopped.seal._signer, "signed", signed_late)
    with pytest.raises(OutOfOrder):
        seal_log(stopped)
    stopped.close()
    assert list(outside) == kept(shop.house)
    assert verified(shop).checkpoints == 2
    shop.give()
    sealed(shop)
    assert verified(shop).checkpoints == 3


DAMAGES: dict[str, Callable[[list[str]], str]] = {
    "all but the first are signed otherwise": lambda n: n[0] + "".join(n[1:]).replace("— ", "- "),
    "the last is signed otherwise": lambda n: "".join(n[:-1]) + n[-1].replace("— ", "- "),
    "none is signed": lambda n: "".join(n).replace("— ", "- "),
    "the last begins otherwise": lambda n: "".join(n[:-1]) + n[-1][1:-1],
    "a line comes after the last": lambda n: "".join(n) + "and so on",
    "an end of line comes after the last": lambda n: "".join(n) + "\n",
    "a second line of signature is begun": lambda n: "".join(n[:-1]) + n[-1].replace("— ", "- ") + "— mil",
    "it is short and no note": lambda n: "x",
    "it is long and no note": lambda n: "x" * 4000,
    "a note is begun and never ends": lambda n: "".join(n) + n[0][: n[0].index("time")] + "9" * 400,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_no_crash_leaves_stops_a_seal_and_a_verification_and_is_not_cut_off(
    shop: Shop, outside: OutsideFile, damage: str
) -> None:
    outside.path.write_text(DAMAGES[damage](notes(shop, outside, 8)))
    before, last = outside.path.read_bytes(), kept(shop.house)[-1]
    shop.give()
    reads: list[Callable[[], object]] = [
        lambda: list(outside), outside.last, lambda: outside.append(last._replace(size=99)), shop.house.seal,
        lambda: verified(shop),
    ]  # fmt: skip
    for read in reads:
        with pytest.raises(Malformed, match=r"checkpoints\.log"):
            read()
    assert outside.path.read_bytes() == before
    assert kept(shop.house)[-1] == last


@pytest.mark.parametrize("grown_by", [0, 1, 250])
def test_a_file_that_ends_within_a_note_is_gone_on_with(shop: Shop, outside: OutsideFile, grown_by: int) -> None:
    """A file may have grown before what it grew by was written: then it ends with zeros."""
    whole = "".join(notes(shop, outside, 3))
    begun = whole[: whole.index("\n\n— ") + 40].encode()
    for length in range(0, len(begun), 20):
        outside.path.write_bytes(whole.encode() + begun[:length] + bytes(grown_by))
        assert verified(shop).checkpoints == 3
    shop.give()
    sealed(shop)
    assert outside.path.read_text().startswith(whole + "miles-plus-cash\n")
    assert list(outside) == kept(shop.house)
