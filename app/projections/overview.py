"""How the house stands at a moment, in one statement: what lapses soon, what waits, and whether all runs.

Queries over read models and registers. It folds nothing of its own.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from app.database import LOCK_CLASS, LOCK_SCHEDULER, Database
from app.domain.rules import Rule
from app.projections.daily import FOLLOWER
from app.projections.unsettled import FOR_REVIEW, REVIEW_AFTER

SOON = timedelta(days=30)

_OVERVIEW = f"""
SELECT
    (SELECT coalesce(sum(remaining), 0)::bigint FROM lots
        WHERE remaining > 0 AND expires_at > %(at)s AND expires_at <= %(soon)s),
    (SELECT count(*) FROM orders WHERE waiting_since IS NOT NULL),
    (SELECT count(*) FROM ({FOR_REVIEW}) found),
    EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND (classid, objid) = ({LOCK_CLASS}, {LOCK_SCHEDULER})
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
    sweep.finished_at, sweep.outcome,
    (SELECT max(sealed_at) FROM checkpoints),
    (SELECT coalesce(max(position), 0) FROM events),
    (SELECT coalesce(max(notification_id), 0) FROM tracking WHERE application_name = %(follower)s),
    (SELECT (rule::json->>'point_value')::bigint FROM rules WHERE effective_from <= %(at)s
        ORDER BY version DESC LIMIT 1)
FROM (VALUES (1)) one LEFT JOIN LATERAL (
    SELECT finished_at, outcome FROM job_runs WHERE job = 'expire-points' AND finished_at IS NOT NULL
    ORDER BY slot DESC LIMIT 1
) sweep ON true
"""


class Now(NamedTuple):
    """`expiring` are points that lapse within 30 days; `waiting` and `for_review` are orders.

    `behind` is how many events the report by day has yet to count; `point_value_minor` is what a point pays now.
    """

    expiring: int
    waiting: int
    for_review: int
    is_scheduled: bool
    swept_at: datetime | None
    sweep_outcome: str | None
    sealed_at: datetime | None
    position: int
    behind: int
    point_value_minor: int


class Overview:
    """The one query."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def at(self, at: datetime) -> Now:
        """How the house stands at `at`."""
        parameters = {"at": at, "soon": at + SOON, "overdue": REVIEW_AFTER, "follower": FOLLOWER}
        row = self._database.row(_OVERVIEW, parameters)
        assert row is not None
        (position, reached, value) = row[-3:]
        default = Rule().point_value
        return Now._make((*row[:-3], position, position - reached, default if value is None else value))
