"""The settings of one running house: what the environment says, read once, checked, frozen.

This is the only module that reads the environment. Everything else is handed a `Settings`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

VERSION = "0.1.0"
"""Of the package; setup.cfg reads it from here."""

PROJECT = Path(__file__).resolve().parent.parent

LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""Names of this machine that no other one can use."""


class BadSetting(ValueError):
    """A variable of the environment that cannot be used; the message names it and says why."""


@dataclass(frozen=True)
class Settings:
    """Everything that an operator may choose. Names follow the variables in README's table."""

    home: Path
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 2
    database_url: str | None = None
    database_owner_url: str | None = None
    sample_data: bool = True
    timezone: str = "Asia/Kolkata"
    currency: str = "INR"
    payment_gateway: str = "sandbox"
    stripe_api_key: str = field(default="", repr=False)
    stripe_webhook_secret: str = field(default="", repr=False)
    stripe_api_base: str | None = None
    checkpoint_webhook: str | None = field(default=None, repr=False)
    checkpoint_s3_bucket: str | None = None
    checkpoint_s3_endpoint: str | None = None
    jwt_jwks: str | None = None
    jwt_issuer: str | None = None
    jwt_audience: str | None = None
    metrics_dir: Path | None = None
    is_supervised: bool = False
    signs_in_by_name: bool = False

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def is_embedded(self) -> bool:
        """Whether the house brings its own PostgreSQL."""
        return self.database_url is None

    @property
    def is_for_trying_out(self) -> bool:
        """Whether people at this very machine alone can reach the house, and nobody else says who its members are.

        There the storefront lets one sign in by choosing a name (`signs_in_by_name`).
        """
        return self.is_embedded and self.jwt_jwks is None and self.host in LOOPBACK

    @property
    def local_address(self) -> str:
        """Where a person on this machine finds the server."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def from_environment(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings. Raises BadSetting for a value that cannot work."""
    env = os.environ if environ is None else environ
    database_url = _text(env, "DATABASE_URL")
    home = Path(_text(env, "MILES_HOME") or _default_home()).expanduser().absolute()
    jwks = _text(env, "JWT_JWKS")
    issuer, audience = _text(env, "JWT_ISSUER"), _text(env, "JWT_AUDIENCE")
    if jwks and not (issuer and audience):
        raise BadSetting("JWT_JWKS needs JWT_ISSUER and JWT_AUDIENCE beside it")
    metrics_dir = _text(env, "PROMETHEUS_MULTIPROC_DIR")
    payment_gateway = _one_of(env, "PAYMENT_GATEWAY", ("sandbox", "stripe"))
    if payment_gateway == "stripe":
        _refuse_half_of_stripe(env)
    _refuse_half_of_a_bucket(env)
    return Settings(
        home=home,
        host=_text(env, "HOST") or "127.0.0.1",
        port=_whole(env, "PORT", 8000, 1, 65535),
        workers=_whole(env, "MILES_WORKERS", 2, 1, 256),
        database_url=_postgres_url(env, "DATABASE_URL"),
        database_owner_url=_postgres_url(env, "DATABASE_OWNER_URL"),
        sample_data=_flag(env, "MILES_SAMPLE_DATA", default=database_url is None),
        timezone=_zone(env),
        currency=_currency(env),
        payment_gateway=payment_gateway,
        stripe_api_key=_text(env, "STRIPE_API_KEY") or "",
        stripe_webhook_secret=_text(env, "STRIPE_WEBHOOK_SECRET") or "",
        stripe_api_base=_https_base(env, "STRIPE_API_BASE"),
        checkpoint_webhook=_https_address(env, "MILES_CHECKPOINT_WEBHOOK"),
        checkpoint_s3_bucket=_text(env, "MILES_CHECKPOINT_S3_BUCKET"),
        checkpoint_s3_endpoint=_https_base(env, "MILES_CHECKPOINT_S3_ENDPOINT"),
        jwt_jwks=jwks,
        jwt_issuer=issuer,
        jwt_audience=audience,
        metrics_dir=Path(metrics_dir) if metrics_dir else None,
        is_supervised=_flag(env, "MILES_SUPERVISED", default=False),
        signs_in_by_name=_flag(env, "MILES_SIGN_IN_BY_NAME", default=False),
    )


def child_environment(**changes: str) -> dict[str, str]:
    """The environment for a process that we start: ours, with `changes`."""
    return {**os.environ, **changes}


def _default_home() -> Path:
    """`.miles` in the project; where the package was installed without its project, in the working folder."""
    return (PROJECT if (PROJECT / "setup.cfg").exists() else Path.cwd()) / ".miles"


def _text(env: Mapping[str, str], name: str) -> str | None:
    return env.get(name, "").strip() or None


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    raw = _text(env, name)
    if raw is None:
        return default
    if not (raw.isascii() and raw.isdigit() and low <= int(raw) <= high):
        raise BadSetting(f"{name} must be a whole number from {low} to {high}, not {raw!r}")
    return int(raw)


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    raw = _text(env, name)
    if raw is None:
        return default
    if raw not in ("0", "1"):
        raise BadSetting(f"{name} must be 0 or 1, not {raw!r}")
    return raw == "1"


def _one_of(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    raw = _text(env, name) or choices[0]
    if raw not in choices:
        raise BadSetting(f"{name} must be one of {', '.join(choices)}, not {raw!r}")
    return raw


def _postgres_url(env: Mapping[str, str], name: str) -> str | None:
    raw = _text(env, name)
    if raw is not None and urlsplit(raw).scheme not in ("postgres", "postgresql"):
        raise BadSetting(f"{name} must be a postgresql:// address")
    return raw


def _refuse_half_of_stripe(env: Mapping[str, str]) -> None:
    missing = [name for name in ("STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET") if not _text(env, name)]
    if missing:
        raise BadSetting(f"PAYMENT_GATEWAY=stripe needs {' and '.join(missing)}")
    if find_spec("stripe") is None:
        raise BadSetting(
            "PAYMENT_GATEWAY=stripe needs its library: install requirements-stripe.lock or miles-plus-cash[stripe]"
        )


def _refuse_half_of_a_bucket(env: Mapping[str, str]) -> None:
    has_bucket = _text(env, "MILES_CHECKPOINT_S3_BUCKET") is not None
    if _text(env, "MILES_CHECKPOINT_S3_ENDPOINT") and not has_bucket:
        raise BadSetting("MILES_CHECKPOINT_S3_ENDPOINT needs MILES_CHECKPOINT_S3_BUCKET beside it")
    if has_bucket and find_spec("boto3") is None:
        raise BadSetting(
            "MILES_CHECKPOINT_S3_BUCKET needs Amazon's library: install requirements-s3.lock or miles-plus-cash[s3]"
        )


def _https_base(env: Mapping[str, str], name: str) -> str | None:
    """An address without a path, to which a secret key may go."""
    raw = _text(env, name)
    if raw is None:
        return None
    if not _is_safe(raw) or urlsplit(raw).path.strip("/"):
        raise BadSetting(f"{name} must be an https:// address without a path")
    return raw.rstrip("/")


def _https_address(env: Mapping[str, str], name: str) -> str | None:
    """An address, which may hold a secret: no message names it."""
    raw = _text(env, name)
    if raw is not None and not _is_safe(raw):
        raise BadSetting(f"{name} must be an https:// address")
    return raw


def _is_safe(address: str) -> bool:
    """Whether what is sent there is encrypted, or stays on this machine."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    is_local = host in LOOPBACK
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_local))


def _zone(env: Mapping[str, str]) -> str:
    name = _text(env, "MILES_TIMEZONE") or "Asia/Kolkata"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise BadSetting(f"MILES_TIMEZONE must name a zone of the tz database, not {name!r}") from None
    return name


def _currency(env: Mapping[str, str]) -> str:
    code = _text(env, "MILES_CURRENCY") or "INR"
    if not (len(code) == 3 and code.isascii() and code.isalpha() and code.isupper()):
        raise BadSetting(f"MILES_CURRENCY must be a code of three capitals as in ISO 4217, not {code!r}")
    return code
