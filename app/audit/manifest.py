"""The form of an export: a manifest on its first line, then a line for each event. docs/formats/export.md has it.

It reads and writes lines and nothing else; that a line is well formed says nothing of whether it is true.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeVar
from uuid import UUID

import msgspec

from app.audit import AuditError
from app.audit.checkpoints import KEY_ID_BYTES, Checkpoint, Malformed, parse
from app.audit.keys import Signer, TrustedKeys
from app.eventstore.chain import LogEntry

Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Number = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]

KEY_ID_DIGITS = 2 * KEY_ID_BYTES

T = TypeVar("T")

_PURPOSE = "miles-plus-cash export\n"
"""Stands before what is signed, so that no other text of ours can pass for a manifest."""


class BadExport(AuditError):
    """A file that is no export, or not the one that was made; the message says why, by its line."""


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event, in the order of its fields; `state` and `metadata` are JSON as text, as the log has them."""

    position: Number
    stream: UUID
    version: Number
    topic: str
    state: str
    recorded_at: Instant
    metadata: str
    hash: Hash


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an export has: the first `count` events of a log, up to a checkpoint, and who says so.

    `lines` is SHA-256 over all lines after this one, `note` the checkpoint. `signature` is a key's id and its
    signature, in hexadecimal, under this line with an empty one.
    """

    miles_export: Literal[1]
    first_position: Number
    last_position: Number
    count: Number
    root: Hash
    note: str
    lines: Hash
    exported_at: Instant
    signature: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{136})?$")] = ""

    def signed(self, signer: Signer) -> Manifest:
        """The same under the house's signature."""
        key_id, signature = signer.sign(self._text())
        return msgspec.structs.replace(self, signature=key_id + signature.hex())

    def checkpoint(self, trusted: TrustedKeys) -> Checkpoint:
        """The checkpoint, once both signatures are good and the manifest says what it says. Raises an AuditError."""
        if not self.signature:
            raise BadExport("line 1: the manifest is not signed")
        key_id, signature = self.signature[:KEY_ID_DIGITS], bytes.fromhex(self.signature[KEY_ID_DIGITS:])
        trusted.check("the manifest", self._text(), key_id, signature)
        try:
            checkpoint = parse(self.note)
        except Malformed as error:
            raise BadExport(f"line 1: its note is no checkpoint: {error}") from error
        trusted.verify(checkpoint)
        said = (self.count, self.last_position, self.root)
        if said != (checkpoint.size, checkpoint.position, checkpoint.root.hex()):
            raise BadExport("line 1: the manifest says otherwise than its checkpoint")
        return checkpoint

    def _text(self) -> str:
        return _PURPOSE + to_line(msgspec.structs.replace(self, signature="")).decode()


def to_line(content: Line | Manifest) -> bytes:
    """A line of the file, with its end."""
    return msgspec.json.encode(content) + b"\n"


def line_of(entry: LogEntry) -> bytes:
    """The line of an event."""
    return to_line(Line(*entry[:-1], entry.hash.hex()))


_manifests = msgspec.json.Decoder(Manifest)
_lines = msgspec.json.Decoder(Line)


def read_manifest(line: bytes) -> Manifest:
    """The manifest that a line is, to the letter. Raises BadExport."""
    manifest = _decoded(_manifests, line, 1)
    if to_line(manifest) != line:
        raise BadExport("line 1: it is not written as a manifest is")
    return manifest


def read_entry(line: bytes, number: int) -> LogEntry:
    """The event of line `number`. Raises BadExport."""
    read = _decoded(_lines, line, number)
    return LogEntry(
        read.position, read.stream, read.version, read.topic, read.state, read.recorded_at, read.metadata,
        bytes.fromhex(read.hash),
    )  # fmt: skip


def _decoded(decoder: msgspec.json.Decoder[T], line: bytes, number: int) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BadExport(f"line {number}: {error}") from error
