"""What the scheduler ran, and what became of it: each slot of a job once, whoever leads."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from app.database import Database


class JobRun(NamedTuple):
    """One run; one that has not ended has no outcome: it is under way, or its process died."""

    job: str
    slot: datetime
    started_at: datetime
    finished_at: datetime | None
    outcome: str | None
    detail: str | None


class JobRuns:
    """The table `job_runs`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, job: str, slot: datetime) -> bool:
        """Take a slot; False if it was taken. One left unfinished is taken again only by `resume`."""
        taken = self._database.written(
            "INSERT INTO job_runs (job, slot) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING slot", (job, slot)
        )
        return bool(taken)

    def finish(self, job: str, slot: datetime, outcome: str, detail: str) -> None:
        """Record how a run ended: `done` or `failed`, and in words."""
        self._database.execute(
            "UPDATE job_runs SET finished_at = clock_timestamp(), outcome = %s, detail = %s"
            " WHERE job = %s AND slot = %s",
            (outcome, detail, job, slot),
        )

    def is_finished(self, job: str, slot: datetime) -> bool | None:
        """Whether the run of a slot ended; None if it never began."""
        row = self._database.row(
            "SELECT finished_at IS NOT NULL FROM job_runs WHERE job = %s AND slot = %s", (job, slot)
        )
        return None if row is None else bool(row[0])

    def newest(self, limit: int, before: datetime | None = None) -> list[JobRun]:
        """Up to `limit` runs of those begun before a moment, newest first.

        One leader begins one run after the other, so no two began at the same microsecond.
        """
        rows = self._database.rows(
            "SELECT job, slot, started_at, finished_at, outcome, detail FROM job_runs"
            " WHERE %(before)s::timestamptz IS NULL OR started_at < %(before)s"
            " ORDER BY started_at DESC LIMIT %(limit)s",
            {"before": before, "limit": limit},
        )
        return [JobRun(*row) for row in rows]
