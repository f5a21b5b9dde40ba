"""Field types that the contract has and marshmallow lacks, and the numbers that several schemas share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from app.auth.principals import MAX_USER_ID, is_user_id

MAX_BIGINT = 2**63 - 1


class Instant(fields.AwareDateTime):
    """An RFC 3339 instant, normalised to UTC; one without an offset is refused."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **options: Any) -> datetime:
        # RFC 3339 wants date and time; Python's ISO parser would also take a bare date or a week.
        if not (isinstance(value, str) and len(value) >= len("2026-01-01T00:00:00Z") and value[10] in "Tt "):
            raise ValidationError("Must be an RFC 3339 instant, such as 2026-01-01T00:00:00Z.")
        try:
            return super()._deserialize(value, attr, data, **options).astimezone(UTC)
        except OverflowError:
            raise ValidationError("Lies outside of time as we know it.") from None


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


def whole_text(low: int, high: int = MAX_BIGINT, **options: Any) -> fields.Integer:
    """An integer in a query string, where everything is text."""
    return fields.Integer(validate=validate.Range(low, high), **options)


class Paged(Schema):
    """The query of every list."""

    limit = whole_text(1, 100, load_default=20)
    cursor = Text(load_default=None)
