"""The bare line under every request: Flask under our own server, one pooled SELECT, its row as JSON. Nothing else.

It is served by the house's own Python, with the house's own numbers of workers and threads.
"""

from __future__ import annotations

import os
from queue import Empty, LifoQueue
from typing import Any

import psycopg2
from flask import Flask, Response, jsonify

app = Flask(__name__)
_idle: LifoQueue[Any] = LifoQueue()


def _take() -> Any:
    """A connection that is free, or a new one: never more than there are threads."""
    try:
        return _idle.get_nowait()
    except Empty:
        connection = psycopg2.connect(os.environ["DATABASE_URL"])
        connection.autocommit = True
        return connection


@app.get("/<int:number>")
def one(number: int) -> Response:
    """A row by its key."""
    connection = _take()
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, value FROM bare WHERE id = %s", (number,))
        row = cursor.fetchone()
    _idle.put(connection)
    return jsonify(id=row[0], value=row[1])
