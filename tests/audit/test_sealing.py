"""Sealing: what is settled is signed, once and in order, whoever writes meanwhile and wherever it is killed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest

from app.audit import merkle
from app.audit.checkpoints import Checkpoint
from app.audit.keys import Signer
from app.audit.outside import OutsideFile
from app.audit.sealing import Seal
from app.config import Settings
from app.database import Database
from app.scheduler.schedule import SCHEDULE
from app.wiring import House
from tests.audit.sealed_logs import append, forget_seals, hashes, kept, root_over, sealed
from tests.storage.commits import open_append
from tests.support.clock import Clock
from tests.support.crashing import Errand, live
from tests.support.shop import Shop, at_once
from tests.support.tables import snapshot_of_tables

EVENTS = 600
"""Over more than two tiles."""


def assert_sound(house: House, outside: OutsideFile) -> None:
    """Every checkpoint is signed, stands outside, has the root over the log, and begins the next one."""
    checkpoints, log = kept(house), hashes(house)
    assert list(outside) == checkpoints
    for checkpoint in checkpoints:
        house.trusted_keys.verify(checkpoint)
        assert checkpoint.root == root_over(log[: checkpoint.size])
    for older, newer in pairwise(checkpoints):
        assert older.size < newer.size and older.position < newer.position
        path = house.tree.consistency(older.size, newer.size)
        assert merkle.check_consistency(older.size, newer.size, older.root, newer.root, path)


def test_an_empty_log_is_not_sealed(house: House, outside: OutsideFile) -> None:
    assert house.seal() is None
    assert kept(house) == []
    assert not outside.path.exists()


def test_what_was_bought_and_given_is_sealed_and_nothing_new_is_not(
    house: House, clock: Clock, outside: OutsideFile
) -> None:
    shop = Shop(house)
    shop.give("ann", 100)
    shop.buy("ann", 30)
    first = house.seal()
    assert first is not None
    assert (first.size, first.position) == (len(shop.events()), shop.events()[-1][0])
    assert first.sealed_at == clock()
    assert house.seal() is None
    shop.give("bob", 100)
    clock.move(minutes=1)
    second = house.seal()
    assert second is not None
    assert kept(house) == [first, second]
    assert_sound(house, outside)


def test_a_log_is_sealed_alike_in_one_go_and_batch_by_batch(
    house: House, settings: Settings, clock: Clock, database: Database, outside: OutsideFile
) -> None:
    home, trusted = settings.home, house.trusted_keys
    for size in (1, 255, 256, 257, 700):
        append(house, size)
        seal = Seal(database, house.checkpoints, house.tree, outside, Signer(home), trusted, clock, batch=100)
        assert seal() is not None
    assert [checkpoint.size for checkpoint in kept(house)] == [1, 256, 512, 769, 1469]
    assert_sound(house, outside)


def test_an_append_under_way_is_waited_for_by_the_next_checkpoint(
    house: House, database: Database, outside: OutsideFile
) -> None:
    append(house, 3)
    with open_append(database) as slow:
        append(house, 2)
        first = house.seal()
        assert first is not None and first.size == 3
        assert house.seal() is None
        slow.commit()
    second = house.seal()
    assert second is not None and second.size == 6
    assert_sound(house, outside)


@pytest.mark.slow
def test_seals_under_eight_writers_cover_the_log_and_each_begins_the_next(house: House, outside: OutsideFile) -> None:
    done = threading.Event()

    def write(number: int) -> None:
        while not done.is_set():
            append(house, 1 + number)

    with ThreadPoolExecutor(8) as threads:
        writing = [threads.submit(write, number) for number in range(8)]
        try:
            while len(kept(house)) < 20:
                house.seal()
        finally:
            done.set()
        for each in writing:
            each.result()
    house.seal()
    assert kept(house)[-1].size == len(hashes(house))
    assert_sound(house, outside)


def test_of_eight_who_seal_at_once_one_does_it(house: House, outside: OutsideFile) -> None:
    append(house, EVENTS)
    found = at_once([house.seal] * 8)
    assert [checkpoint.size for checkpoint in found if checkpoint] == [EVENTS]
    assert_sound(house, outside)


def seal(house: House) -> Checkpoint | None:
    """The task of a process that is killed."""
    return house.seal()


@pytest.mark.slow
def test_a_seal_killed_anywhere_is_made_good_by_the_next_and_loses_no_note(
    house: House, settings: Settings, clock: Clock, outside: OutsideFile
) -> None:
    append(house, EVENTS)
    die_at, ahead = 0, 0
    while (life := live(Errand(settings, clock(), seal, die_at))).was_killed:
        ahead += len(list(outside)) > len(kept(house))
        before = list(outside)
        append(house)
        assert house.seal() is not None
        assert list(outside)[: len(before)] == before
        assert_sound(house, outside)
        append(house, EVENTS)
        die_at += 1
    assert life.exitcode == 0
    assert die_at > 8, "it had boundaries to be killed at"
    assert ahead >= 2, "some were killed between the file and the commit"
    assert_sound(house, outside)


def test_a_full_disk_stops_the_seal_before_anything_is_kept(
    house: House, owner: Database, outside: OutsideFile
) -> None:
    append(house)
    outside.path.mkdir()
    before = snapshot_of_tables(owner)
    with pytest.raises(IsADirectoryError):
        house.seal()
    assert snapshot_of_tables(owner) == before
    outside.path.rmdir()
    assert house.seal() is not None
    assert_sound(house, outside)


def test_a_checkpoint_that_the_table_lost_is_taken_back_from_the_file(
    house: House, owner: Database, outside: OutsideFile
) -> None:
    first = sealed(house, 300)
    second = sealed(house, 300)
    forget_seals(owner)
    assert house.seal() is None
    assert kept(house) == [second]
    third = sealed(house)
    assert list(outside) == [first, second, third]


def test_the_schedule_seals_each_minute_and_keeps_no_record_of_minutes_without_events(
    house: House, outside: OutsideFile
) -> None:
    (job,) = [job for job in SCHEDULE if job.name == "seal-log"]
    assert (job.every.total_seconds(), job.slot) == (60, None)
    append(house, 5)
    assert job.run(house) == "5 sealed, 0 copies shipped"
    assert job.run(house) == "nothing new sealed, 0 copies shipped"
    assert_sound(house, outside)
