"""Our side of the lines about a whole log: verify or rebuild, once, in a process of its own.

It tells the rate, and the most memory that the process ever had: what must not grow with the log.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from app.collector import collect_seldom
from app.config import Settings
from app.database import Database
from app.projections.rebuild import rebuild
from app.projections.verify import read_models
from app.wiring import House, build


def _verify(house: House) -> int:
    # What it finds amiss it raises.
    return house.verify(house.trusted_keys).events


def _rebuild(house: House) -> int:
    assert house.settings.database_owner_url is not None
    with closing(Database(house.settings.database_owner_url, pool_size=1)) as owner:
        return rebuild(owner, house.mapper, read_models(house.settings.zone)).events


WORKS: dict[str, Callable[[House], int]] = {"verify": _verify, "rebuild": _rebuild}


def main() -> None:
    """Read a job, tell what was measured."""
    job: dict[str, Any] = json.load(sys.stdin)
    collect_seldom()  # as every command does
    house = build(Settings(home=Path(job["home"]), database_url=job["url"], database_owner_url=job["owner_url"]))
    began = time.perf_counter()
    events = WORKS[job["work"]](house)
    seconds = time.perf_counter() - began
    house.close()
    told = {"per_second": events / seconds, "events": events, "seconds": seconds, "peak_mib": _peak_mib()}
    if job["work"] == "rebuild":
        told["folds_per_second"] = told["per_second"] * len(read_models(house.settings.zone))
    json.dump(told, sys.stdout)


def _peak_mib() -> float:
    """The most memory that this process ever had. (getrusage() would count what our parent had when it began us.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (kib,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(kib) / 1024


if __name__ == "__main__":
    main()
