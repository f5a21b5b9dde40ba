"""Field types that the contract has and marshmallow lacks, and the numbers that several schemas share."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.auth.principals import MAX_USER_ID, is_user_id

MAX_BIGINT = 2**63 - 1

# RFC 3339 wants date, time and offset; Python's ISO parser would also take a week, a bare date or no dashes.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

# int() would also take 1_000, blanks and the digits of other scripts.
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)


class Instant(fields.AwareDateTime):
    """An RFC 3339 instant, normalised to UTC; one without an offset is refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        if not (isinstance(value, str) and _RFC_3339.fullmatch(value)):
            raise ValidationError("Must be an RFC 3339 instant, such as 2026-01-01T00:00:00Z.")
        at = super()._deserialize(value.upper(), attr, data, **options)
        # A year from either end of the calendar, so that any zone has a date for it, and a day before and after.
        if not datetime.min.year < at.year < datetime.max.year:
            raise ValidationError("Lies outside of time as we know it.")
        return at.astimezone(UTC)


class UserId(fields.String):
    """A user id: 1 to 128 printable characters without a slash."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        if not is_user_id(value):
            raise ValidationError(f"Must be 1 to {MAX_USER_ID} printable characters without a slash.")
        return str(value)


class Text(fields.String):
    """Text that PostgreSQL can hold: no NUL, no lone surrogate."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **options)
        if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise ValidationError("Holds a character that is no text.")
        return text


class Reason(Text):
    """Why a person did something: 1 to 500 characters that say something."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=[validate.Length(1, 500), _refuse_blank], **options)


def _refuse_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError("Must say something.")


class FieldList(fields.String):
    """`a,b,c` as a tuple of names out of those allowed."""

    def __init__(self, allowed: tuple[str, ...], **options: Any) -> None:
        super().__init__(**options)
        self.allowed = allowed

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> Any:
        names = tuple(super()._deserialize(value, attr, data, **options).split(","))
        unknown = [name for name in names if name not in self.allowed]
        if unknown:
            raise ValidationError(f"Unknown: {', '.join(unknown)}. Known: {', '.join(self.allowed)}.")
        return names


def whole(low: int, high: int = MAX_BIGINT, **options: Any) -> fields.Integer:
    """A JSON integer within bounds; `"5"`, `5.0` and `true` are none."""
    return fields.Integer(strict=True, validate=validate.Range(low, high), **options)


class WholeText(fields.Integer):
    """An integer in a query string, where everything is text: digits alone."""

    def _validated(self, value: Any) -> Any:
        if not (isinstance(value, str) and _WHOLE.fullmatch(value)):
            raise self.make_error("invalid", input=value)
        return super()._validated(value)


def whole_text(low: int, high: int = MAX_BIGINT, **options: Any) -> fields.Integer:
    """An integer of a query string within bounds."""
    return WholeText(validate=validate.Range(low, high), **options)


def chosen(item: type[Schema]) -> FieldList:
    """`fields=a,b` of a list: which of an item's fields to keep."""
    return FieldList(tuple(item._declared_fields), data_key="fields", attribute="fields", load_default=None)


class Paged(Schema):
    """The query of every list."""

    limit = whole_text(1, 100, load_default=20)
    cursor = fields.String(load_default=None)
