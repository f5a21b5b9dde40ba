"""Keys: the one that this house signs checkpoints with, and those whose checkpoints it trusts. All are Ed25519.

The signing key lies in a file of MILES_HOME, out of the database's reach: whoever can rewrite the database cannot sign
what they wrote. The private key is never printed, sent or logged.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from app.audit import AuditError
from app.audit.checkpoints import KEY_ID_BYTES, ORIGIN, Checkpoint

FOLDER = "checkpoint-keys"
"""Where MILES_HOME has the public keys that it trusts: its own, and whatever others are put there."""

_ED25519 = b"\x01"
"""How signed notes name the algorithm."""


class Untrusted(AuditError):
    """A checkpoint that nobody whom we trust has signed; the message says why."""


class BadKey(AuditError):
    """A file that holds no key that can be used here."""


def key_id(key: Ed25519PublicKey) -> str:
    """The start of SHA-256 over the key's name and the key, in hexadecimal: how notes tell keys apart."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return sha256(f"{ORIGIN}\n".encode() + _ED25519 + raw).digest()[:KEY_ID_BYTES].hex()


def public_pem(key: Ed25519PublicKey) -> str:
    """A public key as text."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Signer:
    """The signing key of a MILES_HOME, made when it is first needed, by whichever process comes first."""

    def __init__(self, home: Path) -> None:
        self._path = home / "secrets" / "checkpoint.pem"
        self._published = home / FOLDER

    def identity(self) -> str | None:
        """The id of the key, None where nothing was ever signed here. Raises BadKey."""
        return key_id(self._key().public_key()) if self._path.exists() else None

    def signed(self, checkpoint: Checkpoint) -> Checkpoint:
        """The same checkpoint with our signature in place of what stood there. Raises BadKey."""
        identity, signature = self.sign(checkpoint.text())
        return checkpoint._replace(key_id=identity, signature=signature)

    def sign(self, text: str) -> tuple[str, bytes]:
        """The id of our key and its signature under `text`, whose first line must say what kind of text it is."""
        key = self._key()
        return self._publish(key.public_key()), key.sign(text.encode())

    def _key(self) -> Ed25519PrivateKey:
        if not self._path.exists():
            pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            _write_once(self._path, pem, mode=0o600)
        try:
            key = load_pem_private_key(self._path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise BadKey(f"{self._path} holds no private key that can be read: {error}") from None
        if not isinstance(key, Ed25519PrivateKey):
            raise BadKey(f"{self._path} is not an Ed25519 key")
        return key

    def _publish(self, key: Ed25519PublicKey) -> str:
        """Put the public half where it is trusted, unless it is there; gives its id."""
        identity = key_id(key)
        path = self._published / f"{identity}.pem"
        if not path.exists():
            _write_once(path, public_pem(key).encode(), mode=0o644)
        return identity


class TrustedKeys:
    """The public keys in PEM files: each of `paths` is such a file, or a folder of them. Read anew at each use."""

    def __init__(self, *paths: Path) -> None:
        self._paths = paths

    def all(self) -> dict[str, Ed25519PublicKey]:
        """The keys by their ids, which the keys themselves tell. Raises BadKey, OSError."""
        files = (file for path in self._paths for file in (sorted(path.glob("*.pem")) if _is_folder(path) else [path]))
        return {key_id(key): key for key in map(_public_key, files)}

    def held(self) -> TrustedKeys:
        """The same keys as they are now, for one use of many checkpoints. Raises BadKey, OSError."""
        return _HeldKeys(self.all())

    def verify(self, checkpoint: Checkpoint) -> None:
        """Return if one of these keys signed it. Raises Untrusted, BadKey, OSError."""
        what = f"the checkpoint over {checkpoint.size} events"
        self.check(what, checkpoint.text(), checkpoint.key_id, checkpoint.signature)

    def check(self, what: str, text: str, signed_by: str, signature: bytes) -> None:
        """Return if one of these keys, of the id `signed_by`, signed `text`, which is `what`. Raises as `verify`."""
        known = self.all()
        key = known.get(signed_by)
        if key is None:
            trusted = ", ".join(sorted(known)) or "none"
            raise Untrusted(f"{what} is signed by the key {signed_by}, which is not trusted here (trusted: {trusted})")
        try:
            key.verify(signature, text.encode())
        except InvalidSignature:
            raise Untrusted(f"{what} has a signature that is not of the key {signed_by}: it was altered") from None


class _HeldKeys(TrustedKeys):
    """Keys that were read before."""

    def __init__(self, keys: dict[str, Ed25519PublicKey]) -> None:
        super().__init__()
        self._keys = keys

    def all(self) -> dict[str, Ed25519PublicKey]:
        return self._keys


def _is_folder(path: Path) -> bool:
    """What is not there yet is a folder without keys, unless it is named as a file of one."""
    return path.is_dir() or not (path.exists() or path.suffix == ".pem")


def _public_key(path: Path) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(path.read_bytes())
    except ValueError as error:
        raise BadKey(f"{path} holds no public key that can be read: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path} is not an Ed25519 key")
    return key


def _write_once(path: Path, content: bytes, mode: int) -> None:
    """Make the file, whole or not at all and on the disk; one that another made first stands."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only when its folder is."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
