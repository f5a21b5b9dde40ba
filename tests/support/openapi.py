"""An OpenAPI 3.1 document, and whether a body is what it says: the part of JSON Schema that the document uses."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Any
from uuid import UUID

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
    "null": type(None),
}
_FORMATS: dict[str, Callable[[str], object]] = {
    "uuid": UUID,
    "date": date.fromisoformat,
    "date-time": datetime.fromisoformat,
}
KNOWN = {
    "type",
    "format",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "anyOf",
    "default",
    "description",
    "$ref",
}
"""The keywords that `faults` understands. A document with another one needs it to be taught that."""


class Document:
    """A document, to look things up in."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def resolved(self, reference: str) -> Any:
        """What a `$ref` points at. Raises KeyError where there is nothing."""
        assert reference.startswith("#/"), f"{reference} leads out of the document"
        found: Any = self.document
        for part in reference[2:].split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        return found

    def operations(self) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every operation: path, method, and what it says."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                if method != "parameters":
                    yield path, method, operation

    def operation(self, method: str, path: str) -> dict[str, Any]:
        """The operation that answers `path`, a path with its parts filled in; a literal one goes before a pattern."""
        path = path.partition("?")[0]
        for template in sorted(self.document["paths"], key=lambda template: "{" in template):
            pattern = re.sub(r"\{\w+\}", "[^/]+", template)
            if re.fullmatch(pattern, path) and method.lower() in self.document["paths"][template]:
                found: dict[str, Any] = self.document["paths"][template][method.lower()]
                return found
        raise KeyError(f"{method} {path} is not in the document")

    def response(self, operation: dict[str, Any], status: str) -> dict[str, Any]:
        """What an operation says of one status, or of `default`. Raises KeyError where it says nothing."""
        found: dict[str, Any] = operation["responses"][status]
        return self.resolved(found["$ref"]) if "$ref" in found else found

    def schema_of(self, method: str, path: str, status: int, content_type: str) -> Any:
        """The schema of an answer. Raises KeyError where the document does not foresee it."""
        operation = self.operation(method, path)
        is_named = str(status) in operation["responses"] or status < 400
        response = self.response(operation, str(status) if is_named else "default")
        return response["content"][content_type.partition(";")[0]]["schema"]

    def faults(self, value: Any, schema: dict[str, Any], at: str = "body") -> Iterator[str]:
        """Where `value` is not what `schema` says."""
        if "$ref" in schema:
            yield from self.faults(value, self.resolved(schema["$ref"]), at)
            return
        unknown = schema.keys() - KNOWN
        assert not unknown, f"a schema uses {unknown}"
        if "anyOf" in schema:
            if all(any(self.faults(value, choice, at)) for choice in schema["anyOf"]):
                yield f"{at} is none of what it may be"
            return
        if not _is_of(value, schema.get("type")):
            yield f"{at} is {value!r}, not {schema['type']}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at} is {value!r}, not one of {schema['enum']}"
        if isinstance(value, dict):
            yield from self._of_object(value, schema, at)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                yield from self.faults(item, schema["items"], f"{at}.{number}")
        elif isinstance(value, str) and schema.get("format") in _FORMATS:
            _FORMATS[schema["format"]](value)
            if schema["format"] == "date-time" and not value.endswith("Z"):
                yield f"{at} is {value}, which is not in UTC"

    def _of_object(self, value: dict[str, Any], schema: dict[str, Any], at: str) -> Iterator[str]:
        properties = schema.get("properties", {})
        yield from (f"{at} lacks {name}" for name in schema.get("required", ()) if name not in value)
        for name, inner in value.items():
            if name in properties:
                yield from self.faults(inner, properties[name], f"{at}.{name}")
                continue
            others = schema.get("additionalProperties", True)
            if others is False:
                yield f"{at} has {name}, which is not foreseen"
            elif isinstance(others, dict):
                yield from self.faults(inner, others, f"{at}.{name}")


def _is_of(value: Any, wanted: str | list[str] | None) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted or list(_TYPES)
    return any(isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool)) for name in names)
