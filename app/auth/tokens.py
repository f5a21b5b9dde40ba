"""Tokens: JSON Web Tokens, signed with a local secret on the embedded default, or trusted by a JWKS in production.

The algorithms are fixed by the kind of key, never taken from the token: no `none`, no confusion of one for another.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
import time
from collections import OrderedDict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import jwt

from app.auth.principals import ROLES, Principal, is_user_id

LOCAL_ISSUER = LOCAL_AUDIENCE = "miles-plus-cash"
LOCAL_LIFETIME = timedelta(hours=12)
JWKS_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "EdDSA"]
JWKS_REFRESH_S = 300
REMEMBERED = 4096
"""Verified tokens kept until they expire: checking a signature costs 50 to 90 µs."""


class BadToken(Exception):
    """A token that is not to be believed; the message says why, for the client."""


class Keys(Protocol):
    """Where the key for a token comes from."""

    algorithms: list[str]

    def key_for(self, token: str) -> Any:
        """The key that must have signed `token`. Raises jwt.PyJWTError."""


class LocalSecret:
    """A generated secret in a file of MILES_HOME, made at first need by whichever process comes first."""

    algorithms = ["HS256"]  # noqa: RUF012

    def __init__(self, folder: Path) -> None:
        self._path = folder / "secrets" / "jwt"

    def key_for(self, token: str) -> str:
        """The secret, whatever the token."""
        return self.read()

    def read(self) -> str:
        """The secret itself."""
        try:
            return self._path.read_text()
        except FileNotFoundError:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._path.with_name(f"jwt.{os.getpid()}.{secrets.token_hex(4)}")
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(48))
            with contextlib.suppress(FileExistsError):  # another was first, whole: then theirs stands
                os.link(draft, self._path)
            draft.unlink()
            return self._path.read_text()


class KeySet:
    """A JWKS from a file or an https URL, read again every five minutes and when an unknown key turns up."""

    algorithms = JWKS_ALGORITHMS

    def __init__(self, source: str) -> None:
        self._source = source
        self._client = jwt.PyJWKClient(source, lifespan=JWKS_REFRESH_S) if "://" in source else None

    def key_for(self, token: str) -> Any:
        """The key that the token's `kid` names; where the set has but one, that one."""
        if self._client:
            return self._client.get_signing_key_from_jwt(token).key
        keys = jwt.PyJWKSet.from_json(Path(self._source).read_text()).keys
        kid = jwt.get_unverified_header(token).get("kid")
        for key in keys:
            if key.key_id == kid or (kid is None and len(keys) == 1):
                return key.key
        raise jwt.InvalidKeyError("no key of the set has this id")


class Tokens:
    """Verifies tokens, remembering those it has verified."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._remembered: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._lock = threading.Lock()

    def verify(self, token: str) -> Principal:
        """Who the token speaks for. Raises BadToken."""
        with self._lock:
            expires_at, principal = self._remembered.get(token, (0.0, None))
        if principal and time.time() < expires_at:
            return principal
        claims = self._claims(token)
        principal = _principal(claims)
        with self._lock:
            self._remembered[token] = (float(claims["exp"]), principal)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return principal

    def _claims(self, token: str) -> dict[str, Any]:
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                self._keys.key_for(token),
                algorithms=self._keys.algorithms,
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "sub", "iss", "aud"]},
            )
        except (jwt.PyJWTError, OSError, ValueError) as error:
            raise BadToken(str(error) or type(error).__name__) from error
        return claims


def _principal(claims: dict[str, Any]) -> Principal:
    roles = claims.get("roles")
    if not is_user_id(claims["sub"]):
        raise BadToken("sub must be 1 to 128 printable characters without a slash")
    if not isinstance(roles, list) or not all(role in ROLES for role in roles):
        raise BadToken("roles must be a list out of customer, admin, auditor")
    return Principal(claims["sub"], frozenset(roles))


def issue(secret: str, user_id: str, roles: list[str], now: datetime) -> str:
    """A token of the local secret's, good for twelve hours."""
    return jwt.encode(
        {
            "sub": user_id,
            "roles": roles,
            "iss": LOCAL_ISSUER,
            "aud": LOCAL_AUDIENCE,
            "iat": now,
            "exp": now + LOCAL_LIFETIME,
        },
        secret,
        algorithm="HS256",
    )
