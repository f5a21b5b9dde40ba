"""The eventsourcing library's own PostgreSQL recorder, on psycopg 3, as it comes: no read models, no snapshots.

It appends the very bytes that it is given as `sample`, under new ids: the first of the two streams grows, the second
is new each time, as an account's and an order's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresFactory
from eventsourcing.utils import Environment

from benchmarks.hammer import hammer

Sample = list[tuple[int, str, str]]
"""Each event's stream (0 or 1), topic and state."""

ACCOUNTS = 64
FASTEST = 6_000
PACKAGES = ("eventsourcing", "psycopg", "psycopg-binary", "psycopg-pool")


def factory(url: str, threads: int) -> PostgresFactory:
    """The library's own factory, with a connection for each thread and everything else at its default."""
    parts = urlsplit(url)
    where = {name: values[0] for name, values in parse_qs(parts.query).items()}
    settings = {
        "POSTGRES_DBNAME": parts.path.lstrip("/"),
        "POSTGRES_HOST": where["host"],
        "POSTGRES_PORT": where["port"],
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": parts.password or "",
        "POSTGRES_POOL_SIZE": str(threads),
    }
    return PostgresFactory(Environment("bench", settings))


def checkouts(sample: Sample, count: int) -> Iterator[list[StoredEvent]]:
    """`count` times the sample, for each of some accounts in turn."""
    accounts: list[UUID] = [uuid4() for _ in range(ACCOUNTS)]
    versions = dict.fromkeys(accounts, 0)
    encoded = [(stream, topic, state.encode()) for stream, topic, state in sample]
    for number in range(count):
        streams = (accounts[number % ACCOUNTS], uuid4())
        at = {streams[0]: versions[streams[0]], streams[1]: 0}
        events = []
        for stream, topic, state in encoded:
            at[streams[stream]] += 1
            events.append(StoredEvent(streams[stream], at[streams[stream]], topic, state))
        versions[streams[0]] = at[streams[0]]
        yield events


def run(url: str, threads: int, warm_up_s: float, seconds: float, sample: Sample) -> dict[str, Any]:
    """One round."""
    made = factory(url, threads)
    try:
        recorder = made.application_recorder()
        count = int((warm_up_s + seconds) * FASTEST / threads)
        supplies = [list(checkouts(sample, count)) for _ in range(threads)]
        measured = hammer(recorder.insert_events, supplies, warm_up_s=warm_up_s, seconds=seconds)
    finally:
        made.close()
    return {**measured, "versions": {name: version(name) for name in PACKAGES}}


if __name__ == "__main__":
    job: dict[str, Any] = json.load(sys.stdin)
    json.dump(run(**job), sys.stdout)
