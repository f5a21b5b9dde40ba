"""An export to look at and to damage, line by line."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.audit import AuditError
from app.audit.exported import verify_export
from app.audit.keys import TrustedKeys
from app.config import Settings
from app.database import Database
from app.wiring import House, build
from tests.audit.scenes import live
from tests.support.clock import Clock
from tests.support.postgres import TestServer
from tests.support.shop import Shop


class Exported:
    """An export, line by line with their ends, and the keys that its house trusts."""

    def __init__(self, content: bytes, trusted: TrustedKeys) -> None:
        self.lines = content.splitlines(keepends=True)
        self.trusted = trusted

    @property
    def manifest(self) -> dict[str, Any]:
        """What the first line says."""
        said: dict[str, Any] = json.loads(self.lines[0])
        return said

    def wrong(self, lines: list[bytes]) -> str | None:
        """What is wrong with a file of these lines; None if nothing is."""
        try:
            verify_export(io.BytesIO(b"".join(lines)), self.trusted)
        except AuditError as error:
            return str(error)
        return None


def export(house: House, size: int | None = None) -> bytes:
    """The bytes of an export of the log as it is, or up to a checkpoint that stands."""
    if size is None:
        house.seal()
    written = io.BytesIO()
    house.export(house.export.checkpoint(size), written)
    return written.getvalue()


@contextmanager
def exported_log(postgres: TestServer, home: Path) -> Iterator[Exported]:
    """Some hundred events, with positions that nobody used, exported to memory."""
    with postgres.fresh() as addresses:
        house = build(Settings(home=home, database_url=addresses.app, sample_data=False), clock=Clock())
        owner = Database(addresses.owner, pool_size=1)
        live(Shop(house), owner, 60, 5)
        yield Exported(export(house), house.trusted_keys)
        owner.close()
        house.close()


def in_line(number: int, line: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Put another line in place of the one of this number."""
    return lambda lines: [*lines[: number - 1], line, *lines[number:]]
