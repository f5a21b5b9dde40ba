"""The library's door to the store: `PERSISTENCE_MODULE=app.eventstore.factory` with `DATABASE_URL`.

Tables follow the application's name as the library's own modules do it: `<name>_events`, or plain `events` for none.
"""

from __future__ import annotations

from typing import Any

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    ProcessRecorder,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic

from app.database import Database
from app.eventstore.recorder import Fold, PostgresAggregateRecorder, PostgresApplicationRecorder
from app.eventstore.tracking import PostgresProcessRecorder, PostgresTrackingRecorder


class PostgresFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes recorders over one Database. It creates no tables."""

    DATABASE_URL = "DATABASE_URL"

    def __init__(
        self,
        env: Environment | EnvType | None,
        *,
        database: Database | None = None,
        fold: Fold | None = None,
        metadata: str = "{}",
    ) -> None:
        super().__init__(env)
        self.database = database or Database(self.env.get(self.DATABASE_URL, ""))
        self._owns_database = database is None
        self._fold = fold
        self._metadata = metadata

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        return PostgresAggregateRecorder(self.database, events_table=self._table(purpose))

    def application_recorder(self) -> ApplicationRecorder:
        """The log: the class that the environment names, or ours, with the inline folds."""
        recorder_class = self._class_named(self.APPLICATION_RECORDER_TOPIC, PostgresApplicationRecorder)
        recorder = recorder_class(
            self.database, events_table=self._table("events"), fold=self._fold, metadata=self._metadata
        )
        assert isinstance(recorder, ApplicationRecorder)
        return recorder

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> TrackingRecorder:
        """Followers' positions: the class asked for, the one that the environment names, or ours."""
        recorder_class: Any = tracking_recorder_class or self._class_named(
            self.TRACKING_RECORDER_TOPIC, PostgresTrackingRecorder
        )
        recorder = recorder_class(self.database, tracking_table=self._table("tracking"))
        assert isinstance(recorder, TrackingRecorder)
        return recorder

    def process_recorder(self) -> ProcessRecorder:
        """A log that tracks what it follows: the class that the environment names, or ours."""
        recorder_class = self._class_named(self.PROCESS_RECORDER_TOPIC, PostgresProcessRecorder)
        recorder = recorder_class(
            self.database, events_table=self._table("events"), tracking_table=self._table("tracking")
        )
        assert isinstance(recorder, ProcessRecorder)
        return recorder

    def close(self) -> None:
        """Close the pool, if it is the factory's own."""
        if self._owns_database:
            self.database.close()

    def _table(self, purpose: str) -> str:
        return f"{self.env.name.lower()}_{purpose}" if self.env.name else purpose

    def _class_named(self, variable: str, default: Any) -> Any:
        topic = self.env.get(variable)
        return resolve_topic(topic) if topic else default
