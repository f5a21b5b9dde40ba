"""One answer a key: the same request again gets the first answer again, and does nothing twice.

The claim is taken before the work; the answer is written in the work's own transaction. A refusal gives the key back.
A failure does not: nobody knows what came of it, so the key stays claimed until its lease runs out and whoever takes
it over goes on from what is recorded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from flask import Response, g, request

from app.api.bodies import strict_json
from app.api.context import house, principal
from app.api.problems import CONTENT_TYPE, refusal
from app.domain.errors import DomainError
from app.registers.receipts import Answered, Claim, InFlight, OtherRequest, claim_id
from app.usecases.ports import Receipt

RETRY_AFTER_S = 2
"""When to come again while a request is under way: it ends in moments. Its lease is for the case that it crashed."""

USER = "\x02"
"""In a kept answer, stands for the user that the request names: only the directory holds user ids.
As with POSITION, JSON text holds no raw control character of its own."""

REQUEST = "\x03"
"""In a kept answer, stands for the id of the request that gets it: a client may choose one, and so name anybody."""


@dataclass(frozen=True)
class Reply:
    """An answer to keep: status and JSON text."""

    status: int
    body: str

    @classmethod
    def of(cls, status: int, data: Any) -> Reply:
        """Encode `data`."""
        return cls(status, msgspec.json.encode(data).decode())

    def response(self, names: str, **headers: str) -> Response:
        """Ready to send; `names` is the user whom the request names."""
        body = self.body
        for placeholder, text in ((USER, names), (REQUEST, g.get("request_id", ""))):
            body = body.replace(placeholder, msgspec.json.encode(text).decode())
        kind = CONTENT_TYPE if self.status >= 400 else "application/json"
        return Response(body, status=self.status, content_type=kind, headers=headers)


@dataclass(frozen=True)
class Key:
    """A request's idempotency key while it runs. Where the client sent none, `claimed` is None and the texts empty."""

    text: str
    fingerprint: str
    claimed: Claim | None

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
) -> Response:
    """Answer this request under its Idempotency-Key.

    `run` does the work and may write its receipt with it. `names` is the user whom the answer names, if it does: it
    writes USER. `later` looks again at what a 202 was about, by that answer: the user may have been forgotten since.
    `content` gives what the key is bound to beside method and path, as plain data; it is called before the work, and
    only where there is a key.
    """
    text = _key_text(is_required)
    if text is None:
        return run(Key("", "", None)).response(names)
    fingerprint = hashlib.sha256(msgspec.json.encode([request.method, request.path, content()], order="sorted"))
    claim = claim_id(principal().user_id, text)
    claimed = house().receipts.claim(claim, fingerprint.digest())
    match claimed:
        case OtherRequest():
            return refusal("idempotency_key_reused")
        case InFlight(seconds):
            return refusal("in_flight", retry_after_s=min(seconds, RETRY_AFTER_S))
        case Answered(status, body):
            reply = Reply(status, body)
            known = later(msgspec.json.decode(body)) if status == 202 and later else None
            if known and known.status != 202:  # else the first answer again: it may say how the cardholder goes on
                stands = house().receipts.answer(Receipt(claim, known.status, known.body))
                reply = Reply(stands.status, stands.body)
            return reply.response(names, **{"Idempotent-Replayed": "true"})
    return _run(run, Key(text, fingerprint.hexdigest(), claimed)).response(names)


def _run(run: Callable[[Key], Reply], key: Key) -> Reply:
    assert key.claimed is not None
    try:
        reply = run(key)
    except DomainError:
        house().receipts.release(key.claimed)
        raise
    # Nothing is written here where the answer went in with the events.
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
