"""Edits that the owner of the tables can make with the triggers off, each with the position where it must be found.

An edit draws what it needs from a `random.Random`, changes the database by the given cursor, and gives that position.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from app.database import Cursor
from app.domain.account_events import AccountEvent, Opened
from app.eventstore.chain import GENESIS, LogEntry, read_log
from app.eventstore.topics import EVENTS


@dataclass
class Log:
    """A log as it stood before any edit; the first `sealed` entries are under a checkpoint."""

    entries: list[LogEntry]
    sealed: int

    @classmethod
    def read(cls, cursor: Cursor) -> Log:
        """The log in a database, as far as its last checkpoint says sealed."""
        cursor.execute("SELECT coalesce(max(size), 0) FROM checkpoints")
        ((sealed,),) = cursor.fetchall()
        return cls([entry for batch in read_log(cursor) for entry in batch], sealed)

    def stream_from(self, entry: LogEntry) -> list[LogEntry]:
        """An entry and those after it in its stream."""
        return [e for e in self.entries if e.stream == entry.stream and e.version >= entry.version]

    def at(self, stream: object, version: int) -> LogEntry | None:
        """One version of a stream."""
        return next((e for e in self.entries if (e.stream, e.version) == (stream, version)), None)

    def is_sealed(self, entry: LogEntry) -> bool:
        """Whether it stands under a checkpoint."""
        return entry.position <= self.entries[self.sealed - 1].position

    def gaps(self) -> list[int]:
        """Positions that were drawn and never used, and the next one."""
        used = {entry.position for entry in self.entries}
        return [position for position in range(1, max(used) + 2) if position not in used]


Edit = Callable[[Cursor, Log, random.Random], int]


def change(cursor: Cursor, position: int, column: str, value: object) -> None:
    """Change one column of the event at a position."""
    cursor.execute(f"UPDATE events SET {column} = %s WHERE position = %s", (value, position))
    assert cursor.rowcount == 1


def rehash(cursor: Cursor, entries: Sequence[LogEntry], previous: bytes) -> None:
    """Give a stream's suffix the hashes of what it says, as whoever knows the format can."""
    for entry in entries:
        previous = entry.hash_after(previous)
        change(cursor, entry.position, "hash", previous)


def insert(cursor: Cursor, entry: LogEntry) -> None:
    """Put one more row into the log."""
    cursor.execute(
        "INSERT INTO events (position, originator_id, originator_version, topic, state, recorded_at, metadata, hash)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        entry,
    )


def a_byte_of_state(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """One character of an event's text is another."""
    entry = chance.choice(log.entries)
    at = chance.randrange(len(entry.state))
    other = chance.choice([c for c in '0123456789abcxyz"{}[],: -' if c != entry.state[at]])
    change(cursor, entry.position, "state", entry.state[:at] + other + entry.state[at + 1 :])
    return entry.position


def a_field(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """Another column of an event is changed: its name, number, stream, time, metadata or hash."""
    entry = chance.choice(log.entries)
    last = max(e.version for e in log.stream_from(entry))
    digest = bytearray(entry.hash)
    digest[chance.randrange(32)] ^= 1 << chance.randrange(8)
    moved = entry.recorded_at + chance.choice([-1, 1]) * timedelta(microseconds=chance.randrange(1, 10**9))
    column, value = chance.choice([
        ("topic", chance.choice([topic for topic in [*EVENTS, "Opened.v9"] if topic != entry.topic])),
        ("originator_version", chance.choice([0, -1, last + 1 + chance.randrange(3)])),
        ("originator_id", uuid4()),
        ("recorded_at", moved),
        ("metadata", chance.choice(["{}", "", entry.metadata + " "])),
        ("hash", bytes(digest)),
    ])  # fmt: skip
    change(cursor, entry.position, column, value)
    return entry.position


def swapped_states(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """Two events have each other's text."""
    first, second = two(log, chance)
    while first.state == second.state:
        first, second = two(log, chance)
    change(cursor, first.position, "state", second.state)
    change(cursor, second.position, "state", first.state)
    return first.position


def two(log: Log, chance: random.Random) -> tuple[LogEntry, LogEntry]:
    """Two events in their order."""
    first, second = sorted(chance.sample(range(len(log.entries)), 2))
    return log.entries[first], log.entries[second]


def swapped_rows(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """Two whole events stand in each other's place.

    Of sealed ones the first is found. Of others the first that comes too early or too late in its stream; where both
    streams keep their order, the line of the feed, which is named by its position. (Two events without such a line
    may change places until the next seal: no hash holds a position, since appends wait for nobody.)
    """
    while True:
        first, second = two(log, chance)
        found = _where_swapped(log, first, second)
        if found is not None:
            break
    swap(cursor, first, second)
    return found


def swap(cursor: Cursor, first: LogEntry, second: LogEntry) -> None:
    """Put two events in each other's place, over one that nobody has."""
    free = 2**62
    change(cursor, first.position, "position", free)
    change(cursor, second.position, "position", first.position)
    change(cursor, free, "position", second.position)


def _where_swapped(log: Log, first: LogEntry, second: LogEntry) -> int | None:
    before = log.at(second.stream, second.version - 1)
    after = log.at(first.stream, first.version + 1)
    if log.is_sealed(first) or (before and before.position >= first.position):
        return first.position
    if after and after.position < second.position:
        return after.position
    return first.position if any(_has_a_line(entry) for entry in (first, second)) else None


def _has_a_line(entry: LogEntry) -> bool:
    kind = EVENTS[entry.topic]
    return issubclass(kind, AccountEvent) and kind is not Opened


def a_removed_row(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """An event is gone. A sealed one is missed in its place.

    Another is missed by the next of its stream; a stream's last by what is served, which has seen it.
    """
    entry = chance.choice(log.entries)
    cursor.execute("DELETE FROM events WHERE position = %s", (entry.position,))
    later = log.at(entry.stream, entry.version + 1)
    return later.position if later and not log.is_sealed(entry) else entry.position


def a_removed_tail(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """Everything from some sealed event on is gone."""
    entry = log.entries[chance.randrange(log.sealed)]
    cursor.execute("DELETE FROM events WHERE position >= %s", (entry.position,))
    return entry.position


def an_inserted_row(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """A copy of an event goes on its stream, in a place that was free; now and then with the hash that it must have."""
    copied = chance.choice(log.entries)
    last = log.stream_from(copied)[-1]
    place = chance.choice(log.gaps())
    inserted = copied._replace(position=place, version=last.version + 1)
    insert(cursor, inserted._replace(hash=inserted.hash_after(last.hash) if chance.random() < 0.7 else copied.hash))
    return place


def a_rehashed_suffix(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """A sealed event is changed, and it and all after it in its stream have the hashes that they must have."""
    entry = log.entries[chance.randrange(log.sealed)]
    at = chance.randrange(len(entry.state))
    state = entry.state[:at] + chance.choice("0123456789 ") + entry.state[at + 1 :]
    changed = entry._replace(state=state) if state != entry.state else entry._replace(metadata="{}")
    change(cursor, entry.position, "state", changed.state)
    change(cursor, entry.position, "metadata", changed.metadata)
    before = log.at(entry.stream, entry.version - 1)
    rehash(cursor, [changed, *log.stream_from(entry)[1:]], before.hash if before else GENESIS)
    return entry.position


def a_snapshot(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """An account's snapshot says otherwise than its events: found where the account stands."""
    cursor.execute("SELECT originator_id, originator_version, state FROM snapshots ORDER BY originator_id")
    stream, version, text = chance.choice(cursor.fetchall())
    state = json.loads(text)
    kinds = ["debt", "lots_made", "lifetime", "version"] + ["parts"] * bool(state["parts"])
    kind = chance.choice(kinds)
    if kind == "version":
        version += chance.choice([-1, 1])
    elif kind == "lifetime":
        state[kind][chance.choice(sorted(state[kind]))] += 1
    elif kind == "parts":
        chance.choice(state[kind])["points"] += 1
    else:
        state[kind] += 1
    cursor.execute(
        "UPDATE snapshots SET originator_version = %s, state = %s WHERE originator_id = %s",
        (version, json.dumps(state), stream),
    )
    return max(entry.position for entry in log.entries if entry.stream == stream)


_ROWS = {
    "balances": ("position", ["balance = balance + 1", "debt = debt + 1", "earned = earned - 1"]),
    "lots": (
        "(SELECT position FROM balances b WHERE b.account_id = t.account_id)",
        ["points = points + 1", "source = 'x'", "expires_at = expires_at + interval '1 day'"],
    ),
    "orders": ("last_position", ["points_used = points_used + 1", "status = 'void'", "position = position - 1"]),
    "transactions": ("id", ["points = -points - 1", "type = 'x'", "balance_after = balance_after + 1"]),
    "rules": ("position", ["rule = rule || ' '", "effective_from = effective_from - interval '1 s'"]),
    "daily": ("(SELECT notification_id FROM tracking)", ["earned = earned + 1", "opened = opened - 1"]),
}
"""Of each table: the position where a row of it is found wrong, and ways to change one."""


def a_row_that_is_served(cursor: Cursor, log: Log, chance: random.Random) -> int:
    """A row of a read model is changed or gone: found at the last event that shaped it, as far as it can be known."""
    table = chance.choice(sorted(_ROWS))
    position, ways = _ROWS[table]
    cursor.execute(f"SELECT {position}, ctid FROM {table} AS t ORDER BY t::text")
    found, row = chance.choice(cursor.fetchall())
    way = chance.choice([*ways, None])
    cursor.execute(
        f"UPDATE {table} SET {way} WHERE ctid = %s" if way else f"DELETE FROM {table} WHERE ctid = %s", (row,)
    )
    assert cursor.rowcount == 1
    return int(found)


EDITS: dict[Edit, int] = {
    a_byte_of_state: 250,
    a_field: 250,
    swapped_states: 200,
    swapped_rows: 250,
    a_removed_row: 250,
    a_removed_tail: 100,
    an_inserted_row: 250,
    a_rehashed_suffix: 250,
    a_snapshot: 100,
    a_row_that_is_served: 100,
}
"""All kinds, and how many of each a test makes."""
