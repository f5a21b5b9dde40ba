"""Everything that CI runs, step by step, and where the time went: what bin/test calls.

    bin/test            all steps
    bin/test --fast     the linters and the quick tests, in a minute or two
    bin/test --long     with the endurance tests, and longer forms of some others (MILES_TEST_LONG=1)

Any other argument goes to pytest, which runs in the project's folder: `bin/test --fast -k refund`,
`bin/test -n 0 --pdb tests/domain`.
A step that fails does not keep the next ones from running. The exit status is 0 only if all passed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = Path(sys.executable).parent
FAST_FOLDERS = ("domain", "usecases", "contracts", "projections", "api", "house")
SLOWEST_FILES = 10


@dataclass(frozen=True)
class Step:
    """One thing that must exit with 0. A loud one shows its output as it comes, the others only when they fail."""

    name: str
    command: list[str]
    is_loud: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a step ended."""

    name: str
    seconds: float
    passed: bool


def lint_steps() -> list[Step]:
    """The checks that run no code of ours."""
    return [
        Step("ruff check", [str(TOOLS / "ruff"), "check", "."]),
        Step("ruff format", [str(TOOLS / "ruff"), "format", "--check", "."]),
        Step("mypy", [sys.executable, "-m", "mypy"]),
        Step("lint-imports", [str(TOOLS / "lint-imports"), "--no-logo"]),
        Step("hadolint", [str(TOOLS / "hadolint"), "Dockerfile"]),
    ]


def browser_step() -> Step:
    """The browser that the browser tests drive, installed where that is possible."""
    return Step("chromium", [sys.executable, "-m", "tests.support.chromium"], is_loud=True)


def pytest_step(size: str, extra: list[str], report: Path) -> Step:
    """The tests, on two processes where there are two cores; a file's tests stay together."""
    command = [sys.executable, "-m", "pytest", f"--junitxml={report}", "-o", "junit_family=xunit1"]
    if (os.cpu_count() or 1) > 1:
        command += ["-n", "2", "--dist", "loadfile"]
    if size == "fast":
        folders = " ".join(f"tests/{name}" for name in FAST_FOLDERS)
        command += ["-m", "not slow and not long", "-o", f"testpaths={folders}"]
    elif size != "long":
        command += ["-m", "not long"]
    return Step("pytest", command + extra, is_loud=True)


def run(step: Step, environ: dict[str, str]) -> Outcome:
    """Run one step, saying so before and after."""
    print(f"── {step.name} ", end="\n" if step.is_loud else "", flush=True)
    began = time.perf_counter()
    said, status = run_to_the_end(step, environ)
    seconds = time.perf_counter() - began
    passed = status == 0
    if step.is_loud:
        print(f"── {step.name} ", end="")
    print(f"{'ok' if passed else 'FAILED'}, {seconds:.1f} s", flush=True)
    if said and not passed:
        print(said, flush=True)
    return Outcome(step.name, seconds, passed)


def run_to_the_end(step: Step, environ: dict[str, str]) -> tuple[str | None, int]:
    """What a quiet step said, and its exit status. Interrupted, it waits until the step has cleared up."""
    nothing, pipe = (None, None) if step.is_loud else (subprocess.DEVNULL, subprocess.PIPE)
    with subprocess.Popen(
        step.command, cwd=ROOT, env=environ, stdin=nothing, stdout=pipe, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            return process.communicate()[0], process.returncode
        except KeyboardInterrupt:
            # The terminal told the step, too; a second signal would stop its clearing up.
            process.wait()
            raise
        except SystemExit:
            process.send_signal(signal.SIGINT)
            process.wait()
            raise


def slowest_files(report: Path) -> list[tuple[str, float]]:
    """The test files that took longest, set-up included, from pytest's own report; empty if it wrote none."""
    if not report.exists():
        return []
    seconds: dict[str, float] = defaultdict(float)
    for case in ET.parse(report).iter("testcase"):
        seconds[case.get("file") or case.get("classname") or "?"] += float(case.get("time", "0"))
    return sorted(seconds.items(), key=lambda item: -item[1])[:SLOWEST_FILES]


def show(outcomes: list[Outcome], files: list[tuple[str, float]]) -> None:
    """The table of where the time went, and the verdict."""
    print("\nWhere the time went")
    for outcome in outcomes:
        print(f"  {outcome.seconds:7.1f} s  {outcome.name}{'' if outcome.passed else '  FAILED'}")
    if files:
        print("  of which the slowest test files (two run at a time)")
    for name, seconds in files:
        print(f"  {seconds:7.1f} s    {name}")
    total = sum(outcome.seconds for outcome in outcomes)
    failed = [outcome.name for outcome in outcomes if not outcome.passed]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "everything is as it should be"
    print(f"\nbin/test: {verdict} ({total:.0f} s)", flush=True)


def main(arguments: list[str]) -> int:
    """Run the steps; gives the exit status."""
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    size = arguments[0].removeprefix("--") if arguments and arguments[0] in ("--fast", "--long") else ""
    extra = arguments[1:] if size else arguments
    # A script's background jobs ignore SIGINT, and so would the steps; a handler here makes them listen again.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    # An exit, unlike SIGTERM's default, ends the step under way, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    environ = {**os.environ, "MILES_TEST_LONG": "1"} if size == "long" else dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="miles-test-") as folder:
        report = Path(folder) / "junit.xml"
        browser = [] if size == "fast" else [browser_step()]
        steps = [*lint_steps(), *browser, pytest_step(size, extra, report)]
        try:
            outcomes = [run(step, environ) for step in steps]
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        show(outcomes, slowest_files(report))
    return 0 if all(outcome.passed for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
