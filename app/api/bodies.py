"""Bodies in and out: strict JSON in, compact JSON out.

Strict: UTF-8, one meaning a key, no NaN. Unknown fields and unknown query parameters are refused by the schemas.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec
from flask import Request, Response, request
from marshmallow import RAISE, Schema, ValidationError, fields
from webargs.flaskparser import FlaskParser

from app.domain.errors import DomainError

MAX_BODY_BYTES = 64 * 1024
"""The largest body but for imports: a hundred lines of an order fit ten times over."""

# Deeper than any body of ours, shallow enough that no parser runs out of stack.
MAX_DEPTH = 20


class StrictParser(FlaskParser):
    """Reads arguments for flask-smorest by our rules, and refuses in our words."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": RAISE,
        "json": RAISE,
    }

    def load_json(self, req: Request, schema: Schema) -> Any:
        """The body's JSON. Refuses another content type (415) and what is not strict JSON (400)."""
        return strict_json(req)

    def load_querystring(self, req: Request, schema: Schema) -> Any:
        """The query's parameters. One that is no list may stand there once: nobody can tell which was meant."""
        single = {f.data_key or name for name, f in schema.fields.items() if not isinstance(f, fields.List)}
        twice = sorted(name for name in single if len(req.args.getlist(name)) > 1)
        if twice:
            raise DomainError("invalid_request", errors={name: ["Given more than once."] for name in twice})
        return super().load_querystring(req, schema)

    def handle_error(
        self,
        error: ValidationError,
        req: Request,
        schema: Schema,
        *,
        error_status_code: int | None,
        error_headers: Mapping[str, str] | None,
    ) -> NoReturn:
        """Refuse as `invalid_request`, naming each field."""
        messages: Any = error.normalized_messages()  # type: ignore[no-untyped-call]
        if isinstance(messages, dict) and len(messages) == 1 and next(iter(messages)) in ("json", "query"):
            messages = next(iter(messages.values()))
        raise DomainError("invalid_request", errors=_flat(messages))


def strict_json(req: Request | None = None) -> Any:
    """The request's body as JSON."""
    req = req or request
    if req.mimetype != "application/json":
        raise DomainError("unsupported_media_type")
    try:
        parsed = json.loads(_body(req).decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
        _refuse_unfit(parsed)
    except (ValueError, RecursionError) as error:
        raise DomainError("malformed_json", reason=str(error)[:200]) from None
    return parsed


def _body(req: Request) -> bytes:
    """The body, whole. The app's limit lies one byte above MAX_BODY_BYTES: at a limit, a chunked body just ends."""
    body = req.get_data()
    if len(body) > MAX_BODY_BYTES:
        raise DomainError("body_too_large")
    return body


def answer(data: Any, status: int = 200, **headers: str) -> Response:
    """A JSON response; instants come out with Z, ids as text."""
    return Response(msgspec.json.encode(data), status=status, content_type="application/json", headers=headers)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_unfit(value: Any, depth: int = 1) -> None:
    """Raise ValueError for what is nested too deeply, or holds half a character, which nobody could send back."""
    if depth > MAX_DEPTH:
        raise ValueError("nested too deeply")
    if isinstance(value, str):
        value.encode("utf-8")
    inner = (*value, *value.values()) if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        _refuse_unfit(each, depth + 1)


def _flat(messages: Any, prefix: str = "") -> dict[str, list[str]]:
    """Nested messages as `field.0.inner` -> list of messages."""
    if isinstance(messages, dict):
        flat: dict[str, list[str]] = {}
        for key, inner in messages.items():
            flat.update(_flat(inner, f"{prefix}.{key}" if prefix else str(key)))
        return flat
    return {prefix or "_schema": [str(m) for m in messages] if isinstance(messages, list) else [str(messages)]}
