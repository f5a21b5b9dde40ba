"""Proofs to take away: documents that show, without this house and its database, that an event or an older checkpoint
belongs to a checkpoint. docs/formats/checkpoint.md has the form.

Making one reads a few rows. Checking one needs nothing but the document and the public keys that one trusts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec

from app.audit import AuditError, merkle
from app.audit.checkpoints import Checkpoint, Checkpoints, instant, parse
from app.audit.keys import TrustedKeys
from app.audit.tree import BrokenTree, SealedTree
from app.database import Database
from app.domain.errors import DomainError, invalid
from app.eventstore.chain import GENESIS, Unreadable, event_hash

Hash = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class BadProof(AuditError):
    """A document that proves nothing; the message says why."""


class ProvenEvent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an event's hash is made of, to the letter."""

    stream: UUID
    version: Count
    topic: str
    recorded_at: Annotated[datetime, msgspec.Meta(tz=True)]
    state: str
    metadata: str
    previous: Hash

    def hash(self) -> bytes:
        """The hash of what stands here."""
        return event_hash(
            bytes.fromhex(self.previous), self.stream, self.version, self.topic, self.state, self.recorded_at,
            self.metadata,
        )  # fmt: skip


class Inclusion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An event is leaf `index` of the log's first `size`, as the checkpoint says; `leaf` is the event's hash."""

    index: Count
    size: Count
    leaf: Hash
    path: list[Hash]
    checkpoint: str
    event: ProvenEvent


class Consistency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The log of `second` events begins with the `first` events that the earlier checkpoint covers, unchanged."""

    first: Count
    second: Count
    path: list[Hash]
    first_checkpoint: str
    second_checkpoint: str


class Proofs:
    """Makes proofs out of the log, its tree and its checkpoints."""

    def __init__(self, database: Database, tree: SealedTree, checkpoints: Checkpoints) -> None:
        self._database = database
        self._tree = tree
        self._checkpoints = checkpoints

    def of_event(self, position: int, size: int | None = None) -> Inclusion:
        """That an event is under a checkpoint: the one over `size` events, or the first that covers it.

        Raises DomainError `unknown_event`, `unknown_checkpoint`, `not_sealed_yet`; Unreadable, BrokenTree.
        """
        try:
            event, digest = self._event(position)
        except (TypeError, ValueError):
            raise Unreadable(position) from None
        checkpoint = None if size is None else self._existing(size)
        index = self._tree.index_of(position)
        if index is not None and checkpoint is None:
            checkpoint = self._checkpoints.covering(index)
        if index is None or checkpoint is None or index >= checkpoint.size:
            raise DomainError("not_sealed_yet", position=position)
        path = self._tree.inclusion(index, checkpoint.size)
        leads_to = merkle.root_from_inclusion(digest, index, checkpoint.size, path)
        if (event.hash(), leads_to) != (digest, checkpoint.root):
            raise BrokenTree(f"log, tree and checkpoint do not agree about position {position}: see miles audit verify")
        return Inclusion(index, checkpoint.size, digest.hex(), _texts(path), checkpoint.note(), event)

    def of_checkpoints(self, first: int, second: int) -> Consistency:
        """That the checkpoint over `second` events goes on where the one over `first` ended.

        Raises DomainError `unknown_checkpoint`, `invalid_request`; BrokenTree.
        """
        older, newer = self._existing(first), self._existing(second)
        if first > second:
            raise invalid(**{"from": "Must not be larger than the other size."})
        path = self._tree.consistency(first, second)
        if not merkle.check_consistency(first, second, older.root, newer.root, path):
            raise BrokenTree("the sealed tree does not lead to both checkpoints: see miles audit verify")
        return Consistency(first, second, _texts(path), older.note(), newer.note())

    def _existing(self, size: int) -> Checkpoint:
        checkpoint = self._checkpoints.find(size)
        if checkpoint is None:
            raise DomainError("unknown_checkpoint", size=size)
        return checkpoint

    def _event(self, position: int) -> tuple[ProvenEvent, bytes]:
        """An event of the log, and the hash that it has there."""
        row = self._database.row(
            "SELECT e.originator_id, e.originator_version, e.topic, e.recorded_at, e.state, e.metadata, p.hash, e.hash"
            " FROM events e LEFT JOIN events p"
            " ON p.originator_id = e.originator_id AND p.originator_version = e.originator_version - 1"
            " WHERE e.position = %s",
            (position,),
        )
        if row is None:
            raise DomainError("unknown_event", position=position)
        stream, version, topic, recorded_at, state, metadata, previous, digest = row
        before = GENESIS if previous is None else bytes(previous)
        return ProvenEvent(stream, version, topic, recorded_at, state, metadata, before.hex()), bytes(digest)


def check(document: bytes, trusted: TrustedKeys) -> str:
    """What a proof's JSON proves, in a sentence. Raises an AuditError where it proves nothing."""
    for kind, checked in ((Inclusion, _checked_inclusion), (Consistency, _checked_consistency)):
        try:
            proof: Any = msgspec.json.decode(document, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        return checked(proof, trusted)
    raise BadProof("this is not a proof: neither an event's nor that of two checkpoints")


def _checked_inclusion(proof: Inclusion, trusted: TrustedKeys) -> str:
    checkpoint = _trusted_checkpoint(proof.checkpoint, proof.size, trusted)
    if proof.event.hash().hex() != proof.leaf:
        raise BadProof("the event is not what its hash says: it was altered")
    try:
        root = merkle.root_from_inclusion(bytes.fromhex(proof.leaf), proof.index, proof.size, _hashes(proof.path))
    except ValueError as error:
        raise BadProof(str(error)) from None
    if root != checkpoint.root:
        raise BadProof("the path does not lead to the checkpoint's root: the event is not in the log that was signed")
    return (
        f"{proof.event.topic}, version {proof.event.version} of {proof.event.stream}, is number {proof.index + 1}"
        f" of the {proof.size} events that {checkpoint.key_id} signed at {instant(checkpoint.sealed_at)}"
    )


def _checked_consistency(proof: Consistency, trusted: TrustedKeys) -> str:
    older = _trusted_checkpoint(proof.first_checkpoint, proof.first, trusted)
    newer = _trusted_checkpoint(proof.second_checkpoint, proof.second, trusted)
    if not merkle.check_consistency(proof.first, proof.second, older.root, newer.root, _hashes(proof.path)):
        raise BadProof("the later checkpoint does not go on from the earlier one: history was rewritten")
    return f"the log of {proof.second} events begins with the {proof.first} that were signed before, unchanged"


def _trusted_checkpoint(note: str, size: int, trusted: TrustedKeys) -> Checkpoint:
    checkpoint = parse(note)
    trusted.verify(checkpoint)
    if checkpoint.size != size:
        raise BadProof(f"the checkpoint is over {checkpoint.size} events, not {size}")
    return checkpoint


def _texts(hashes: Sequence[bytes]) -> list[str]:
    return [digest.hex() for digest in hashes]


def _hashes(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]
