"""`bin/miles` on a test's own database."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config import PROJECT
from tests.support.postgres import Addresses

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def miles(addresses: Addresses, tmp_path: Path) -> Run:
    """Run `bin/miles` with these arguments and, by keyword, further environment."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        environ = {
            **os.environ,
            "DATABASE_URL": addresses.app,
            "DATABASE_OWNER_URL": addresses.owner,
            "MILES_HOME": str(tmp_path),
            **environment,
        }
        return subprocess.run(
            [PROJECT / "bin" / "miles", *arguments],
            env=environ,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    return run
