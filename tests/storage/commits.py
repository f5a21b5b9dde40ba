"""Appends in slow motion: what stands between the drawing of positions and the commit, made long, random or fatal.

The owner plants deferred constraint triggers in a test's own database; the SQL of an append stays as it is deployed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from app.database import Database
from app.eventstore.recorder import PostgresApplicationRecorder

TRIGGER = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER {name} AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION {name}()
"""

CHANCE = "rolled back by chance"

# Half of the commits take up to 8 ms longer than the others, and one in twenty does not happen.
ERRATIC = f"""
IF random() < 0.5 THEN PERFORM pg_sleep(random() * 0.008); END IF;
IF random() < 0.05 THEN RAISE EXCEPTION '{CHANCE}'; END IF;
"""


def event(stream: UUID, version: int = 1, topic: str = "Happened.v1", state: bytes = b"{}") -> StoredEvent:
    """An event that no mapper knows: what is tested is where it stands."""
    return StoredEvent(stream, version, topic, state)


def make_commits_erratic(owner: Database) -> None:
    """From now on an append's commit takes a random time after its positions were drawn, and some roll back."""
    owner.execute(TRIGGER.format(name="erratic", body=ERRATIC, condition="NEW.originator_version % 2 = 1"))


class Gate:
    """Holds the commits of one stream's appends until it is opened."""

    def __init__(self, owner: Database, stream: UUID) -> None:
        self._keeper = owner.open()
        name = f"gate_{stream.hex}"
        self._key = int(stream.hex[:7], 16)
        self._run(f"SELECT pg_advisory_lock(77, {self._key})")
        body = f"PERFORM pg_advisory_xact_lock_shared(77, {self._key});"
        owner.execute(TRIGGER.format(name=name, body=body, condition=f"NEW.originator_id = '{stream}'"))

    def waiting(self) -> list[int]:
        """The server processes whose commits are held."""
        return self._run(f"SELECT pid FROM pg_locks WHERE classid = 77 AND objid = {self._key} AND NOT granted")

    def open(self) -> None:
        """Let them all go."""
        self._run(f"SELECT pg_advisory_unlock(77, {self._key})")

    def close(self) -> None:
        self._keeper.close()

    def _run(self, sql: str) -> list[int]:
        with self._keeper.cursor() as cursor:
            cursor.execute(sql)
            return [row[0] for row in cursor.fetchall()]


class OpenAppend:
    """An append in a transaction of its own, which has drawn its position and waits for its test's word."""

    def __init__(self, database: Database) -> None:
        self.stream = uuid4()
        self._connection = database.open()
        self._cursor = self._connection.cursor()
        self.pid = self._connection.info.backend_pid
        self._cursor.execute("BEGIN")
        self._cursor.execute("SELECT events_append(%s::uuid[], '{1}', '{Happened.v1}', %s)", ([self.stream], ["{}"]))
        ((self.position,),) = self._cursor.fetchall()

    def commit(self) -> None:
        self._cursor.execute("COMMIT")

    def rollback(self) -> None:
        self._cursor.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@contextmanager
def open_append(database: Database) -> Iterator[OpenAppend]:
    """An append that is under way inside the block."""
    append = OpenAppend(database)
    try:
        yield append
    finally:
        append.close()


class Follower:
    """Tails the log in batches, as every read model that lags does, and remembers all that it was given."""

    def __init__(self, log: PostgresApplicationRecorder) -> None:
        self._log = log
        self.seen: list[tuple[int, UUID, int]] = []

    def step(self) -> bool:
        """Read on from the last position; gives whether there was anything."""
        last = self.seen[-1][0] if self.seen else None
        batch = self._log.select_notifications(last, 500, inclusive_of_start=last is None)
        self.seen += [(n.id, UUID(str(n.originator_id)), n.originator_version) for n in batch]
        return bool(batch)

    def positions(self) -> list[int]:
        """The positions given, in the order given."""
        return [position for position, _, _ in self.seen]


def eventually(condition: Callable[[], object], what: str) -> None:
    """Wait for what another process is about to do; the test's own time limit is the generous one."""
    for _ in range(2000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"in vain: {what}")


def positions_written(owner: Database) -> list[int]:
    """Every position that stands in the log."""
    return [position for (position,) in owner.rows("SELECT position FROM events ORDER BY position")]
