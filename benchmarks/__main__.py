"""python -m benchmarks [--quick] [NAME …]: run the lines named, or all, each against its rival or floor."""

from __future__ import annotations

import argparse
import signal
import sys
from types import FrameType
from typing import NoReturn

from benchmarks import appends, audits, checkouts, machine, report
from benchmarks.arena import arena
from benchmarks.rounds import QUICK, WHOLE, measure

CHOICE = (appends.STOCK, appends.FLOOR, checkouts.LINE, audits.VERIFY, audits.EXPORT, audits.REBUILD)
LINES = {line.name: line for line in CHOICE}


def main(arguments: list[str]) -> None:
    """Measure, show each line as it is done, and keep all of it."""
    chosen = _chosen(arguments)
    if chosen.list:
        print("\n".join(f"{line.name}: {line.about}" for line in LINES.values()))
        return
    signal.signal(signal.SIGTERM, _stop)
    plan = QUICK if chosen.quick else WHOLE
    surroundings = {"machine": machine.machine(), "plan": vars(plan)}
    results = []
    with arena(plan.events) as ground:
        surroundings["versions"] = machine.versions(ground.settings())
        for name in chosen.names or LINES:
            results.append(measure(LINES[name], plan, ground))
            print(report.table(results[-1]), end="\n\n", flush=True)
    report.write(results, surroundings)
    print(f"Every round is in {report.RESULTS}")


def _chosen(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench", description="Measure the house. Only ratios mean anything.")
    parser.add_argument("--quick", action="store_true", help="short rounds, about two minutes in all")
    parser.add_argument("--list", action="store_true", help="say what the lines are, and run none")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(LINES)}; all if none is given")
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
