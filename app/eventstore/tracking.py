"""How far followers have come: the library's tracking, moved in the same transaction as what they wrote."""

from __future__ import annotations

from typing import Any, cast

from eventsourcing.persistence import ProcessRecorder, Tracking, TrackingRecorder

from app.database import Connection, Database
from app.eventstore.merging import Merges, statements
from app.eventstore.recorder import PostgresApplicationRecorder, Statement


class PostgresTrackingRecorder(TrackingRecorder):
    """One row a follower; it only ever moves forward, and moving it twice raises IntegrityError."""

    def __init__(self, database: Database, *, tracking_table: str = "tracking") -> None:
        super().__init__()
        self.database = database
        self.tracking_table = tracking_table

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move to `tracking` alone."""
        self.database.execute(*self._advance(tracking))

    def insert_merges(self, tracking: Tracking, merges: Merges, *, passed: int) -> bool:
        """Move from `passed` (0 for a follower that never moved) to `tracking` and write `merges`, both or neither.

        False, and nothing is written, where the follower does not stand at `passed`: somebody else has counted some
        of it. That the position only grows would not do: of two that read from one place, the later may reach further.
        """
        with self.database.transaction() as cursor:
            cursor.execute(
                f"INSERT INTO {self.tracking_table} AS t (application_name, notification_id) VALUES (%s, %s)"
                " ON CONFLICT (application_name) DO UPDATE SET notification_id = excluded.notification_id"
                " WHERE t.notification_id = %s",
                (tracking.application_name, tracking.notification_id, passed),
            )
            if cursor.rowcount == 0:
                return False
            for statement in statements(cast(Connection, cursor.connection), merges, "0"):
                cursor.execute(statement)
        return True

    def max_tracking_id(self, application_name: str) -> int | None:
        """How far the follower of this name has come, None where it never moved."""
        row = self.database.row(
            f"SELECT notification_id FROM {self.tracking_table} WHERE application_name = %s", (application_name,)
        )
        return row[0] if row else None

    def _advance(self, tracking: Tracking) -> Statement:
        sql = f"SELECT {self.tracking_table}_advance(%s, %s)"
        return sql, (tracking.application_name, tracking.notification_id)


class PostgresProcessRecorder(PostgresTrackingRecorder, PostgresApplicationRecorder, ProcessRecorder):
    """A log whose appends move a follower's tracking in the same transaction."""

    def __init__(self, database: Database, *, events_table: str = "events", tracking_table: str = "tracking") -> None:
        PostgresApplicationRecorder.__init__(self, database, events_table=events_table)
        self.tracking_table = tracking_table

    def _tracking_statements(self, tracking: Any) -> list[Statement]:
        return [] if tracking is None else [self._advance(tracking)]
