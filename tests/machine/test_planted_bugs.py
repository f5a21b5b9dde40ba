"""The machine finds what it is there to find: each planted mistake makes it fail, and the app as it is does not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.config import PROJECT, child_environment
from tests.machine.planted import BUGS, Change
from tests.machine.running import FOUND
from tests.support.postgres import Addresses

pytestmark = pytest.mark.slow

MOST_RUNS = 400
"""The shyest of the bugs shows in one run of ten; so many runs all but never miss it."""


def hunt(changes: Iterable[Change], addresses: Addresses, folder: Path, runs: int) -> subprocess.CompletedProcess[str]:
    """Run the machine in a process of its own on a changed copy of the app."""
    copy = folder / "copy"
    shutil.copytree(PROJECT / "app", copy / "app")
    for change in changes:
        change.apply(copy / "app")
    command = [sys.executable, "-m", "tests.machine.running", addresses.app, addresses.owner, str(folder), str(runs)]
    # The copy stands first on the path, by name: with PYTHONSAFEPATH the working folder would not be on it.
    environ = child_environment(PYTHONPATH=os.pathsep.join([str(copy), str(PROJECT)]))
    return subprocess.run(command, cwd=copy, env=environ, capture_output=True, text=True, check=False, timeout=240)


def test_the_app_as_it_is_shows_nothing(addresses: Addresses, tmp_path: Path) -> None:
    hunted = hunt([], addresses, tmp_path, 30)
    assert hunted.returncode == 0, hunted.stdout + hunted.stderr


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.replace(" ", "-"))
def test_a_planted_bug_is_found(bug: str, addresses: Addresses, tmp_path: Path) -> None:
    hunted = hunt(BUGS[bug], addresses, tmp_path, MOST_RUNS)
    assert hunted.returncode == FOUND, f"not found: {hunted.stdout}{hunted.stderr}"
    assert "NameError" not in hunted.stdout, f"the change itself is broken: {hunted.stdout}"
