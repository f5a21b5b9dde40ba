"""What the aggregates' docstrings promise is tested, each by its name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app.domain import order, point_account, programme


def promised() -> list[str]:
    """The tests that the docstrings name."""
    docstrings = [module.__doc__ or "" for module in (point_account, order, programme)]
    lines = [line for text in docstrings for line in re.findall(r"^- (.+)$", text, re.MULTILINE)]
    return ["test_" + re.sub(r"\W+", "_", line) for line in lines]


def test_every_aggregate_lists_its_invariants() -> None:
    assert len(promised()) >= 11


@pytest.mark.parametrize("name", promised())
def test_an_invariant_has_a_test_of_its_name(name: str) -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert f"def {name}(" in tests
