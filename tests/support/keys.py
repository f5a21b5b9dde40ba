"""Signing keys of an identity provider that a test plays, and the JWKS that tells the house of them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

ISSUER, AUDIENCE = "https://login.example", "points"


class SigningKey:
    """A private key for one algorithm: it signs tokens, and shows its public half."""

    def __init__(self, algorithm: str, kid: str) -> None:
        self.algorithm = algorithm
        self.kid = kid
        self.private: Any
        to_jwk: Any
        match algorithm:
            case "RS256":
                self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
                to_jwk = RSAAlgorithm.to_jwk
            case "ES256":
                self.private = ec.generate_private_key(ec.SECP256R1())
                to_jwk = ECAlgorithm.to_jwk
            case _:
                self.private = ed25519.Ed25519PrivateKey.generate()
                to_jwk = OKPAlgorithm.to_jwk
        self.jwk: dict[str, Any] = {**json.loads(to_jwk(self.private.public_key())), "kid": kid}

    @property
    def public_pem(self) -> bytes:
        """The public half as everybody may have it."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        pem: bytes = self.private.public_key().public_bytes(serialization.Encoding.PEM, form)
        return pem

    def sign(self, headers: Mapping[str, Any] | None = None, **claims: Any) -> str:
        """A token with good claims but for those given; None leaves one out."""
        kept = {name: value for name, value in good_claims(**claims).items() if value is not None}
        return jwt.encode(kept, self.private, self.algorithm, headers={"kid": self.kid, **(headers or {})})


def good_claims(**claims: Any) -> dict[str, Any]:
    """Claims that the house believes where it trusts the signature."""
    good = {"sub": "ann", "roles": ["customer"], "iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600}
    return {**good, **claims}


def jwks(*keys: SigningKey) -> str:
    """The key set of these keys."""
    return json.dumps({"keys": [key.jwk for key in keys]})


def publish(path: Path, *keys: SigningKey) -> None:
    """Replace the key set in a file, as a rotation does: whole."""
    draft = path.with_suffix(".draft")
    draft.write_text(jwks(*keys))
    draft.replace(path)
