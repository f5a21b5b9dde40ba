"""Whether what is served is what the log says: fold all of it afresh beside the live tables, and compare.

One REPEATABLE READ transaction sees everything. Inline folds commit with their events and a follower's with its
tracking, so within that one snapshot the events and the rows belong together while appends go on: no low-water mark
is needed. It writes nothing but temporary tables; it repairs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self
from zoneinfo import ZoneInfo

import psycopg2
from eventsourcing.persistence import DataError, Notification
from psycopg2.extensions import cursor as Cursor

from app.database import Connection, Database
from app.domain.programme import PROGRAMME_ID
from app.eventstore.mapper import EventMapper
from app.eventstore.merging import statements
from app.projections import balances, daily, lots, orders, rules, transactions
from app.projections.folding import EventFold, Positioned, positioned

BATCH = 5000
"""Events folded at a time: a merge's fixed cost is shared, and a batch fits easily into memory."""


WORN = 10_000
"""Old versions of rows that a table may hold in any case: to write it anew has a cost of its own."""

# What PostgreSQL counts here decides on speed alone.
_WORN = """
SELECT t.name FROM unnest(%s) AS t(name), LATERAL (SELECT CAST('pg_temp.' || t.name AS regclass)) AS r(id)
WHERE pg_stat_get_xact_tuples_updated(r.id) > greatest(pg_stat_get_xact_tuples_inserted(r.id), %s)
"""

# A merge keeps its plan: one made while a table was small must not go on reading all of it.
ON_INDEXES = "SET LOCAL enable_seqscan = off"
ON_ANYTHING = "SET LOCAL enable_seqscan TO DEFAULT"

_FED = f"RELEASE SAVEPOINT fed; {ON_ANYTHING}"

_NO_PLACE = (psycopg2.DataError, psycopg2.IntegrityError, ValueError, OverflowError)
"""What is raised for an event that says what no table can hold."""


class ReadModel(NamedTuple):
    """A table with its primary key and the fold that fills it: inline, or by a `follower` that lags behind.

    `stream` is SQL for the id of the stream that a row is of, `position` for the position of the last event that shaped
    it; None where rows are of no one stream, and do not tell.
    """

    table: str
    key: tuple[str, ...]
    fold: EventFold
    follower: str | None = None
    stream: str | None = None
    position: str | None = None


# A lot does not say when it last moved, but its account does; the row that was served may know of more than the log.
_OF_ACCOUNT = (
    "(SELECT max(b.position) FROM (TABLE public.balances UNION ALL TABLE pg_temp.balances) AS b"
    " WHERE b.account_id = differing.account_id)"
)


def read_models(zone: ZoneInfo) -> tuple[ReadModel, ...]:
    """Every read model there is; `zone` is the programme's."""
    return (
        ReadModel("balances", ("account_id",), balances.fold, stream="account_id", position="position"),
        ReadModel("lots", ("account_id", "lot"), lots.fold, stream="account_id", position=_OF_ACCOUNT),
        ReadModel("orders", ("order_id",), orders.fold, stream="order_id", position="last_position"),
        ReadModel("transactions", ("id",), transactions.fold, stream="account_id", position="id"),
        ReadModel("rules", ("version",), rules.fold, stream=f"'{PROGRAMME_ID}'::uuid", position="position"),
        ReadModel("daily", ("day",), partial(daily.fold, zone=zone), daily.FOLLOWER),
    )


def served(models: Sequence[ReadModel]) -> list[str]:
    """The tables that a rebuild changes, in the order in which it takes them."""
    return ["public.events", "public.tracking", *(f"public.{model.table}" for model in models), "public.snapshots"]


class Difference(NamedTuple):
    """A table of which so many rows are not what the log says, with the key of the first.

    `position` is the smallest of the positions up to which such a row was shaped, by the log or by what is served.
    """

    table: str
    rows: int
    first: str
    position: int | None

    def __str__(self) -> str:
        differ = "row differs" if self.rows == 1 else "rows differ"
        return f"{self.table}: {self.rows} {differ} from the log, first {self.first}"


class CannotFold(DataError):
    """The event at `position` makes no sense to a read model."""

    def __init__(self, position: int, why: str) -> None:
        super().__init__(f"the event at position {position} cannot be folded: {why}")
        self.position, self.why = position, why


class Refold:
    """The read models folded afresh into temporary tables, in the caller's REPEATABLE READ transaction.

    The connection must not go on to serve: statements prepared on it mean the temporary tables.
    """

    def __init__(self, cursor: Cursor, models: Sequence[ReadModel], *, streams: str | None = None) -> None:
        """`streams`, a query, gives the ids of the streams that are fed, where those are not all.

        A read model whose rows are of no one stream is then left out.
        """
        self._cursor = cursor.connection.cursor()
        self._models = [model for model in models if streams is None or model.stream]
        self._streams = streams
        self._ends: dict[str, int | None] = {}
        self._thread = ThreadPoolExecutor(1)
        self._begun: tuple[Sequence[Positioned], Future[None]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # What is under way comes before whatever the caller stumbled over.
        with self._thread:
            if error is None or isinstance(error, Exception):
                self.settle()

    def feed(self, events: Sequence[Positioned]) -> None:
        """Go on by the log's next events. Raises CannotFold with the position of the first that has no place."""
        self.begin(events)
        self.settle()

    def begin(self, events: Sequence[Positioned]) -> None:
        """The same, but for the database's part of it: that goes on until `settle`, and the connection is in use."""
        self.settle()
        self._make_tables()
        self._renew()
        self._cursor.execute(f"SAVEPOINT fed; {ON_INDEXES}")
        try:
            self._begun = (events, self._thread.submit(self._cursor.execute, self._sql(events)))
        except _NO_PLACE as error:
            self._one_by_one(events, error)

    def settle(self) -> None:
        """Wait for what was begun. Raises CannotFold as `feed` does."""
        if not self._begun:
            return
        (events, merging), self._begun = self._begun, None
        try:
            merging.result()
        except _NO_PLACE as error:
            self._one_by_one(events, error)
        else:
            self._cursor.execute(_FED)

    def _one_by_one(self, events: Sequence[Positioned], error: Exception) -> None:
        """Find the event that is to blame. Where there is none, all are folded."""
        if len(events) == 1:
            raise CannotFold(events[0].position, str(error).splitlines()[0]) from error
        self._cursor.execute("ROLLBACK TO SAVEPOINT fed")
        for event in events:
            self.feed([event])
        self._cursor.execute(_FED)

    def differences(self) -> list[Difference]:
        """What is served and is not what was fed, by table."""
        self.settle()
        self._make_tables()
        return [found for model in self._models if (found := self._difference(model))]

    def _make_tables(self) -> None:
        """Make the tables when they are first needed: a log that turns out to be wrong needs none."""
        if self._ends:
            return
        for model in self._models:
            # Temporary tables are found before all others, so the merges' own SQL fills these.
            self._make(model, model.table)
        self._ends = {model.table: _end(self._cursor, model) for model in self._models}

    def _make(self, model: ReadModel, name: str) -> None:
        self._cursor.execute(
            f"CREATE TEMP TABLE {name} (LIKE public.{model.table} INCLUDING CONSTRAINTS,"
            f" PRIMARY KEY ({', '.join(model.key)})) ON COMMIT DROP"
        )

    def _renew(self) -> None:
        """Write those tables anew that hold more old versions of their rows than rows.

        None of them can go before the transaction ends, and whoever looks a row up passes by all that it ever was:
        over a million events most of the time went there.
        """
        tables = {model.table: model for model in self._models}
        self._cursor.execute(_WORN, (list(tables), WORN))
        for (table,) in self._cursor.fetchall():
            self._make(tables[table], "anew")
            self._cursor.execute(
                f"INSERT INTO pg_temp.anew TABLE pg_temp.{table}; DROP TABLE pg_temp.{table};"
                f" ALTER TABLE pg_temp.anew RENAME TO {table}"
            )

    def _sql(self, events: Sequence[Positioned]) -> str:
        """All merges in one string: whoever waits for the database waits for its turn among the threads, too."""
        connection = self._cursor.connection
        assert isinstance(connection, Connection)
        merges = [merge for model in self._models for merge in model.fold(self._counted(model, events))]
        return "; ".join(["SELECT", *statements(connection, merges, "0")])

    def _counted(self, model: ReadModel, events: Sequence[Positioned]) -> Sequence[Positioned]:
        end = self._ends[model.table]
        return events if end is None else [event for event in events if event.position <= end]

    def _difference(self, model: ReadModel) -> Difference | None:
        live, folded, key = f"TABLE public.{model.table}", f"TABLE pg_temp.{model.table}", ", ".join(model.key)
        if self._streams:
            live = f"SELECT * FROM public.{model.table} WHERE {model.stream} IN ({self._streams})"
        self._cursor.execute(
            f"SELECT count(*) OVER (), min(max({model.position or 'NULL::bigint'})) OVER (), {key} FROM ("
            f"(({live}) EXCEPT ({folded})) UNION ALL (({folded}) EXCEPT ({live}))"
            f") AS differing GROUP BY {key} ORDER BY {key} LIMIT 1"
        )
        rows = self._cursor.fetchall()
        if not rows:
            return None
        count, position, *first = rows[0]
        named = ", ".join(f"{name} {value}" for name, value in zip(model.key, first, strict=True))
        return Difference(model.table, count, named, position or self._ends[model.table])


def verify(database: Database, mapper: EventMapper, models: Sequence[ReadModel], *, batch: int = BATCH) -> list[str]:
    """One line for each table that differs from the log: how many rows do, and the first of them. None is good news.

    A log that cannot be read raises the library's MapperDeserialisationError, one that cannot be folded CannotFold.
    """
    # A connection of its own: statements prepared here mean the temporary tables, and must not live on in the pool.
    with (
        closing(Database(database.url, pool_size=1)) as apart,
        apart.view(*served(models)) as cursor,
        Refold(cursor, models) as refold,
    ):
        for notifications in _batches(cursor, batch):
            refold.feed(positioned(mapper, notifications))
        return [str(difference) for difference in refold.differences()]


def _end(cursor: Cursor, model: ReadModel) -> int | None:
    """The last position that a follower has counted; None for an inline model, which has them all."""
    if model.follower is None:
        return None
    cursor.execute("SELECT max(notification_id) FROM tracking WHERE application_name = %s", (model.follower,))
    ((reached,),) = cursor.fetchall()
    return reached or 0


def _batches(cursor: Cursor, batch: int) -> Iterator[list[Notification]]:
    after = 0
    while True:
        cursor.execute(
            "SELECT position, originator_id, originator_version, topic, state FROM events"
            " WHERE position > %s ORDER BY position LIMIT %s",
            (after, batch),
        )
        found = [
            Notification(
                id=position, originator_id=stream, originator_version=version, topic=topic, state=data.encode()
            )
            for position, stream, version, topic, data in cursor.fetchall()
        ]
        if not found:
            return
        yield found
        after = found[-1].id
