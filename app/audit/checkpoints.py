"""Checkpoints: signed digests of the log, as notes and in their table.

Owns the form of a note (a C2SP tlog-checkpoint, docs/formats/checkpoint.md) and the table `checkpoints`. It judges
neither signatures (`keys`) nor roots (`tree`), and changes no checkpoint that stands.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app.audit import AuditError
from app.database import Cursor, Database

ORIGIN = "miles-plus-cash"
"""The first line of every note, and the name of every key. Which house signed, its key tells."""

BATCH = 1000
"""Checkpoints read at a time."""

_NOTE = re.compile(
    rf"{ORIGIN}\n"
    r"(?P<size>0|[1-9]\d{0,18})\n"
    r"(?P<root>[A-Za-z0-9+/]{43}=)\n"
    r"position (?P<position>0|[1-9]\d{0,18})\n"
    r"time (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z)\n"
    r"\n"
    rf"— {ORIGIN} (?P<signed>[A-Za-z0-9+/]+=*)\n",
    re.ASCII,
)

KEY_ID_BYTES, SIGNATURE_BYTES = 4, 64


class Malformed(AuditError):
    """A text that is no checkpoint."""


class Checkpoint(NamedTuple):
    """The root over the log's first `size` events, the last of which stands at `position`, and who says so."""

    size: int
    position: int
    root: bytes
    sealed_at: datetime
    key_id: str
    signature: bytes

    def text(self) -> str:
        """What is signed."""
        root = base64.b64encode(self.root).decode()
        return f"{ORIGIN}\n{self.size}\n{root}\nposition {self.position}\ntime {instant(self.sealed_at)}\n"

    def as_data(self) -> dict[str, Any]:
        """All of it as plain JSON values, the note included."""
        return {
            **self._asdict(),
            "root": self.root.hex(),
            "sealed_at": instant(self.sealed_at),
            "signature": base64.b64encode(self.signature).decode(),
            "note": self.note(),
        }

    def note(self) -> str:
        """The whole of it: what is signed, a blank line, and the signature's line."""
        signed = base64.b64encode(bytes.fromhex(self.key_id) + self.signature).decode()
        return f"{self.text()}\n— {ORIGIN} {signed}\n"


def parse(note: str) -> Checkpoint:
    """The checkpoint of a note, letter for letter; its signature is not looked at. Raises Malformed."""
    found = _NOTE.fullmatch(note)
    if found is None:
        raise Malformed("this is not a checkpoint's note")
    try:
        signed = base64.b64decode(found["signed"], validate=True)
        checkpoint = Checkpoint(
            size=int(found["size"]),
            position=int(found["position"]),
            root=base64.b64decode(found["root"], validate=True),
            sealed_at=datetime.fromisoformat(found["time"]),
            key_id=signed[:KEY_ID_BYTES].hex(),
            signature=signed[KEY_ID_BYTES:],
        )
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"this is not a checkpoint's note: {error}") from None
    # What reads the same but is written otherwise would not be what was signed.
    if len(checkpoint.signature) != SIGNATURE_BYTES or checkpoint.note() != note:
        raise Malformed("this is not a checkpoint's note")
    return checkpoint


def instant(at: datetime) -> str:
    """RFC 3339 in UTC, with Z; microseconds only where there are any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_COLUMNS = "size, position, root, sealed_at, key_id, signature"

# A time that Python has no value for comes out as another, which nobody signed, and not as an error of the driver's.
_READABLE = _COLUMNS.replace("sealed_at", "greatest(least(sealed_at, '9999-12-30'), '0001-01-02')")


class Checkpoints:
    """The table `checkpoints`. Given a `cursor`, a read sees what that transaction sees."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, cursor: Cursor | None = None) -> Checkpoint | None:
        """The one over the most events."""
        return _only(self._read("ORDER BY size DESC LIMIT 1", (), cursor))

    def find(self, size: int, cursor: Cursor | None = None) -> Checkpoint | None:
        """The one over exactly so many events."""
        return _only(self._read("WHERE size = %s", (size,), cursor))

    def covering(self, index: int) -> Checkpoint | None:
        """The first one whose tree has the leaf `index`."""
        return _only(self._read("WHERE size > %s ORDER BY size LIMIT 1", (index,)))

    def after(
        self, size: int = 0, upto: int | None = None, *, cursor: Cursor | None = None, batch: int = BATCH
    ) -> Iterator[Checkpoint]:
        """Those over more than `size` events, and `upto` so many, ascending; read in batches."""
        while True:
            found = self._read(
                "WHERE size > %s AND (%s::bigint IS NULL OR size <= %s) ORDER BY size LIMIT %s",
                (size, upto, upto, batch),
                cursor,
            )
            yield from found
            if len(found) < batch:
                return
            size = found[-1].size

    def page(self, limit: int, before: int | None) -> tuple[list[Checkpoint], int | None]:
        """A page, newest first, of those smaller than `before`, and the `before` of the next page."""
        found = self._read(
            "WHERE %s::bigint IS NULL OR size < %s ORDER BY size DESC LIMIT %s", (before, before, limit + 1)
        )
        shown = found[:limit]
        return shown, shown[-1].size if len(found) > limit else None

    def add(self, checkpoint: Checkpoint, cursor: Cursor) -> None:
        """Keep one more, in the caller's transaction."""
        cursor.execute(f"INSERT INTO checkpoints ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s)", checkpoint)

    def _read(self, rest: str, parameters: Sequence[Any], cursor: Cursor | None = None) -> list[Checkpoint]:
        sql = f"SELECT {_READABLE} FROM checkpoints {rest}"
        if cursor is None:
            rows = self._database.rows(sql, parameters)
        else:
            cursor.execute(sql, parameters)
            rows = cursor.fetchall()
        return [
            Checkpoint(size, position, bytes(root), sealed_at, key_id, bytes(signature))
            for size, position, root, sealed_at, key_id, signature in rows
        ]


def _only(found: list[Checkpoint]) -> Checkpoint | None:
    return found[0] if found else None
