"""One answer a key: the same request again gets the first answer again, and does nothing twice.

The key is claimed before the work, or in the work's own first transaction; the answer is written in its last one. A
refusal gives the key back. A failure does not: nobody knows what came of it, so a key that was claimed stays so until
its lease runs out and whoever takes it over goes on from what is recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import msgspec
from flask import Response, g, request

from app.api.bodies import strict_json
from app.api.context import house, principal
from app.api.problems import CONTENT_TYPE, refusal
from app.domain.errors import DomainError
from app.registers.receipts import Answered, InFlight, OtherRequest, claim_id
from app.usecases.ports import Claim, Receipt

RETRY_AFTER_S = 2
"""When to come again while a request is under way: it ends in moments. Its lease is for the case that it crashed."""

USER = "\x02"
"""In a kept answer, stands for the user that the request names: only the directory holds user ids.
As with POSITION, JSON text holds no raw control character of its own."""

REQUEST = "\x03"
"""In a kept answer, stands for the id of the request that gets it: a client may choose one, and so name anybody."""


@dataclass(frozen=True)
class Reply:
    """An answer to keep: status and JSON text. `is_kept` where it was written already, with the events it tells of."""

    status: int
    body: str
    is_kept: bool = False

    @classmethod
    def of(cls, status: int, data: Any, *, is_kept: bool = False) -> Reply:
        """Encode `data`."""
        return cls(status, msgspec.json.encode(data).decode(), is_kept)

    def response(self, names: str, **headers: str) -> Response:
        """Ready to send; `names` is the user whom the request names."""
        body = self.body
        for placeholder, text in ((USER, names), (REQUEST, g.get("request_id", ""))):
            body = body.replace(placeholder, msgspec.json.encode(text).decode())
        kind = CONTENT_TYPE if self.status >= 400 else "application/json"
        return Response(body, status=self.status, content_type=kind, headers=headers)


@dataclass(frozen=True)
class Key:
    """A request's idempotency key while it runs. Where the client sent none, `claimed` is None and the text empty.

    One that is not taken yet is for the work to take.
    """

    text: str
    claimed: Claim | None
    is_taken: bool = True

    def receipt(self, reply: Reply, *, is_guard: bool = False) -> Receipt | None:
        """`reply` as a fact to be written beside the events it tells of; as a guard, only while the claim is ours."""
        if self.claimed is None:
            return None
        return Receipt(self.claimed.claim_id, reply.status, reply.body, self.claimed.lease if is_guard else None)


def keyed(
    run: Callable[[Key], Reply],
    *,
    is_required: bool,
    names: str = "",
    later: Callable[[Any], Reply | None] | None = None,
    content: Callable[[], Any] = strict_json,
    is_taken_by_run: bool = False,
) -> Response:
    """Answer this request under its Idempotency-Key.

    `run` does the work and may write its receipt with it. `names` is the user whom the answer names, if it does: it
    writes USER. `later` looks again at what a 202 was about, by that answer: the user may have been forgotten since.
    `content` gives what the key is bound to beside method and path, as plain data; it is called before the work, and
    only where there is a key.

    `is_taken_by_run`: it takes the key with the first thing it writes, which spares a transaction, and raises
    `try_again` where it meets somebody. Then, and where it refuses though the key is not free, the key is claimed
    before it runs again.
    """
    text = _key_text(is_required)
    if text is None:
        return run(Key("", None)).response(names)
    fingerprint = hashlib.sha256(msgspec.json.encode([request.method, request.path, content()], order="sorted"))
    claim = Claim(claim_id(principal().user_id, text), fingerprint.digest(), uuid4())
    if is_taken_by_run:
        try:
            return _run(run, Key(text, claim, is_taken=False)).response(names)
        except DomainError as refused:
            if refused.code != "try_again" and house().receipts.is_free(claim.claim_id):
                raise
    match house().receipts.claim(claim.claim_id, claim.fingerprint):
        case OtherRequest():
            return refusal("idempotency_key_reused")
        case InFlight(seconds):
            return refusal("in_flight", retry_after_s=min(seconds, RETRY_AFTER_S))
        case Answered() as given:
            return _again(given, claim, later).response(names, **{"Idempotent-Replayed": "true"})
        case taken:
            return _run(run, Key(text, taken)).response(names)


def _again(given: Answered, claim: Claim, later: Callable[[Any], Reply | None] | None) -> Reply:
    """The answer that the key has, or what came of it since where that was not final."""
    known = later(msgspec.json.decode(given.body)) if given.status == 202 and later else None
    if known and known.status != 202:  # else the first answer again: it may say how the cardholder goes on
        given = house().receipts.answer(Receipt(claim.claim_id, known.status, known.body))
    return Reply(given.status, given.body)


def _run(run: Callable[[Key], Reply], key: Key) -> Reply:
    assert key.claimed is not None
    try:
        reply = run(key)
    except DomainError:
        if key.is_taken:
            house().receipts.release(key.claimed)
        raise
    if reply.is_kept:
        return reply
    stands = house().receipts.answer(Receipt(key.claimed.claim_id, reply.status, reply.body))
    return Reply(stands.status, stands.body)


def _key_text(is_required: bool) -> str | None:
    text = request.headers.get("Idempotency-Key", "")
    if not text:
        if is_required:
            raise DomainError("idempotency_key_required")
        return None
    if len(text) > 255 or not all("!" <= character <= "~" for character in text):
        raise DomainError("idempotency_key_invalid")
    return text
