"""How results are told: a table on standard output, everything in benchmarks/results/latest.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.rounds import Result

RESULTS = Path(__file__).with_name("results") / "latest.json"
# What a side may tell, and how it is said.
EXTRAS = {
    "per_second": "{:,.0f} /s",
    "folds_per_second": "{:,.0f} folds /s",
    "cpu_us": "client CPU {:,.0f} µs each",
    "latency_ms": "{:.2f} ms each",
    "median_ms": "median {:.1f} ms",
    "p99_ms": "p99 {:.1f} ms",
    "peak_mib": "{:,.0f} MiB of memory at most",
    "worker_mib": "a worker has {:,.1f} MiB",
    "generator_cpu": "generator at {:.0%} of a core",
}
VERDICTS = {True: "met", False: "SHORT", None: "-"}


def details(result: Result) -> str:
    """One line's sides: what each told, in the middle of its rounds, and the ratio with its range."""
    lines = [f"{result.line.name}: {result.line.about}"]
    if result.reason:
        return "\n".join([*lines, f"  not measured: {result.reason}"])
    for side, rounds in result.rounds.items():
        told = [words.format(result.median(side, fact)) for fact, words in EXTRAS.items() if fact in rounds[0]]
        lines.append(f"  {side:14} {', '.join(told)}")
    for side in result.ours:
        ratios = sorted(result.ratios(side))
        named = f" of {side}" if len(result.ours) > 1 else ""
        lines.append(f"  ratio{named} {ratios[len(ratios) // 2]:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")
    return "\n".join(lines)


def table(results: Sequence[Result]) -> str:
    """All lines, a ratio each, with what is expected of it and whether it is so."""
    rows = [("line", "ratio", "expected", "")]
    for result in results:
        ceilings = "".join(f", {most:g} {fact}" for fact, most in result.line.ceilings)
        expected = f"{result.line.goal}{ceilings}" if result.line.goal else "-"
        ratio = "-" if result.reason else f"{result.ratio:.2f}"
        rows.append((result.line.name, ratio, expected, "not measured" if result.reason else VERDICTS[result.is_met]))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        f"{name:{widths[0]}}  {ratio:>{widths[1]}}  {expected:{widths[2]}}  {verdict}".rstrip()
        for name, ratio, expected, verdict in rows
    )


def write(results: Sequence[Result], surroundings: dict[str, Any], path: Path = RESULTS) -> None:
    """Keep every round, with the machine, the versions and the date."""
    kept = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **surroundings,
        "lines": [
            {
                "line": result.line.name,
                "about": result.line.about,
                "not_measured": result.reason,
                "compared": result.line.facts,
                "expected": str(result.line.goal) if result.line.goal else None,
                "is_met": result.is_met,
                "ratio": None if result.reason else result.ratio,
                "ratios": {side: result.ratios(side) for side in result.ours} if result.rounds else {},
                "rounds": result.rounds,
            }
            for result in results
        ],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
