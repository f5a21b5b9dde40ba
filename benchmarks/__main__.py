"""python -m benchmarks [--quick | --full] [NAME …]: run the lines named, or all, each against its rival or floor."""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
from types import FrameType
from typing import Any, NoReturn

from app.config import PROJECT
from benchmarks import (
    appends,
    audits,
    checkouts,
    feed,
    growth,
    imports,
    loads,
    machine,
    memory,
    reads,
    report,
    sweeps,
)
from benchmarks.arena import Arena, arena
from benchmarks.plans import FULL, QUICK, WHOLE, Plan
from benchmarks.rounds import measure

CHOICE = (
    appends.APPEND, appends.FOLDS, appends.FLOOR, checkouts.SKETCH, checkouts.STOCK, reads.POINTS, reads.PRODUCTS,
    reads.SEARCH, reads.MISSPELT, feed.PAGES, feed.FILTERS, loads.LOAD, audits.REBUILD, sweeps.SWEEP, audits.VERIFY,
    imports.IMPORT, memory.MEMORY, growth.GROWTH,
)  # fmt: skip
LINES = {line.name: line for line in CHOICE}


def main(arguments: list[str]) -> None:
    """Measure, show each line as it is done, and keep all of it. An error ends the run; what was measured is kept."""
    chosen = _chosen(arguments)
    if chosen.list:
        print("\n".join(f"{line.name}: {line.about}; {line.goal} is expected" for line in LINES.values()))
        return
    signal.signal(signal.SIGTERM, _stop)
    plan = QUICK if chosen.quick else FULL if chosen.full else WHOLE
    print(_needs(plan), flush=True)
    surroundings = {"machine": machine.machine(), "plan": vars(plan)}
    with arena(plan) as ground:
        surroundings["versions"] = machine.versions(ground.settings())
        _run(list(dict.fromkeys(chosen.names or LINES)), ground, surroundings)


def _run(names: list[str], ground: Arena, surroundings: dict[str, Any]) -> None:
    results = []
    try:
        for name in names:
            results.append(measure(LINES[name], ground))
            print(report.details(results[-1]), end="\n\n", flush=True)
    finally:
        if results:
            report.write(results, surroundings)
            print(f"{report.table(results)}\n\nEvery round is in {report.RESULTS}", flush=True)


def _needs(plan: Plan) -> str:
    """What a run asks of the machine, said first. Ends the program where the disk is too small."""
    free_mib = shutil.disk_usage(PROJECT).free // 2**20
    needs = (
        f"All lines take about {plan.minutes} minutes on two quiet cores and {plan.disk_mib / 1024:,.0f} GiB of disk"
    )
    if free_mib < plan.disk_mib:
        sys.exit(f"{needs}; there are only {free_mib / 1024:,.0f} GiB free.")
    return f"{needs}.\n"


def _chosen(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/bench",
        description="Measure the house. Only ratios mean anything.",
        epilog="\n".join(["lines:", *(f"  {name}" for name in LINES)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="short rounds over little, three minutes in all")
    size.add_argument("--full", action="store_true", help="ten million events; says first what it needs")
    parser.add_argument("--list", action="store_true", help="say what the lines are, and run none")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a line to run; all if none is given")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.names if name not in LINES]
    if unknown:
        parser.error(f"there is no line {', '.join(unknown)}; --list says which there are")
    return chosen


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    """SIGTERM ends it as Ctrl-C does: everything that was started is stopped, the home removed."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
    except RuntimeError as error:
        sys.exit(f"bin/bench: {error}")
