"""Each round runs in a process of its own: a job goes in as JSON, facts come out as JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.config import PROJECT, child_environment


def ask(
    module: str, job: dict[str, Any], python: Path | str = sys.executable, environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Run `module` to its end and give what it told. It is killed where we are interrupted.

    Raises RuntimeError with its own last words where it fails.
    """
    done = subprocess.run(
        [python, "-m", module],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        cwd=PROJECT,
        env=environment or child_environment(PYTHONPATH=str(PROJECT)),
        # The terminal's Ctrl-C is ours to hear.
        start_new_session=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} failed: {done.stderr.strip()[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout)
    return told
