"""Appending and reading events: the library's recorders on psycopg2.

An append is one round trip and one transaction: the events, the read models folded from them, snapshots and what
stands beside them go in one string on an autocommit connection. No lock that it holds until its commit makes
another append wait. The only judge of a conflict is the unique key (originator_id, originator_version).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import psycopg2
import psycopg2.errors
from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)

from app.database import Connection, Database, Unavailable, translate
from app.eventstore.merging import Merge, Merges, array, prepare, quoted, statements

Fold = Callable[[Sequence[StoredEvent]], Merges]
"""The inline read models: stored events, positions counted from 1 -> what to merge. Knows which topics to pass over."""

Statement = tuple[str, Sequence[Any] | dict[str, Any]]
"""SQL with %s or %(name)s, and its parameters."""

# A connection may die with the answer to a COMMIT under way. The same append is then sent again, once a try: the
# unique key makes a second success impossible, and waits for a first that is still being committed.
APPEND_ATTEMPTS = 4

_SNAPSHOT = Merge(
    "snapshots_replace",
    {"id": "uuid", "version": "bigint", "topic": "text", "state": "text"},
    "INSERT INTO snapshots AS s (originator_id, originator_version, topic, state) "
    "SELECT id, version, topic, state FROM {rows} AS r ORDER BY id "
    "ON CONFLICT (originator_id) DO UPDATE SET originator_version = excluded.originator_version, "
    "topic = excluded.topic, state = excluded.state WHERE s.originator_version < excluded.originator_version",
)


class LostConnection(OperationalError):
    """The connection died while an append was under way: nobody knows yet whether it was committed."""


class PostgresAggregateRecorder(AggregateRecorder):
    """Streams of events in a table of the event store's shape, without their global order."""

    def __init__(
        self, database: Database, *, events_table: str = "events", fold: Fold | None = None, metadata: str = "{}"
    ) -> None:
        """`metadata`, a JSON object, is kept with each event appended here: what is known of how it was written."""
        super().__init__()
        self.database = database
        self.table = events_table
        self._fold = fold
        self._metadata = quoted(metadata)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append, or raise IntegrityError where a version is taken. Gives no positions."""
        self._append(stored_events, **kwargs)
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """One stream's events, by version."""
        sql = (
            f"SELECT originator_version, topic, state FROM {self.table} WHERE originator_id = %s"
            " AND originator_version > coalesce(%s, -1) AND originator_version <= coalesce(%s, 9223372036854775807)"
            f" ORDER BY originator_version {'DESC' if desc else 'ASC'} LIMIT %s"
        )
        rows = self.database.rows(sql, (originator_id, gt, lte, limit))
        return [StoredEvent(originator_id, version, topic, state.encode()) for version, topic, state in rows]

    def _append(
        self,
        stored_events: Sequence[StoredEvent],
        *,
        tracking: Any = None,
        snapshots: Sequence[StoredEvent] = (),
        beside: Sequence[Statement] = (),
    ) -> list[int] | None:
        """Append in one transaction; gives the positions, None where there was nothing to append.

        A lost acknowledgement is not a conflict: whether the events that stand are ours is looked up.
        """
        first_statements = self._tracking_statements(tracking)
        if not (stored_events or first_statements):
            return None
        for attempt in range(1, APPEND_ATTEMPTS + 1):
            try:
                with self.database.connection() as connection:
                    return self._append_once(connection, stored_events, first_statements, snapshots, beside)
            except IntegrityError:
                positions = self._own_positions(stored_events) if stored_events and attempt > 1 else None
                if positions is None:
                    raise
                return positions
            except (LostConnection, Unavailable) as error:
                was_sent = attempt > 1 or isinstance(error, LostConnection)
                if attempt == APPEND_ATTEMPTS or not was_sent:
                    raise
                time.sleep(0.1 * attempt)
        raise AssertionError("unreachable")

    def _tracking_statements(self, tracking: Any) -> list[Statement]:
        return []

    def _append_once(
        self,
        connection: Connection,
        stored_events: Sequence[StoredEvent],
        first_statements: Sequence[Statement],
        snapshots: Sequence[StoredEvent],
        beside: Sequence[Statement],
    ) -> list[int] | None:
        count = len(stored_events)
        with connection.cursor() as cursor:
            try:
                sql = [cursor.mogrify(*statement).decode() for statement in first_statements]
                if stored_events:
                    base = f"currval('{self.table}_position_seq') - {count}"
                    sql.append(self._append_statement(connection, stored_events))
                    sql += statements(connection, self._merges(stored_events, snapshots), base)
                    sql += [cursor.mogrify(*statement).decode() for statement in beside]
                    sql.append(f"SELECT currval('{self.table}_position_seq')")
                cursor.execute("; ".join(sql))
                if not stored_events:
                    return None
                ((last,),) = cursor.fetchall()
                return list(range(last - count + 1, last + 1))
            except (psycopg2.errors.DeadlockDetected, psycopg2.errors.SerializationFailure) as error:
                # Two appends on the same streams: one wins, this one decides again.
                raise IntegrityError(str(error).strip()) from error
            except psycopg2.Error as error:
                if connection.closed:
                    raise LostConnection(str(error).strip()) from error
                raise translate(error) from error

    def _append_statement(self, connection: Connection, stored_events: Sequence[StoredEvent]) -> str:
        name = f"{self.table}_append_prepared"
        prepare(
            connection,
            name,
            f"PREPARE {name} (uuid[], bigint[], text[], text[], text) AS"
            f" SELECT {self.table}_append($1, $2, $3, $4, $5)",
        )
        columns = (
            [event.originator_id for event in stored_events],
            [event.originator_version for event in stored_events],
            [event.topic for event in stored_events],
            [event.state.decode() for event in stored_events],
        )
        return f"EXECUTE {name} ({', '.join(quoted(array(column)) for column in columns)}, {self._metadata})"

    def _merges(self, stored_events: Sequence[StoredEvent], snapshots: Sequence[StoredEvent]) -> Merges:
        rows = [(s.originator_id, s.originator_version, s.topic, s.state.decode()) for s in snapshots]
        return [(_SNAPSHOT, rows), *(self._fold(stored_events) if self._fold else ())]

    def _own_positions(self, stored_events: Sequence[StoredEvent]) -> list[int] | None:
        """The positions of exactly these events if they stand, else None."""
        found = self.database.rows(
            f"SELECT originator_id, originator_version, topic, state, position FROM {self.table} "
            "WHERE (originator_id, originator_version) IN %s",
            (tuple((event.originator_id, event.originator_version) for event in stored_events),),
        )
        positions = {tuple(row[:4]): row[4] for row in found}
        ours = [(e.originator_id, e.originator_version, e.topic, e.state.decode()) for e in stored_events]
        return [positions[key] for key in ours] if all(key in positions for key in ours) else None


class PostgresApplicationRecorder(PostgresAggregateRecorder, ApplicationRecorder):
    """The log: streams, and their events in one global order without gaps that would still be filled."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Append, and give the events' positions: contiguous, in the order given. Raises IntegrityError."""
        return self._append(stored_events, **kwargs)

    def select_latest(
        self, originator_ids: Sequence[UUID], snapshot_topics: Sequence[str]
    ) -> dict[UUID, list[StoredEvent]]:
        """Each stream's snapshot, if one of `snapshot_topics` stands, and the events after it; in one round trip."""
        # An id that is asked for twice is one stream all the same: the function would give its events twice.
        streams: dict[UUID, list[StoredEvent]] = {originator_id: [] for originator_id in originator_ids}
        rows = self.database.rows(
            f"SELECT * FROM {self.table}_latest({quoted(array(list(streams)))}, {quoted(array(snapshot_topics))})"
        )
        for originator_id, version, topic, state in rows:
            streams[originator_id].append(StoredEvent(originator_id, version, topic, state.encode()))
        return streams

    def low_water_mark(self) -> int:
        """The position up to which a follower may read: nothing at or below it is still to come."""
        row = self.database.row(f"SELECT {self.table}_low_water_mark()")
        assert row is not None
        return int(row[0])

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Events in global order, never past the low-water mark."""
        mark = self.low_water_mark()
        first = 0 if start is None else start if inclusive_of_start else start + 1
        rows = self.database.rows(
            f"SELECT position, originator_id, originator_version, topic, state FROM {self.table} "
            "WHERE position BETWEEN %s AND %s AND (%s OR topic = ANY(%s)) ORDER BY position LIMIT %s",
            (first, mark if stop is None else min(mark, stop), not topics, list(topics), limit),
        )
        return [
            Notification(id=position, originator_id=originator_id, originator_version=version, topic=topic, state=data)
            for position, originator_id, version, topic, data in (
                (position, originator_id, version, topic, state.encode())
                for position, originator_id, version, topic, state in rows
            )
        ]

    def max_notification_id(self) -> int | None:
        """The last position of the log, None where it is empty."""
        row = self.database.row(f"SELECT max(position) FROM {self.table}")
        return None if row is None else row[0]

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Iterate over the log from `gt` on, waiting for what is still to come."""
        return PollingSubscription(recorder=self, gt=gt, topics=topics)


class PollingSubscription(ListenNotifySubscription[ApplicationRecorder]):
    """A subscription that looks every 50 ms.

    NOTIFY takes a lock for the whole database at commit, which costs appends four fifths of their rate.
    """

    POLL_INTERVAL_S = 0.05

    def _loop_on_pull(self) -> None:
        try:
            while not self._has_been_stopped:
                self._pull()
                self._has_been_notified.wait(self.POLL_INTERVAL_S)
        except BaseException as error:
            # Kept for whoever iterates: __next__ raises it there.
            self._thread_error = self._thread_error or error
            self.stop()
