"""The runner: as many processes as one likes may run it, the one that holds the lock runs the jobs.

A leader that loses its connection has lost the lock: it stops, and waits to lead again. Should two lead for a moment,
nothing is done twice: slots are taken by primary key, and every job may run in parallel with itself.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from eventsourcing.persistence import PersistenceError

from app.database import LOCK_SCHEDULER, AdvisoryLock
from app.scheduler.schedule import SCHEDULE, Job
from app.telemetry.logging import logger
from app.wiring import House

STANDBY_S = 5.0
"""How often one that does not lead asks whether it may, and one that leads whether it still does."""

_log = logger("scheduler")


class Runner:
    """Leads or waits until it is stopped."""

    def __init__(self, house: House, schedule: tuple[Job, ...] = SCHEDULE) -> None:
        self._house = house
        self._schedule = schedule
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End `run` soon; a job under way is finished first."""
        self._stopping.set()

    def run(self) -> None:
        """Lead whenever nobody else does, until `stop`."""
        while not self._stopping.is_set():
            try:
                with self._house.database.advisory_lock(LOCK_SCHEDULER, wait=False) as lock:
                    if lock.is_held:
                        self._lead(lock)
            except PersistenceError as error:
                _log.warning("cannot lead now", error=str(error))
            self._stopping.wait(STANDBY_S)

    def run_job(self, job: Job, slot: datetime | None) -> bool:
        """Run a job in its slot, if nobody has; record what came of it. Gives whether it ran.

        Never raises: the next job is not to blame.
        """
        try:
            if slot is not None and not self._house.job_runs.begin(job.name, slot):
                return False
            outcome, detail = self._attempt(job)
            if slot is not None:
                self._house.job_runs.finish(job.name, slot, outcome, detail)
            return True
        except PersistenceError as error:
            _log.error("job not recorded", job=job.name, error=str(error))
            return False

    def _attempt(self, job: Job) -> tuple[str, str]:
        try:
            detail = job.run(self._house)
        except Exception as error:
            _log.error("job failed", job=job.name, error=str(error), exc_info=error)
            return "failed", f"{type(error).__name__}: {error}"
        if job.slot:
            _log.info("job done", job=job.name, detail=detail)
        return "done", detail

    def _lead(self, lock: AdvisoryLock) -> None:
        """Run the schedule until told to stop, or until the lock is lost (the library's PersistenceError)."""
        _log.info("leading")
        for job in self._schedule:
            if job.is_run_at_start and not (job.slot and self.run_job(job, job.slot(self._house))):
                self.run_job(job, self._house.clock())  # the slot was run before: this start is one of its own
        scheduler = BackgroundScheduler(
            timezone=UTC,
            # A look that comes late is still made, once; the same job never runs beside itself in here.
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        for job in self._schedule:
            scheduler.add_job(self._look, "interval", (job,), seconds=job.every.total_seconds(), next_run_time=_now())
        scheduler.start()
        try:
            while not self._stopping.wait(STANDBY_S):
                lock.confirm()
        finally:
            scheduler.shutdown(wait=True)

    def _look(self, job: Job) -> None:
        self.run_job(job, job.slot(self._house) if job.slot else None)


def _now() -> datetime:
    return datetime.now(UTC)
