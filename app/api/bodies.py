"""Bodies in and out: strict JSON in, compact JSON out.

Strict: UTF-8, one meaning a key, no NaN. Unknown fields and unknown query parameters are refused by the schemas.
"""

from __future__ import annotations

import json
from functools import cache, cached_property
from typing import Any, NoReturn, cast

import msgspec
from flask import Request, Response, request
from marshmallow import Schema, ValidationError, fields

from app.domain.errors import DomainError

MAX_BODY_BYTES = 64 * 1024
"""The largest body but for imports: a hundred lines of an order fit ten times over."""

# Deeper than any body of ours, shallow enough that no parser runs out of stack.
MAX_DEPTH = 20


def read(schema: Schema, location: str) -> Any:
    """This request's query, or its body (`json`), as the schema has it. Raises `invalid_request`, naming each field."""
    given = _query(schema) if location == "query" else strict_json()
    try:
        return schema.load(given)
    except ValidationError as error:
        raise DomainError("invalid_request", errors=_flat(error.normalized_messages())) from None  # type: ignore[no-untyped-call]


def _query(schema: Schema) -> dict[str, Any]:
    """The query's parameters. One that is no list may stand there once: nobody can tell which was meant."""
    is_list = _parameters(schema)
    given: dict[str, Any] = {}
    twice = []
    for name, values in request.args.lists():
        given[name] = values if is_list.get(name) else values[0]
        if len(values) > 1 and is_list.get(name) is False:
            twice.append(name)
    if twice:
        raise DomainError("invalid_request", errors={name: ["Given more than once."] for name in sorted(twice)})
    return given


@cache
def _parameters(schema: Schema) -> dict[str, bool]:
    """The names that a query may have, and whether each is a list."""
    return {field.data_key or name: isinstance(field, fields.List) for name, field in schema.fields.items()}


class StrictRequest(Request):
    """A request whose body is read once, by our rules."""

    @cached_property
    def strict_json(self) -> Any:
        """The body as JSON. Refuses another type (415) and what is not strict JSON (400)."""
        if self.mimetype != "application/json":
            raise DomainError("unsupported_media_type")
        try:
            text = self._limited_body().decode("utf-8")
            parsed = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
            _refuse_unfit(parsed)
        except (ValueError, RecursionError) as error:
            raise DomainError("malformed_json", reason=str(error)[:200]) from None
        return parsed

    def _limited_body(self) -> bytes:
        """The body, whole. The app's limit lies one byte above MAX_BODY_BYTES: at a limit, a chunked body just ends."""
        body = self.get_data()
        if len(body) > MAX_BODY_BYTES:
            raise DomainError("body_too_large")
        return body


def strict_json() -> Any:
    """This request's body as JSON. Refuses as StrictRequest does."""
    return cast(StrictRequest, request).strict_json


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
