"""The scheduler: one leader among many, each slot once, a record of each run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from app.config import Settings
from app.scheduler import runner as runner_module
from app.scheduler.runner import Runner
from app.scheduler.schedule import SCHEDULE, Job, programme_day
from app.usecases.adjust_points import Adjustment
from app.wiring import House, build
from tests.support.clock import Clock
from tests.support.shop import TIMEOUT, Shop


@pytest.fixture(autouse=True)
def quick_standby(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the lead often, so that tests need not wait."""
    monkeypatch.setattr(runner_module, "STANDBY_S", 0.1)


@contextmanager
def running(house: House, *jobs: Job) -> Iterator[Runner]:
    """A runner in a thread of its own."""
    runner = Runner(house, jobs)
    thread = threading.Thread(target=runner.run)
    thread.start()
    try:
        yield runner
    finally:
        runner.stop()
        thread.join(30)
        assert not thread.is_alive()


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it holds; a test that waits for ever is stopped by its own timeout."""
    while not condition():
        time.sleep(0.02)


def runs(house: House) -> list[tuple[str, str | None, str | None]]:
    """What the table of runs says: job, outcome, detail."""
    return [
        (j, o, d) for j, o, d in house.database.rows("SELECT job, outcome, detail FROM job_runs ORDER BY started_at")
    ]


def scheduled(name: str) -> Job:
    """A job of the schedule by its name."""
    (job,) = [job for job in SCHEDULE if job.name == name]
    return job


def grant(house: House, user: str, points: int, expires_at: datetime | None = None) -> None:
    """Points by hand."""
    house.adjust_points(Adjustment(user, points, "gift", "root", f"gift-{user}", expires_at=expires_at))


def test_the_sweep_runs_at_start_and_its_run_is_recorded(house: House, clock: Clock) -> None:
    grant(house, "ann", 200)
    clock.move(days=400)
    sweep = scheduled("expire-points")
    with running(house, sweep):
        wait_for(lambda: [outcome for _, outcome, _ in runs(house)] == ["done"])
    assert house.accounts.points("ann", clock())["lifetime"]["expired"] == 200
    assert runs(house) == [("expire-points", "done", "200 points of 1 accounts expired")]


def test_a_start_later_on_the_same_day_sweeps_again(house: House, clock: Clock) -> None:
    sweep = scheduled("expire-points")
    with running(house, sweep):
        wait_for(lambda: [outcome for _, outcome, _ in runs(house)] == ["done"])
    grant(house, "ann", 200, expires_at=clock() + timedelta(minutes=1))
    clock.move(minutes=2)
    with running(house, sweep):
        wait_for(lambda: [outcome for _, outcome, _ in runs(house)] == ["done", "done"])
    assert house.accounts.points("ann", clock())["lifetime"]["expired"] == 200


def test_a_slot_runs_once_whoever_asks(house: House, settings: Settings, clock: Clock) -> None:
    count: list[int] = []
    job = Job("count", timedelta(hours=1), lambda _: str(count.append(1)), slot=programme_day)
    other = build(settings, clock=clock)
    slot = programme_day(house)
    threads = [threading.Thread(target=Runner(h, ()).run_job, args=(job, slot)) for h in (house, other) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert len(count) == 1
    assert len(runs(house)) == 1


def test_of_two_runners_one_leads_and_the_other_takes_over(house: House, settings: Settings, clock: Clock) -> None:
    led_by: list[str] = []

    def job(name: str) -> Job:
        return Job("who", timedelta(seconds=0.1), lambda _: str(led_by.append(name)))

    other = build(settings, clock=clock)
    with running(other, job("second")) as second:
        wait_for(lambda: len(led_by) >= 3)
        with running(house, job("first")):
            mark = len(led_by)
            wait_for(lambda: len(led_by) >= mark + 3)
            assert set(led_by) == {"second"}
            second.stop()
            wait_for(lambda: "first" in led_by)
    other.close()


def test_a_leader_that_loses_its_connection_leads_again(house: House) -> None:
    looked: list[int] = []
    with running(house, Job("look", timedelta(seconds=0.1), lambda _: str(looked.append(1)))):
        wait_for(lambda: len(looked) >= 1)
        house.database.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND usename = current_user"
        )
        mark = len(looked)
        wait_for(lambda: len(looked) >= mark + 3)


def test_a_job_that_fails_is_recorded_and_stops_no_other(house: House) -> None:
    def fail(_: House) -> str:
        raise RuntimeError("no luck")

    after: list[int] = []
    with running(
        house,
        Job("fails", timedelta(hours=1), fail, slot=programme_day),
        Job("works", timedelta(hours=1), lambda _: str(after.append(1)), slot=programme_day),
    ):
        wait_for(lambda: len(runs(house)) == 2 and all(outcome for _, outcome, _ in runs(house)))
    outcomes = {job: (outcome, detail) for job, outcome, detail in runs(house)}
    assert outcomes["fails"] == ("failed", "RuntimeError: no luck")
    assert outcomes["works"][0] == "done"
    assert after == [1]


def test_the_slot_of_a_day_begins_at_the_programmes_midnight(house: House, clock: Clock) -> None:
    clock.at = datetime(2026, 3, 1, 18, 29, 59, tzinfo=UTC)
    assert programme_day(house) == datetime(2026, 2, 28, 18, 30, tzinfo=UTC)
    clock.at = datetime(2026, 3, 1, 18, 30, tzinfo=UTC)
    assert programme_day(house) == datetime(2026, 3, 1, 18, 30, tzinfo=UTC)


def test_the_report_follows_the_log(house: House) -> None:
    follow = scheduled("daily-report")
    grant(house, "ann", 200)
    with running(house, follow):
        wait_for(lambda: house.daily.position() == house.log.max_notification_id())
    assert house.daily.summary(None, None, 100)["adjusted"] == 200


def test_recovery_settles_what_has_waited_long_enough(house: House, clock: Clock) -> None:
    shop = Shop(house)
    order = shop.buy(method=TIMEOUT)
    recover = scheduled("recover-payments")
    assert recover.run(house) == "none settled, 0 still unknown"
    clock.move(seconds=90)
    assert recover.run(house) == "1 paid, 0 still unknown"
    found = house.orders.find(order.order_id)
    assert found is not None
    assert found["status"] == "paid"


def test_runs_are_told_newest_first_and_in_parts(house: House, clock: Clock) -> None:
    slots = [clock.at + timedelta(days=n) for n in range(3)]
    for slot in slots:
        assert house.job_runs.begin("sweep", slot)
    house.job_runs.finish("sweep", slots[1], "failed", "Oh")
    newest, middle, oldest = house.job_runs.newest(10)
    assert [run.slot for run in (newest, middle, oldest)] == slots[::-1]
    assert (middle.job, middle.outcome, middle.detail) == ("sweep", "failed", "Oh")
    assert middle.finished_at is not None and middle.finished_at >= middle.started_at
    assert (newest.finished_at, newest.outcome, newest.detail) == (None, None, None)
    assert house.job_runs.newest(1) == [newest]
    assert house.job_runs.newest(1, newest.started_at) == [middle]
    assert house.job_runs.newest(10, oldest.started_at) == []
