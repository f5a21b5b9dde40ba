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
JWKS_ALGORITHMS = ["RS256", "ES256", "EdDSA"]
JWKS_REFRESH_S = 300
JWKS_COOLDOWN_S = 30.0
"""How long after a fetch an unknown key id causes no other: whoever invents ids must not make us call the provider."""
REMEMBERED = 4096
"""Verified tokens kept until they expire: checking a signature costs 50 to 90 µs."""


class BadToken(Exception):
    """A token that is not to be believed; the message says why, for the client."""


class KeysUnavailable(Exception):
    """The keys to check a token with cannot be read now: nobody knows whether it is good."""


class Keys(Protocol):
    """Where the key for a token comes from."""

    algorithms: list[str]

    def key_for(self, token: str) -> Any:
        """The key that must have signed `token`. Raises jwt.PyJWTError, KeysUnavailable."""

    def check(self) -> None:
        """Raise KeysUnavailable for what will not mend by itself."""


class LocalSecret:
    """A generated secret in a file of MILES_HOME, made at first need by whichever process comes first."""

    algorithms = ["HS256"]  # noqa: RUF012

    def __init__(self, folder: Path) -> None:
        self._path = folder / "secrets" / "jwt"

    def key_for(self, token: str) -> str:
        """The secret, whatever the token."""
        return self.read()

    def check(self) -> None:
        """Nothing can be wrong with it: it is made at first need."""

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
    """A JWKS. A file is read for each token that is not remembered, a URL every five minutes and for an unknown key."""

    algorithms = JWKS_ALGORITHMS

    def __init__(self, source: str, *, cooldown_s: float = JWKS_COOLDOWN_S) -> None:
        self._path = Path(source)
        self._client = None
        if "://" in source:
            self._client = jwt.PyJWKClient(source, lifespan=JWKS_REFRESH_S, cooldown_duration=cooldown_s)

    def check(self) -> None:
        """Read a file. A URL may be away for a moment, and is asked when it is needed."""
        if self._client is None:
            self._known()

    def key_for(self, token: str) -> Any:
        """The key that the token's `kid` names; where the set has but one, a token need not name it."""
        kid = jwt.get_unverified_header(token).get("kid")
        if self._client and kid is not None:
            try:
                return self._client.get_signing_key(kid)
            except jwt.PyJWKClientConnectionError as error:
                raise KeysUnavailable(str(error)) from error
        known = self._known()
        for key in known.keys:
            if key.key_id == kid or (kid is None and len(known.keys) == 1):
                return key
        raise jwt.InvalidKeyError("no key of the set has this id")

    def _known(self) -> jwt.PyJWKSet:
        """All keys. A set that is not there, or is none, is ours to mend and not the client's: KeysUnavailable."""
        try:
            return self._client.get_jwk_set() if self._client else jwt.PyJWKSet.from_json(self._path.read_text())
        except (OSError, ValueError, TypeError, AttributeError, jwt.PyJWTError) as error:
            raise KeysUnavailable(f"JWT_JWKS cannot be read: {error}") from error


class Tokens:
    """Verifies tokens, remembering those it has verified."""

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._remembered: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise KeysUnavailable where no token could ever be verified."""
        self._keys.check()

    def verify(self, token: str) -> Principal:
        """Who the token speaks for. Raises BadToken, KeysUnavailable."""
        with self._lock:
            expires_at, principal = self._remembered.get(token, (0.0, None))
            if principal and time.time() < expires_at:
                self._remembered.move_to_end(token)
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
        except (jwt.PyJWTError, ValueError, TypeError) as error:  # TypeError: another kind of key than it says
            # The message may quote the token, which may hold half a character.
            raise BadToken(str(error).encode("utf-8", "replace").decode() or type(error).__name__) from error
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
