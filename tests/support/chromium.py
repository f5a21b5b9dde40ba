"""The browser of the browser tests: the system's own Chromium, found, or on Debian installed.

    python -m tests.support.chromium    what bin/test does before its tests

Without it those tests are left out, and it is said how to get it; where CI=true, that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW = "the browser tests need Chromium; on Debian and Ubuntu: sudo apt-get install chromium"


def chromium() -> str | None:
    """Where it is, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def is_demanded() -> bool:
    """Whether its absence is a failure."""
    return os.environ.get("CI") == "true"


def install() -> None:
    """By Debian's packages, where this is root's to do. What fails is told by what is missing afterwards."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium", "fonts-dejavu-core"]):
        subprocess.run(["apt-get", "-qq", *command], env=environ, stdout=subprocess.DEVNULL, check=False)


def main() -> int:
    """Find or install; gives the exit status."""
    if chromium() is None:
        install()
    found = chromium()
    print(f"   {found or HOW}")
    return 1 if found is None and is_demanded() else 0


if __name__ == "__main__":
    sys.exit(main())
