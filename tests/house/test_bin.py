"""The scripts in bin/: from any folder, by any path, over what an earlier call left behind.

They run in a project made for the test, with real virtual environments and locks that name no package.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house.sources import PROJECT

pytestmark = pytest.mark.slow

LOCK = "requirements-embedded.lock"
ECHO = "import os, sys\nprint(os.getpid(), os.getcwd(), sys.prefix, *sys.argv[1:], sep='|')\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose app says how it was called."""
    root = (tmp_path / "a project").resolve()
    shutil.copytree(PROJECT / "bin", root / "bin", ignore=shutil.ignore_patterns("__pycache__"))
    (root / LOCK).write_text("# nothing\n")
    (root / "app").mkdir()
    (root / "app" / "__main__.py").write_text(ECHO)
    return root


def start(script: Path, *arguments: str, cwd: Path | None = None, **environ: str) -> subprocess.Popen[str]:
    """Start a script as a person would."""
    return subprocess.Popen(
        [script, *arguments],
        cwd=cwd or script.parent,
        env={**os.environ, "PYTHON": sys.executable, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def told_by(process: subprocess.Popen[str]) -> tuple[list[str], str]:
    """What the app said and what stood on standard error, after a run that must succeed."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out.strip().split("|"), err


def test_it_runs_from_any_folder_through_a_symlink_and_becomes_the_program(project: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "app").mkdir(parents=True)
    (elsewhere / "app" / "__main__.py").write_text("raise SystemExit('the wrong app')\n")
    link = elsewhere / "m"
    link.symlink_to(project / "bin" / "miles")

    first = start(link, "token", "two words", cwd=elsewhere)
    said, err = told_by(first)
    assert said == [str(first.pid), str(elsewhere.resolve()), str(project / ".venv"), "token", "two words"]
    assert f"installing {LOCK}" in err
    assert len(err.splitlines()) == 1

    said, err = told_by(start(project / "bin" / "serve", "--help"))
    assert said[-2:] == ["serve", "--help"]
    assert err == ""


def test_a_changed_lock_is_installed_and_another_lock_leaves_the_first_in_place(project: Path) -> None:
    told_by(start(project / "bin" / "miles"))
    (project / "requirements-dev.lock").write_text("# nothing either\n")
    (project / "bin" / "_test.py").write_text(ECHO)
    assert "installing requirements-dev.lock" in told_by(start(project / "bin" / "test"))[1]
    assert told_by(start(project / "bin" / "miles"))[1] == ""
    (project / LOCK).write_text("# changed\n")
    assert f"installing {LOCK}" in told_by(start(project / "bin" / "miles"))[1]


def test_starters_at_once_wait_for_the_one_that_installs(project: Path) -> None:
    starters = [start(project / "bin" / "miles", str(number)) for number in range(4)]
    told = [told_by(starter) for starter in starters]
    assert [said[-1] for said, _ in told] == ["0", "1", "2", "3"]
    assert sum("installing" in err for _, err in told) == 1


@pytest.mark.parametrize("delay_s", [0.2, 0.6, 1.2])
def test_what_was_killed_midway_is_made_anew(project: Path, delay_s: float) -> None:
    killed = start(project / "bin" / "miles")
    time.sleep(delay_s)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.communicate()
    said, _ = told_by(start(project / "bin" / "miles", "again"))
    assert said[-1] == "again"
    assert not (project / ".venv" / "unfinished").exists()
    assert not (project / ".venv-old").exists()


def test_an_unfinished_environment_is_never_used(project: Path) -> None:
    told_by(start(project / "bin" / "miles"))
    stray = project / ".venv" / "stray"
    stray.touch()
    (project / ".venv" / "unfinished").touch()
    assert f"installing {LOCK}" in told_by(start(project / "bin" / "miles"))[1]
    assert not stray.exists()


def test_a_copied_checkout_makes_an_environment_of_its_own(project: Path) -> None:
    told_by(start(project / "bin" / "miles"))
    copy = project.parent / "copy"
    shutil.copytree(project, copy, symlinks=True)
    said, err = told_by(start(copy / "bin" / "miles"))
    assert said[2] == str(copy / ".venv")
    assert f"installing {LOCK}" in err


def test_a_failed_installation_is_said_and_tried_again(project: Path) -> None:
    (project / LOCK).write_text("no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    failing = start(project / "bin" / "miles", PIP_NO_INDEX="1")
    out, err = failing.communicate(timeout=120)
    assert failing.returncode == 1
    assert out == ""
    assert "no-such-package" in err
    assert err.splitlines()[-1] == f"miles: {LOCK} could not be installed"
    (project / LOCK).write_text("# mended\n")
    assert told_by(start(project / "bin" / "miles", "mended"))[0][-1] == "mended"


def test_no_fitting_python_is_one_line(project: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "readlink", "dirname"):
        (tools / name).symlink_to(str(shutil.which(name)))
    (tools / "python3").write_text("#!/bin/sh\nexit 1\n")
    (tools / "python3").chmod(0o755)
    process = start(project / "bin" / "miles", PATH=str(tools), PYTHON="python3")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (1, "")
    assert err == "miles: Python 3.11 or newer is needed; set PYTHON to where it is\n"
