"""The door of the benchmarks. What they measure depends on the machine, so no figure is tested."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import checks, report
from benchmarks.__main__ import LINES
from benchmarks.arena import arena
from benchmarks.plans import FULL, QUICK, WHOLE
from benchmarks.rounds import Facts, Goal, Line, Result, measure
from tests.house.sources import PROJECT

NAMES = (
    "append", "append-folds", "append-floor", "checkout-sketch", "checkout-stock", "points", "products", "search",
    "search-misspelt", "feed-pages", "feed-filters", "load", "rebuild", "sweep", "verify", "import", "memory", "growth",
)  # fmt: skip
TINY = replace(QUICK, rounds=1, seconds=0.2, warm_up_s=0.1, products=300)


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks' own command line."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )


def result(ours: list[Facts], other: list[Facts], goal: Goal, **options: tuple[tuple[str, float], ...]) -> Result:
    """What a line of one side against another would have told."""
    line = Line("a", "a line", LINES["load"].sides, goal, **options)  # type: ignore[arg-type]
    return Result(line, rounds={"ours": ours, "other": other})


@pytest.mark.parametrize("question", ["--list", "--help"])
def test_the_lines_are_named_without_running_any(question: str) -> None:
    told = bench(question)
    assert told.returncode == 0, told.stderr
    assert [name for name in NAMES if name not in told.stdout] == []


def test_the_list_says_what_is_expected_of_each_line() -> None:
    told = bench("--list").stdout.splitlines()
    assert [line.partition(":")[0] for line in told] == list(NAMES)
    assert [line for line in told if not line.endswith("is expected")] == []


def test_a_line_that_is_not_there_is_refused_before_anything_starts() -> None:
    told = bench("append", "append-moon")
    assert told.returncode == 2
    assert "append-moon" in told.stderr


def test_nothing_runs_at_two_sizes_at_once() -> None:
    told = bench("--quick", "--full", "append")
    assert told.returncode == 2
    assert "--full" in told.stderr


def test_the_whole_has_a_million_events_and_the_full_ten_and_each_has_three_rounds_at_least() -> None:
    assert (WHOLE.events, FULL.events) == (1_000_000, 10_000_000)
    assert all(plan.rounds >= 3 for plan in (QUICK, WHOLE, FULL))


def test_a_ratio_is_the_middle_of_those_of_two_rounds_in_a_row_not_of_two_medians() -> None:
    rates = [[{"per_second": rate} for rate in rates] for rates in ((10, 40, 90), (10, 20, 10))]
    assert result(*rates, Goal(2)).ratio == 2


def test_of_several_sides_the_worst_counts_each_against_the_round_beside_it() -> None:
    line = Line("a", "a line", LINES["load"].sides, Goal(2, is_ceiling=True))
    rates = {"first": (4, 4), "second": (90, 90), "other": (2, 30, 2, 30)}
    told = Result(line, rounds={side: [{"per_second": rate} for rate in of_side] for side, of_side in rates.items()})
    assert (told.ratios("first"), told.ratios("second"), told.worst, told.ratio) == ([2, 2], [3, 3], "second", 3)


@pytest.mark.parametrize(("bound", "is_ceiling", "is_met"), [(2, False, True), (3, False, False), (2, True, True)])
def test_a_goal_is_met_at_its_bound(bound: float, is_ceiling: bool, is_met: bool) -> None:
    assert result([{"per_second": 4}], [{"per_second": 2}], Goal(bound, is_ceiling=is_ceiling)).is_met is is_met


def test_a_side_above_its_ceiling_falls_short_whatever_the_ratio() -> None:
    rounds: list[Facts] = [{"per_second": 1, "mib": 121}]
    assert not result(rounds, rounds, Goal(1), ceilings=(("mib", 120),)).is_met


def test_what_falls_short_is_told_so_and_kept(tmp_path: Path) -> None:
    short = result([{"per_second": 3}], [{"per_second": 2}], Goal(4.5))
    assert report.table([short]).splitlines()[1].split() == ["a", "1.50", "at", "least", "4.5", "SHORT"]
    report.write([short], {}, tmp_path / "results" / "latest.json")
    (kept,) = json.loads((tmp_path / "results" / "latest.json").read_text())["lines"]
    assert (kept["ratio"], kept["is_met"], kept["expected"]) == (1.5, False, "at least 4.5")


def test_a_rival_that_answers_otherwise_ends_the_line() -> None:
    answers = iter([b'{"items": [{"sku": "A"}]}', b'{"items": [{"sku": "B"}]}'])

    class Told:
        def get(self, path: str) -> bytes:
            return next(answers)

    with pytest.raises(RuntimeError, match="the rival finds"):
        checks.same_finds(Told(), Told(), ["/products/search"])  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_line_about_the_database_and_one_over_http_run_and_leave_nothing_behind() -> None:
    with arena(TINY) as ground:
        told = [measure(LINES[name], ground) for name in ("load", "products")]
    assert [(one.reason, list(one.rounds)) for one in told] == [
        (None, ["5,000 events", "5 events"]),
        (None, ["house", "bare"]),
    ]
    assert all(facts["per_second"] > 0 for one in told for rounds in one.rounds.values() for facts in rounds)
    assert not ground.home.exists()
