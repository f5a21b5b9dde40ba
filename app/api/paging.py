"""Cursors: the key after which a list goes on, opaque to clients and sealed against forgery.

A cursor is good for one list with one set of filters: both are under the seal.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, request

from app.api.bodies import answer
from app.api.context import house
from app.domain.errors import DomainError

SEAL_BYTES = 16


def after(cursor: str | None) -> list[Any] | None:
    """The key that a cursor of this very list holds; None without one. Raises `invalid_cursor`."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise DomainError("invalid_cursor") from None
    seal, key = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
    if not hmac.compare_digest(seal, _seal(key)):
        raise DomainError("invalid_cursor")
    decoded: list[Any] = msgspec.json.decode(key)
    return decoded


def listed(items: Any, next_key: Any, only: Sequence[str] | None = None, **members: Any) -> Response:
    """A page: `items` (with `only` these fields), the cursor of the next one, and the same as a Link header."""
    if only is not None:
        items = [{name: item[name] for name in only} for item in items]
    cursor = None if next_key is None else _cursor(next_key)
    response = answer({"items": items, "next": cursor, **members})
    if cursor is not None:
        query = [(name, value) for name, value in request.args.items(multi=True) if name != "cursor"]
        response.headers["Link"] = f'<{request.path}?{urlencode([*query, ("cursor", cursor)])}>; rel="next"'
    return response


def _cursor(next_key: Any) -> str:
    key = msgspec.json.encode(next_key)
    return base64.urlsafe_b64encode(_seal(key) + key).decode().rstrip("=")


def _seal(key: bytes) -> bytes:
    """Over the list, its filters and the key; how many items a page has and which fields is the client's affair."""
    filters = sorted((n, v) for n, v in request.args.items(multi=True) if n not in ("cursor", "limit", "fields"))
    message = msgspec.json.encode([request.path, filters]) + b"\0" + key
    return hmac.digest(house().cursor_secret(), message, hashlib.sha256)[:SEAL_BYTES]
