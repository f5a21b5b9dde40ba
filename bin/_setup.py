"""Makes the project's own Python, `.venv`, with the packages of one lock file: what bin/_environment calls.

    _setup.py check LOCK    exit status 0 if the Python that runs this is `.venv`'s, with LOCK installed to the end
    _setup.py make LOCK     install LOCK into `.venv`, making or remaking it first where that is needed

Several may call it at once: one works, the others wait. One that was killed midway leaves a mark by which the
next call starts afresh. It needs the standard library alone and never touches anything outside `.venv`.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
# A folder that stands aside while it is deleted, so that nobody takes a half-deleted one for whole.
DOOMED = ROOT / ".venv-old"
# There from before the first package is touched until after the last.
UNFINISHED = VENV / "unfinished"


class Failed(Exception):
    """The environment could not be made; the message is for the person who waits for it."""


def installed_copy(lock: Path) -> Path:
    """Where the text of a lock is kept once all of it is installed."""
    return VENV / lock.name


def is_ready_here(lock: Path) -> bool:
    """Whether this very process is `.venv`'s Python with all of the lock."""
    copy = installed_copy(lock)
    return is_whole_here() and copy.exists() and copy.read_bytes() == lock.read_bytes()


def is_whole_here() -> bool:
    """Whether this very process is `.venv`'s Python, made for this folder, and nobody stopped midway in it."""
    if Path(sys.prefix) != VENV or sys.version_info < (3, 11) or UNFINISHED.exists():
        return False
    # A copied environment still starts, but its scripts name the Python of the place that it was copied from.
    return f" {VENV}\n" in (VENV / "pyvenv.cfg").read_text(encoding="utf-8")


def ask_venv(*question: str) -> bool:
    """Put a question to `.venv`'s own Python; one that is missing or broken says no."""
    try:
        return subprocess.run([PYTHON, "-I", __file__, *question], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time; the dead lose the lock. It is on this file, open for writing because NFS asks for that."""
    with open(__file__, "rb+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        # What we start holds it too: a pip that outlives us, killed, is waited for.
        os.set_inheritable(mark.fileno(), True)
        yield


def make(lock: Path) -> None:
    """Bring `.venv` to what the lock says. Raises Failed."""
    with alone():
        if ask_venv("check", lock.name):
            return
        print(f"miles: installing {lock.name} into {VENV}", file=sys.stderr)
        if not ask_venv("whole"):
            create()
        UNFINISHED.touch()
        install(lock)
        shutil.copyfile(lock, installed_copy(lock))
        UNFINISHED.unlink()


def create() -> None:
    """An empty environment in place of whatever is there, with the mark of an unfinished one."""
    if VENV.exists():
        shutil.rmtree(DOOMED, ignore_errors=True)
        VENV.rename(DOOMED)
    shutil.rmtree(DOOMED, ignore_errors=True)
    VENV.mkdir()
    UNFINISHED.touch()
    # Debian keeps ensurepip in a package apart; its pip can install into an environment that has none.
    options = [] if importlib.util.find_spec("ensurepip") else ["--without-pip"]
    run([sys.executable, "-I", "-m", "venv", *options, str(VENV)], "the environment could not be made")


def install(lock: Path) -> None:
    """What the lock says, by hash, with pip's own words where it fails."""
    if has_pip(PYTHON):
        pip = [str(PYTHON), "-I", "-m", "pip"]
    elif has_pip(Path(sys.executable)):
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(PYTHON)]
    else:
        raise Failed(f"{sys.executable} has no pip; on Debian and Ubuntu: apt-get install python3-venv")
    options = ["-qq", "--disable-pip-version-check", "--no-input", "--require-hashes", "--requirement", str(lock)]
    run([*pip, "install", *options], f"{lock.name} could not be installed")


def has_pip(python: Path) -> bool:
    """Whether that Python can run pip."""
    return subprocess.run([python, "-I", "-m", "pip", "--version"], capture_output=True, check=False).returncode == 0


def run(command: list[str], complaint: str) -> None:
    """Run to the end, showing what it says on standard error. Raises Failed."""
    if subprocess.run(command, stdout=sys.stderr, close_fds=False, check=False).returncode != 0:
        raise Failed(complaint)


def main(task: str, lock_name: str = "") -> int:
    """Do one task; gives the exit status."""
    lock = ROOT / lock_name
    if task == "check":
        return 0 if is_ready_here(lock) else 1
    if task == "whole":
        return 0 if is_whole_here() else 1
    try:
        make(lock)
    except (Failed, OSError) as failure:
        print(f"miles: {failure}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
