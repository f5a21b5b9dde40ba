"""The door of the benchmarks. What they measure depends on the machine, so no figure is tested."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.house.sources import PROJECT

LINES = ("append-stock", "append-floor", "checkout", "verify", "export", "rebuild")


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the benchmarks' own command line."""
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments], cwd=PROJECT, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("question", ["--list", "--help"])
def test_the_lines_are_named_without_running_any(question: str) -> None:
    told = bench(question)
    assert told.returncode == 0, told.stderr
    assert [name for name in LINES if name not in told.stdout] == []


def test_a_line_that_is_not_there_is_refused_before_anything_starts() -> None:
    told = bench("append-stock", "append-moon")
    assert told.returncode == 2
    assert "append-moon" in told.stderr
