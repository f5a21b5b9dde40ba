"""Passwords of the panel, as argon2id hashes with the library's own parameters (RFC 9106's second choice)."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST, LONGEST = 12, 1024
"""Characters. Short ones are guessed; past the longest a request would only keep us busy."""

_hasher = PasswordHasher()

AT_ONCE = 2
"""Passwords that one process looks at together: each takes some 0.1 s and 64 MiB, which checkouts could do with."""

_at_once = threading.BoundedSemaphore(AT_ONCE)

# Verified where there is no such user, so that how long an answer takes does not tell who exists.
_NOBODYS = _hasher.hash("a password that nobody has")


def is_password(text: str) -> bool:
    """Whether `text` may become a password."""
    return SHORTEST <= len(text) <= LONGEST


def hashed(password: str) -> str:
    """What to keep of a password."""
    return _hasher.hash(password)


class Busy(Exception):
    """Enough passwords are being looked at; try again in a moment."""


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether it is the password of that hash; never, but after the same work, where there is no hash. Raises Busy."""
    if not _at_once.acquire(blocking=False):
        raise Busy
    try:
        is_same = _hasher.verify(password_hash or _NOBODYS, password[:LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    finally:
        _at_once.release()
    return is_same and password_hash is not None
