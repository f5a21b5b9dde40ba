"""PostgreSQL for the rest of the house: a pool, transactions, advisory locks, and errors in one vocabulary.

Owns the only `connect()`. Errors leave as the eventsourcing library's persistence errors, which mirror PEP 249,
so that nobody above needs to know the driver. It holds no SQL of any table.
"""

from __future__ import annotations

import select
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import psycopg2
import psycopg2.errors
import psycopg2.extensions as ext
import psycopg2.extras
from eventsourcing import persistence

psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]

# Every advisory lock but the event store's marks has the two-integer form; its first integer is ours.
LOCK_CLASS = 0x4D43
LOCK_MIGRATE, LOCK_DRAW_POSITIONS, LOCK_SCHEDULER, LOCK_SAMPLE = 1, 2, 3, 4
LOCK_SEAL, LOCK_REBUILD, LOCK_LONG_READING = 5, 6, 7

Cursor = ext.cursor
"""What `transaction` gives, for those who may not name the driver."""

# A lock that is not had within 10 s belongs to somebody stuck; a transaction idle for 30 s lost its client.
SESSION = (
    "-c timezone=UTC -c client_encoding=UTF8 -c lock_timeout=10s"
    " -c idle_in_transaction_session_timeout=30s -c standard_conforming_strings=on -c application_name=miles"
    # What takes a lock and then reads must see what was committed while it waited, whatever the database's default.
    " -c default_transaction_isolation=read\\ committed"
)

_TRANSLATIONS: tuple[tuple[type[psycopg2.Error], type[persistence.PersistenceError]], ...] = (
    (psycopg2.InterfaceError, persistence.InterfaceError),
    (psycopg2.OperationalError, persistence.OperationalError),
    (psycopg2.DataError, persistence.DataError),
    # What another writer got there first with is a conflict, to be decided again. Every other constraint that breaks
    # (a lot below zero, a row that refers to nothing) is a mistake of ours, and no second try mends it.
    (psycopg2.errors.UniqueViolation, persistence.IntegrityError),
    (psycopg2.errors.ExclusionViolation, persistence.IntegrityError),
    (psycopg2.IntegrityError, persistence.InternalError),
    (psycopg2.InternalError, persistence.InternalError),
    (psycopg2.ProgrammingError, persistence.ProgrammingError),
    (psycopg2.NotSupportedError, persistence.NotSupportedError),
    (psycopg2.DatabaseError, persistence.DatabaseError),
    (psycopg2.Error, persistence.PersistenceError),
)


class Unavailable(persistence.OperationalError):
    """The database cannot be reached, or no connection came free in time."""


def translate(error: psycopg2.Error) -> persistence.PersistenceError:
    """The same error in the library's words."""
    for theirs, ours in _TRANSLATIONS:
        if isinstance(error, theirs):
            return ours(str(error).strip())
    return persistence.PersistenceError(str(error).strip())


class Connection(ext.connection):
    """A connection that remembers which statements it has PREPAREd."""

    def __init__(self, dsn: str, **options: Any) -> None:
        super().__init__(dsn, **options)
        self.prepared: set[str] = set()

    def is_stale(self) -> bool:
        """Whether the server has hung up: an idle connection has nothing to read but its own end."""
        if self.closed:
            return True
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))


class Pool:
    """A blocking, last-in-first-out pool; connections are opened when they are first needed.

    psycopg2's own raises when it is full and hands out connections that have died.
    """

    def __init__(self, url: str, size: int, timeout_s: float) -> None:
        self._dsn = ext.parse_dsn(url)
        self._dsn["options"] = f"{SESSION} {self._dsn.get('options', '')}".strip()
        self._dsn.setdefault("connect_timeout", "10")
        self._timeout_s = timeout_s
        self._free = threading.BoundedSemaphore(size)
        self._idle: deque[Connection] = deque()
        self.is_closed = False

    def open(self) -> Connection:
        """A new connection outside the pool, in autocommit mode. Raises Unavailable."""
        try:
            connection: Connection = psycopg2.connect(connection_factory=Connection, **self._dsn)
        except psycopg2.OperationalError as error:
            raise Unavailable(str(error).strip()) from error
        connection.autocommit = True
        return connection

    def take(self) -> Connection:
        """A live connection, waiting for one up to the timeout. Raises Unavailable."""
        if self.is_closed:
            raise persistence.InterfaceError("the pool is closed")
        if not self._free.acquire(timeout=self._timeout_s):
            raise Unavailable(f"no database connection came free in {self._timeout_s} s")
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_stale():
                    return connection
                connection.close()
            return self.open()
        except BaseException:
            self._free.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Return what `take` gave; an unfinished transaction is rolled back."""
        try:
            if connection.closed or self.is_closed:
                connection.close()
                return
            if connection.info.transaction_status != ext.TRANSACTION_STATUS_IDLE:
                with connection.cursor() as cursor:  # in autocommit mode rollback() does nothing
                    cursor.execute("ROLLBACK")
            self._idle.append(connection)
        except psycopg2.Error:
            connection.close()
        finally:
            self._free.release()

    def close(self) -> None:
        self.is_closed = True
        while self._idle:
            self._idle.pop().close()


class AdvisoryLock:
    """A session lock of PostgreSQL's: it goes when its connection goes."""

    def __init__(self, connection: Connection, number: int, *, wait: bool) -> None:
        self._connection = connection
        function = "pg_advisory_lock" if wait else "pg_try_advisory_lock"
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = 0")
            cursor.execute(f"SELECT {function}(%s, %s)", (LOCK_CLASS, number))
            row = cursor.fetchone()
            self.is_held = wait or (row is not None and bool(row[0]))

    def confirm(self) -> None:
        """Make sure that the connection, and so the lock, is still ours. Raises the library's PersistenceError."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except psycopg2.Error as error:
            raise translate(error) from error


class Database:
    """One role's door to one database. Safe to share between threads; open it after a fork, not before."""

    def __init__(self, url: str, *, pool_size: int = 10, timeout_s: float = 10.0) -> None:
        self.url = url
        self._pool = Pool(url, pool_size, timeout_s)

    @property
    def role(self) -> str:
        """The user name that the address connects as."""
        return str(ext.parse_dsn(self.url).get("user", ""))

    def open(self) -> Connection:
        """A connection of one's own, outside the pool, in autocommit mode (for LISTEN, session locks)."""
        return self._pool.open()

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A pooled connection in autocommit mode: each `execute` is its own transaction."""
        connection = self._pool.take()
        try:
            yield connection
        except psycopg2.Error as error:
            raise translate(error) from error
        finally:
            self._pool.give_back(connection)

    @contextmanager
    def transaction(self) -> Iterator[ext.cursor]:
        """A cursor whose statements are committed together, or not at all if the block raises."""
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield cursor
            except BaseException:
                # Where the connection has died meanwhile, why the block ended tells more.
                with suppress(psycopg2.Error):
                    cursor.execute("ROLLBACK")
                raise
            cursor.execute("COMMIT")

    @contextmanager
    def view(self, *tables: str) -> Iterator[ext.cursor]:
        """A transaction that sees everything as of one instant, for as long as it takes.

        Name the `tables` that a rebuild may put another in the place of: they are locked against that before the
        instant is fixed, else one that came after it would look empty.
        """
        with self.transaction() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            if tables:
                cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS SHARE MODE")
            yield cursor

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """All rows of one read. It is tried once more where the connection turned out to be dead."""
        for is_last in (False, True):
            with self.connection() as connection:
                try:
                    with connection.cursor() as cursor:
                        cursor.execute(sql, parameters)
                        return cursor.fetchall()
                except psycopg2.Error:
                    if is_last or not connection.closed:
                        raise
        raise AssertionError("unreachable")

    def row(self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> tuple[Any, ...] | None:
        """The first row of one read, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def written(self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """What one write with RETURNING gave. Like every write it is never retried: it may have been committed."""
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return cursor.fetchall()

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> int:
        """One write in its own transaction, never retried; gives the number of rows it touched."""
        with self.connection() as connection, connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            return int(cursor.rowcount)

    @contextmanager
    def advisory_lock(self, number: int, *, wait: bool = True) -> Iterator[AdvisoryLock]:
        """The session lock (LOCK_CLASS, number), on a connection of its own, until the block ends.

        Without `wait` it may not be had: see `is_held`.
        """
        connection = self._pool.open()
        try:
            yield AdvisoryLock(connection, number, wait=wait)
        except psycopg2.Error as error:
            raise translate(error) from error
        finally:
            connection.close()

    def close(self) -> None:
        self._pool.close()
