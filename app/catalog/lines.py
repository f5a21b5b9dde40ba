"""One line of an import: is it a product, and if not, why not, field by field.

Strict: nothing is converted, trimmed or guessed. It knows no database and no stream.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

Errors = dict[str, list[str]]
Rule = Callable[[Any], str | None]

MAX_LINE_BYTES = 64 * 1024
# 10^12 paise are ten thousand million rupees: a slip of the keyboard, not a price, is larger.
MAX_PRICE_MINOR = 10**12
MAX_URL = 2048
# Under this name stand the errors of a line as a whole; no field is called so.
LINE = "line"
# What is quoted of a field's name that nobody knows.
QUOTED = 64

_URL = re.compile(r"https?://[^\s/?#]+\S*|/(?!/)\S*")


class NotAProduct(ValueError):
    """A line that is refused; `errors` says why, by field."""

    def __init__(self, errors: Errors) -> None:
        super().__init__("not a product")
        self.errors = errors


def parse(line: bytes, currency: str) -> dict[str, Any]:
    """The product on a line, with every field that was left out at its default. Raises NotAProduct with all errors."""
    given = _decoded(line)
    rules = RULES | {"currency": _only(currency)}
    errors: Errors = {_quoted(name): ["is not a field of a product"] for name in given if name not in rules}
    errors |= {name: ["is required"] for name in rules if name not in given and name not in OPTIONAL}
    for name, rule in rules.items():
        message = rule(given[name]) if name in given else None
        if message is not None:
            errors[name] = [message]
    if errors:
        raise NotAProduct(errors)
    return {"currency": currency, **OPTIONAL_DEFAULTS, **given}


def _decoded(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise NotAProduct({LINE: [f"is longer than {MAX_LINE_BYTES} bytes"]})
    try:
        value = json.loads(line.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError:
        raise NotAProduct({LINE: ["is not UTF-8"]}) from None
    except NotAProduct:
        raise
    except (ValueError, RecursionError):
        raise NotAProduct({LINE: ["is not JSON"]}) from None
    if not isinstance(value, dict):
        raise NotAProduct({LINE: ["is not a JSON object"]})
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise NotAProduct({_quoted(name): ["is given twice"]})
        found[name] = value
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _quoted(name: str) -> str:
    """A stranger's field name, short and without what could not be sent back."""
    return name[:QUOTED].encode("utf-8", "replace").decode("utf-8")


def _text(low: int, high: int, *, lines: bool = False) -> Rule:
    """Text of so many characters without control characters; with `lines`, newlines and tabs are welcome."""
    allowed = "\n\r\t" if lines else ""

    def rule(value: Any) -> str | None:
        if not isinstance(value, str):
            return "must be text"
        if not low <= len(value) <= high:
            return f"must have {low} to {high} characters"
        # Cc are control characters, NUL among them; Cs are halves of a surrogate pair, which no UTF-8 can hold.
        if any(unicodedata.category(character) in ("Cc", "Cs") and character not in allowed for character in value):
            return "must not hold control characters"
        return None if value == value.strip() or lines else "must not begin or end with a space"

    return rule


def _sku(value: Any) -> str | None:
    message = _text(1, 64)(value)
    return message or (None if value.isprintable() else "must be printable")


def _price(value: Any) -> str | None:
    if type(value) is not int:
        return "must be an integer, in minor units"
    return None if 0 <= value <= MAX_PRICE_MINOR else f"must lie between 0 and {MAX_PRICE_MINOR}"


def _image_url(value: Any) -> str | None:
    message = _text(0, MAX_URL)(value)
    if message is None and value and not _URL.fullmatch(value):
        return "must be an http(s) address or a path from the root"
    return message


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "must be true or false"


def _only(currency: str) -> Rule:
    return lambda value: None if value == currency else f"must be {currency}, the programme's currency"


RULES: dict[str, Rule] = {
    "sku": _sku,
    "name": _text(1, 200),
    "brand": _text(1, 80),
    "category": _text(1, 80),
    "price": _price,
    "image_url": _image_url,
    "description": _text(0, 5000, lines=True),
    "active": _flag,
}
OPTIONAL_DEFAULTS: dict[str, Any] = {"image_url": "", "description": "", "active": True}
OPTIONAL = {"currency", *OPTIONAL_DEFAULTS}
