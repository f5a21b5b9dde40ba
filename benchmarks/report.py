"""How results are told: a table on standard output, everything in benchmarks/results/latest.json."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.rounds import Result

RESULTS = Path(__file__).with_name("results") / "latest.json"
# What a side may tell beside its rate, and how it is said.
EXTRAS = {
    "cpu_us": "client CPU {:,.0f} µs each",
    "latency_ms": "{:.1f} ms each",
    "median_ms": "median {:.1f} ms",
    "p99_ms": "p99 {:.1f} ms",
    "peak_mib": "{:,.0f} MiB of memory at most",
    "generator_cpu": "generator at {:.0%} of a core",
}


def table(result: Result) -> str:
    """One line's results: each side's median, the median of the ratios of two rounds in a row, and their range."""
    lines = [f"{result.line}: {result.about}"]
    if result.reason:
        return "\n".join([*lines, f"  not measured: {result.reason}"])
    for side, rounds in result.rounds.items():
        extras = [words.format(result.median(side, fact)) for fact, words in EXTRAS.items() if fact in rounds[0]]
        lines.append(f"  {side:10} {result.median(side):>10,.0f} /s   {', '.join(extras)}".rstrip())
    low, high = min(result.ratios), max(result.ratios)
    count = len(result.ratios)
    lines.append(f"  {'ratio':10} {result.ratio:>10.2f}      {low:.2f} to {high:.2f} in {count} pairs of rounds")
    return "\n".join(lines)


def write(results: list[Result], surroundings: dict[str, Any], path: Path = RESULTS) -> None:
    """Keep every round, with the machine, the versions and the date."""
    kept = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        **surroundings,
        "lines": [
            {
                "line": result.line,
                "about": result.about,
                "not_measured": result.reason,
                "ratio": None if result.reason else result.ratio,
                "medians": {side: result.median(side) for side in result.rounds},
                "rounds": result.rounds,
            }
            for result in results
        ],
    }
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
