"""Principals: a user id with roles, as a token says it."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("customer", "admin", "auditor")

MAX_USER_ID = 128

# A path that is not UTF-8 is read with this in place of what it was: many ids would become one.
_REFUSED = {"/", "\N{REPLACEMENT CHARACTER}"}


@dataclass(frozen=True)
class Principal:
    """Who sent a request."""

    user_id: str
    roles: frozenset[str]


def is_user_id(value: object) -> bool:
    """Whether `value` may name a user: 1 to 128 printable characters without a slash (or a U+FFFD)."""
    return (
        isinstance(value, str) and 1 <= len(value) <= MAX_USER_ID and value.isprintable() and not _REFUSED & set(value)
    )
