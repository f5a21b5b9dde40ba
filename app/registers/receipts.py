"""Idempotency keys: a claim while a request is under way, its answer for ever after.

The answer is written in the transaction of the events that it tells of, so a crash between the two cannot be.
A row holds no user id: its key is a digest over user and key together. A request that may outlive its lease works in
one transaction that begins with `holding_statement`: a claim whose row is locked is never taken over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from app.database import Database
from app.usecases.ports import POSITION, Claim, Receipt

LEASE_S = 90
"""How long a claim keeps others out: longer than requests live, but for the slowest gateway's, and short enough to wait
for after a crash. To take over from one that is still alive is safe: it goes on from what is recorded."""


@dataclass(frozen=True)
class Answered:
    """The key has its answer."""

    status: int
    body: str


@dataclass(frozen=True)
class InFlight:
    """Another request under the key is under way, for at most `retry_after_s` more seconds."""

    retry_after_s: int


@dataclass(frozen=True)
class OtherRequest:
    """The key was used for another request."""


def claim_id(user_id: str, key: str) -> bytes:
    """The digest that stands for a user's key. The user id's length goes first, so that no two pairs meet."""
    user = user_id.encode()
    return hashlib.sha256(len(user).to_bytes(4, "big") + user + key.encode()).digest()


_TAKE = (
    "INSERT INTO idempotency (claim_id, fingerprint, leased_until, lease)"
    " VALUES (%(claim)s, %(fingerprint)s, now() + make_interval(secs => %(seconds)s), %(lease)s)"
)

# A row that is locked has somebody at work on it, however old its lease: that is in flight, and nothing to wait for.
_TAKE_OVER = (
    "UPDATE idempotency SET leased_until = now() + make_interval(secs => %(seconds)s), lease = %(lease)s"
    " WHERE claim_id = (SELECT claim_id FROM idempotency WHERE claim_id = %(claim)s AND fingerprint = %(fingerprint)s"
    " AND status IS NULL AND leased_until < now() FOR UPDATE SKIP LOCKED) RETURNING claim_id"
)


class Receipts:
    """The table `idempotency`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def claim(self, claim: bytes, fingerprint: bytes) -> Claim | Answered | InFlight | OtherRequest:
        """Take the key, or say why not. A claim whose lease has run out is taken over, unless it is held.

        With ours, the request may run, and ends with a receipt or with `release`.
        """
        ours = Claim(claim, fingerprint, uuid4())
        take = f"{_TAKE} ON CONFLICT (claim_id) DO NOTHING RETURNING claim_id"
        taken = self._database.written(take, _taking(ours)) or self._database.written(_TAKE_OVER, _taking(ours))
        return ours if taken else self._why_not(claim, fingerprint)

    def is_free(self, claim: bytes) -> bool:
        """Whether nobody has had this key, or whoever had it gave it back."""
        return self._database.row("SELECT 1 FROM idempotency WHERE claim_id = %s", (claim,)) is None

    def release(self, claim: Claim) -> None:
        """Give the key back unanswered: the request was refused, or failed, and may be sent again."""
        self._database.execute(
            "DELETE FROM idempotency WHERE claim_id = %s AND lease = %s AND status IS NULL",
            (claim.claim_id, claim.lease),
        )

    def answer(self, receipt: Receipt) -> Answered:
        """Write an answer outside any append, and give the one that stands: somebody else may have been first."""
        sql, values = receipt_statement(receipt)
        written = self._database.written(f"{sql} RETURNING status, body", values)
        stands = written or self._database.rows(
            "SELECT status, body FROM idempotency WHERE claim_id = %s AND status IS NOT NULL", (receipt.claim_id,)
        )
        return Answered(*stands[0]) if stands else Answered(receipt.status, receipt.body)

    def _why_not(self, claim: bytes, fingerprint: bytes) -> Answered | InFlight | OtherRequest:
        row = self._database.row(
            "SELECT fingerprint, status, body, ceil(extract(epoch FROM leased_until - now()))::int"
            " FROM idempotency WHERE claim_id = %s",
            (claim,),
        )
        if row is None:
            return InFlight(1)  # released this instant: the client may come again at once
        known, status, body, seconds = row
        if bytes(known) != fingerprint:
            return OtherRequest()
        return Answered(status, body) if status is not None else InFlight(max(1, seconds))


def claim_statement(claim: Claim) -> tuple[str, dict[str, Any]]:
    """Takes a key in an append's transaction; one that is taken fails all of it."""
    return _TAKE, _taking(claim)


def _taking(claim: Claim) -> dict[str, Any]:
    return {
        "claim": claim.claim_id, "fingerprint": claim.fingerprint, "seconds": LEASE_S, "lease": claim.lease,
    }  # fmt: skip


def holding_statement(claim: Claim) -> tuple[str, Sequence[Any]]:
    """Keeps a claim from being taken over until the transaction ends. Gives no row where it was taken over before."""
    return (
        "SELECT claim_id FROM idempotency WHERE claim_id = %s AND lease = %s AND status IS NULL FOR UPDATE",
        (claim.claim_id, claim.lease),
    )


def receipt_statement(receipt: Receipt) -> tuple[str, Sequence[Any]]:
    """Writes an answer in an append's transaction. The first answer stands, but for a 202, which was not final.

    One that names the lease it is written under fails, and the append with it, where the claim was taken over.
    """
    body = "%s"
    if POSITION in receipt.body:
        body = "replace(%s, E'\\x01', currval('events_position_seq')::text)"
    sql = f"UPDATE idempotency SET status = %s, body = {body} WHERE claim_id = %s AND (status IS NULL OR status = 202)"
    values = (receipt.status, receipt.body, receipt.claim_id)
    if receipt.only_under is None:
        return sql, values
    return f"SELECT idempotency_hold(%s, %s); {sql}", (receipt.claim_id, receipt.only_under, *values)
