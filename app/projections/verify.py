"""Whether what is served is what the log says: fold all of it afresh beside the live tables, and compare.

One REPEATABLE READ transaction sees everything. Inline folds commit with their events and a follower's with its
tracking, so within that one snapshot the events and the rows belong together while appends go on: no low-water mark
is needed. It writes nothing but temporary tables; it repairs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from eventsourcing.persistence import Notification
from psycopg2.extensions import cursor as Cursor

from app.database import Connection, Database
from app.eventstore.mapper import EventMapper
from app.eventstore.merging import Merges, statements
from app.projections import balances, daily, lots, orders, rules, transactions
from app.projections.folding import EventFold, positioned

BATCH = 5000
"""Events folded at a time: a merge's fixed cost is shared, and a batch fits easily into memory."""


class ReadModel(NamedTuple):
    """A table with its primary key and the fold that fills it: inline, or by a `follower` that lags behind."""

    table: str
    key: tuple[str, ...]
    fold: EventFold
    follower: str | None = None


def read_models(zone: ZoneInfo) -> tuple[ReadModel, ...]:
    """Every read model there is; `zone` is the programme's."""
    return (
        ReadModel("balances", ("account_id",), balances.fold),
        ReadModel("lots", ("account_id", "lot"), lots.fold),
        ReadModel("orders", ("order_id",), orders.fold),
        ReadModel("transactions", ("id",), transactions.fold),
        ReadModel("rules", ("version",), rules.fold),
        ReadModel("daily", ("day",), partial(daily.fold, zone=zone), daily.FOLLOWER),
    )


def verify(database: Database, mapper: EventMapper, models: Sequence[ReadModel], *, batch: int = BATCH) -> list[str]:
    """One line for each table that differs from the log: how many rows do, and the first of them. None is good news.

    A log that cannot be read or folded at all raises the library's MapperDeserialisationError or a persistence error.
    """
    # A connection of its own: statements prepared here mean the temporary tables, and must not live on in the pool.
    with closing(Database(database.url, pool_size=1)) as apart, apart.transaction() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        for model in models:
            # Temporary tables are found before all others, so the merges' own SQL fills these.
            cursor.execute(
                f"CREATE TEMP TABLE {model.table} (LIKE public.{model.table} INCLUDING CONSTRAINTS,"
                f" PRIMARY KEY ({', '.join(model.key)})) ON COMMIT DROP"
            )
        _fold_all(cursor, mapper, models, batch)
        differences = (_difference(cursor, model) for model in models)
        return [line for line in differences if line]


def _fold_all(cursor: Cursor, mapper: EventMapper, models: Sequence[ReadModel], batch: int) -> None:
    ends = {model.table: _end(cursor, model) for model in models}
    for notifications in _batches(cursor, batch):
        events = positioned(mapper, notifications)
        for model in models:
            end = ends[model.table]
            _merge(cursor, model.fold([e for e in events if end is None or e.position <= end]))


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


def _merge(cursor: Cursor, merges: Merges) -> None:
    connection = cursor.connection
    assert isinstance(connection, Connection)
    for statement in statements(connection, merges, "0"):
        cursor.execute(statement)


def _difference(cursor: Cursor, model: ReadModel) -> str | None:
    live, folded, key = f"public.{model.table}", f"pg_temp.{model.table}", ", ".join(model.key)
    cursor.execute(
        f"SELECT count(*) OVER (), {key} FROM ("
        f"(TABLE {live} EXCEPT TABLE {folded}) UNION ALL (TABLE {folded} EXCEPT TABLE {live})"
        f") AS differing GROUP BY {key} ORDER BY {key} LIMIT 1"
    )
    rows = cursor.fetchall()
    if not rows:
        return None
    count, *first = rows[0]
    named = ", ".join(f"{name} {value}" for name, value in zip(model.key, first, strict=True))
    return f"{model.table}: {count} {'row differs' if count == 1 else 'rows differ'} from the log, first {named}"
