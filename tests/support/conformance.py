"""The event store as the library's own test cases want it: tables that appear under any application's name.

The product's factory makes no tables; this one makes them from the text of the migration itself, so that the cases
run on the very SQL that is deployed. The library takes this module for a persistence module: it must hold exactly one
factory class.
"""

from __future__ import annotations

import re
from typing import Any

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    ProcessRecorder,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.tests.projection import EventCountersView

from app import migrations
from app.database import Database
from app.eventstore import factory
from app.eventstore.merging import Merge, statements
from app.eventstore.tracking import PostgresTrackingRecorder

TABLES = ("events", "snapshots", "tracking")
"""What the event store's migrations make; every other name in them starts with one of these."""

CHAINED = re.compile(r"IF NOT FOUND AND e\.version > 1 THEN.*?END IF;", re.DOTALL)
"""Where an append refuses a version that has none before it. The library appends snapshots, too: each stands alone."""

EVENT_STORE = ("0001", "0007")
"""The migrations that make the event store."""


class MigratingFactory(factory.PostgresFactory):
    """The store's factory, which first migrates what a recorder needs. Its address must be the owner's."""

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        create(self.database, "events", self._table(purpose), is_chained=purpose == "events")
        return super().aggregate_recorder(purpose)

    def application_recorder(self) -> ApplicationRecorder:
        create(self.database, "events", self._table("events"))
        return super().application_recorder()

    def tracking_recorder(self, tracking_recorder_class: type[TrackingRecorder] | None = None) -> TrackingRecorder:
        create(self.database, "tracking", self._table("tracking"))
        return super().tracking_recorder(tracking_recorder_class)

    def process_recorder(self) -> ProcessRecorder:
        create(self.database, "events", self._table("events"))
        create(self.database, "tracking", self._table("tracking"))
        return super().process_recorder()


def create(owner: Database, wanted: str, name: str, *, is_chained: bool = True) -> None:
    """Run the event store's migrations with its table `wanted` under `name`, unless that stands already.

    Their other tables come along, under names that nobody asks for.
    """
    exists = owner.row("SELECT to_regclass(%s) IS NOT NULL", (name,))
    if exists == (True,):
        return
    ups = (migrations.available()[version].split("-- migrate:down")[0] for version in EVENT_STORE)
    sql = "\n".join(ups)
    if not is_chained:
        sql, found = CHAINED.subn("", sql)
        assert found == 1
    for table in TABLES:
        sql = re.sub(rf"\b{table}(?![a-z])", name if table == wanted else f"{name}_and_{table}", sql)
    owner.execute(sql)


class CountersView(PostgresTrackingRecorder, EventCountersView):
    """The read model of the library's projection cases: two counters, moved together with the tracking."""

    def __init__(self, database: Database, **tables: Any) -> None:
        super().__init__(database, **tables)
        self._table = f"{self.tracking_table}_counters"
        database.execute(f"CREATE TABLE IF NOT EXISTS {self._table} (name text PRIMARY KEY, counted bigint NOT NULL)")
        self._merge = Merge(
            f"{self._table}_add",
            {"name": "text", "counted": "bigint"},
            f"INSERT INTO {self._table} AS c SELECT name, counted FROM {{rows}} AS r "
            "ON CONFLICT (name) DO UPDATE SET counted = c.counted + excluded.counted",
        )

    def get_created_event_counter(self) -> int:
        return self._counted("created")

    def get_subsequent_event_counter(self) -> int:
        return self._counted("subsequent")

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._count("created", tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._count("subsequent", tracking)

    def _count(self, name: str, tracking: Tracking) -> None:
        with self.database.connection() as connection, connection.cursor() as cursor:
            advance = cursor.mogrify(*self._advance(tracking)).decode()
            cursor.execute("; ".join([advance, *statements(connection, [(self._merge, [(name, 1)])], "0")]))

    def _counted(self, name: str) -> int:
        row = self.database.row(f"SELECT counted FROM {self._table} WHERE name = %s", (name,))
        return 0 if row is None else int(row[0])
