"""Rebuilds every read model from the log, beside the live tables, while requests go on.

Whole tables are made anew in a schema of their own, filled by the folds in bulk, furnished, checked, and put in the
place of the live ones in one short transaction. Until then nothing live is touched: whoever ends a rebuild, in
whatever way, has changed nothing, and the next one starts afresh. Runs as the owner of the tables.
docs/decisions/0011-rebuild.md says why it is done so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from typing import NamedTuple

import psycopg2
import psycopg2.errors
from psycopg2.extensions import cursor as Cursor

from app.database import LOCK_CLASS, LOCK_REBUILD, Database, translate
from app.eventstore.mapper import EventMapper
from app.projections.agreement import disagreements
from app.projections.bulk import BATCH, BulkFold
from app.projections.cloning import BESIDE, LIVE, clone, differences, furnish
from app.projections.swapping import LITTLE, CannotRebuild, Swapped, swap
from app.projections.verify import ReadModel

PATIENCE_S = 600.0
"""How long a moment is waited for in which nobody holds the tables. A backup or `verify` may hold them long."""

# The lock of one that was killed goes when the server notices, at the end of the statement that was under way.
_ALONE = f"SET lock_timeout = '2s'; SELECT pg_advisory_lock({LOCK_CLASS}, {LOCK_REBUILD})"

# What is lost in a crash of the server is begun afresh, so no batch waits for the disk.
_SESSION = f"SET lock_timeout = '10s'; SET synchronous_commit = off; SET search_path = {BESIDE}, {LIVE}"

_CLEAR = f"DROP SCHEMA IF EXISTS {BESIDE} CASCADE"

MARK = "made by a rebuild, which clears it away"
"""The comment on our schema, by which it is told from one of the same name that somebody else has made."""

_OTHERS = f"""
SELECT EXISTS (SELECT FROM pg_namespace
    WHERE nspname = '{BESIDE}' AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM '{MARK}')
"""

_STATE = f"""
SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 2
        AND (classid, objid) = ({LOCK_CLASS}, {LOCK_REBUILD})
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())),
    EXISTS (SELECT FROM pg_namespace
        WHERE nspname = '{BESIDE}' AND obj_description(oid, 'pg_namespace') = '{MARK}')
"""

Watch = Callable[[str, int, int], None]
"""Told of each step: its name, how far it is, and how far it has to go."""


class Rebuilt(NamedTuple):
    """What a rebuild did: events folded up to `position`, in `seconds`; appends waited `longest_wait_s` at most."""

    events: int
    position: int
    seconds: float
    longest_wait_s: float


def state(database: Database) -> str | None:
    """Whether a rebuild is `under way`, or one was `left over` by a process that died; None otherwise."""
    row = database.row(_STATE)
    assert row is not None
    is_under_way, has_schema = row
    return "under way" if is_under_way else "left over" if has_schema else None


def rebuild(
    owner: Database,
    mapper: EventMapper,
    models: Sequence[ReadModel],
    *,
    watch: Watch = lambda step, done, whole: None,
    batch: int = BATCH,
    patience_s: float = PATIENCE_S,
) -> Rebuilt:
    """Put freshly folded tables in the place of all `models`, and empty the snapshots. Raises CannotRebuild.

    A log that cannot be read raises the library's MapperDeserialisationError.
    """
    began = time.monotonic()
    # One connection for all, and for the lock that keeps others from clearing away what is built: both end together.
    with closing(owner.open()) as connection, connection.cursor() as cursor:
        try:
            _be_alone(cursor)
            try:
                _clone(cursor, models)
                fold = BulkFold(cursor, mapper, models, batch=batch)
                swapped = _work(cursor, models, fold, watch, patience_s)
            finally:
                if not connection.closed:
                    cursor.execute("ROLLBACK")
                    cursor.execute(_CLEAR)
        except psycopg2.Error as error:
            raise translate(error) from error
        finally:
            # The server may notice only later that the connection is closed.
            if not connection.closed:
                cursor.execute("SELECT pg_advisory_unlock_all()")
    return Rebuilt(swapped.events, swapped.position, time.monotonic() - began, swapped.longest_wait_s)


def _be_alone(cursor: Cursor) -> None:
    cursor.execute("SELECT current_user, has_database_privilege(current_database(), 'CREATE')")
    ((role, may_create),) = cursor.fetchall()
    if not may_create:
        raise CannotRebuild(f"{role} may not make a schema in this database: set DATABASE_OWNER_URL")
    try:
        cursor.execute(_ALONE)
    except psycopg2.errors.LockNotAvailable as error:
        raise CannotRebuild("another rebuild is under way") from error
    cursor.execute(_OTHERS)
    if cursor.fetchall() == [(True,)]:
        raise CannotRebuild(f"there is a schema {BESIDE} that no rebuild has made: give it another name")
    cursor.execute(_SESSION)


def _clone(cursor: Cursor, models: Sequence[ReadModel]) -> None:
    cursor.execute(_CLEAR)
    cursor.execute(f"CREATE SCHEMA {BESIDE}; COMMENT ON SCHEMA {BESIDE} IS '{MARK}'")
    for model in models:
        clone(cursor, model.table)
    if strange := [line for model in models for line in differences(cursor, model.table, is_furnished=False)]:
        raise CannotRebuild(f"these cannot be made anew: {'; '.join(strange)}")


def _work(cursor: Cursor, models: Sequence[ReadModel], fold: BulkFold, watch: Watch, patience_s: float) -> Swapped:
    """Fill the clones, furnish them, check them and swap."""
    while fold.catch_up(partial(watch, "folding")) > LITTLE:
        pass
    for number, model in enumerate(models):
        watch("furnishing", number, len(models))
        furnish(cursor, model.table)
    watch("checking", 0, 1)
    fold.catch_up(partial(watch, "checking"))
    if wrong := disagreements(cursor):
        raise CannotRebuild(f"the log contradicts itself: {'; '.join(wrong)}")
    # The swap must be durable, and what is to be flushed before it shall not be flushed under its fence.
    cursor.execute("SET synchronous_commit = on")
    watch("swapping", 0, 1)
    return swap(cursor, models, fold, partial(watch, "swapping"), patience_s)
