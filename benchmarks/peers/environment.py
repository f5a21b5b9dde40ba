"""A virtual environment for each rival, from its lock file, made when it is first needed: `.venv-peers/<name>`.

The house's own environment never holds a rival's packages.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

from app.config import PROJECT
from benchmarks.rounds import NotMeasured

ENVIRONMENTS = PROJECT / ".venv-peers"


def python(name: str) -> Path:
    """The Python of the rival `name`, with its lock installed. Raises NotMeasured where that cannot be had."""
    lock = Path(__file__).with_name(f"{name}.lock")
    folder = ENVIRONMENTS / name
    interpreter = folder / "bin" / "python"
    # Written last, so an environment that was cut short is made anew.
    installed = folder / lock.name
    # A copied folder still names the Python of the place that it was copied from.
    names_us = (folder / "pyvenv.cfg").exists() and str(folder) in (folder / "pyvenv.cfg").read_text(encoding="utf-8")
    if not (names_us and installed.exists() and installed.read_bytes() == lock.read_bytes()):
        print(f"miles: installing {lock.relative_to(PROJECT)} into {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        _make(folder, interpreter, lock)
        shutil.copyfile(lock, installed)
    return interpreter


def _make(folder: Path, interpreter: Path, lock: Path) -> None:
    """Debian keeps ensurepip in a package apart; then our own pip installs into an environment that has none."""
    has_pip = importlib.util.find_spec("ensurepip") is not None
    _run([sys.executable, "-I", "-m", "venv", *([] if has_pip else ["--without-pip"]), str(folder)])
    pip = [str(interpreter), "-I", "-m", "pip"]
    if not has_pip:
        pip = [sys.executable, "-I", "-m", "pip", "--python", str(interpreter)]
    options = ["-qq", "--disable-pip-version-check", "--no-input", "--require-hashes", "--requirement", str(lock)]
    _run([*pip, "install", *options])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["no reason was given"]
        raise NotMeasured(f"the rival's environment could not be made: {words[-1]}")
