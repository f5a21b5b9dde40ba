"""A proposed rule from a file: what POST /admin/rules takes, but for `effective_from`. Strict, as over HTTP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec

from app.domain.errors import DomainError
from app.domain.rules import Rule

MAX_BYTES = 64 * 1024
"""As for a body over HTTP."""


class BadProposal(Exception):
    """The file holds no rule that could work; the message says why, in one line."""


def read_proposal(file: Path) -> Rule:
    """The rule in `file`; fields that are left out take the defaults. Raises BadProposal, OSError."""
    with file.open("rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise BadProposal("is too large")
    try:
        given = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise BadProposal(f"is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise BadProposal("must be a JSON object")
    unknown = sorted(given.keys() - set(Rule.__struct_fields__))
    if unknown:
        raise BadProposal(f"{', '.join(unknown)}: unknown field")
    try:
        rule = msgspec.convert(given, Rule)
        rule.refuse_if_unworkable()
    except msgspec.ValidationError as error:
        raise BadProposal(str(error)) from error
    except DomainError as error:
        wrong = "; ".join(f"{field}: {' '.join(messages)}" for field, messages in error.facts["errors"].items())
        raise BadProposal(wrong) from error
    return rule


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
