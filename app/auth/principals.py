"""Principals: a user id with roles, as a token says it."""

from __future__ import annotations

from dataclasses import dataclass

ROLES = ("customer", "admin", "auditor")

MAX_USER_ID = 128


@dataclass(frozen=True)
class Principal:
    """Who sent a request."""

    user_id: str
    roles: frozenset[str]


def is_user_id(value: object) -> bool:
    """Whether `value` may name a user: 1 to 128 printable characters without a slash."""
    return isinstance(value, str) and 1 <= len(value) <= MAX_USER_ID and value.isprintable() and "/" not in value
