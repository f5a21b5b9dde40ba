"""Whatever the owner of the tables changes by hand, with the triggers off, is found, and where.

The first position is argued with each kind of edit, in tests/support/tampering.py. In short: what is sealed is found in
its own place; what is not yet sealed where its stream, or else what is served of it, no longer fits. That each of the
checks is needed for it, tests/audit/test_checks.py shows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tests.audit.scenes import Scene, tampered
from tests.support.postgres import TestServer
from tests.support.tampering import EDITS, Edit

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scene(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One log for all edits, each of which is undone."""
    with tampered(postgres, tmp_path_factory.mktemp("home")) as made:
        yield made


@pytest.mark.parametrize(("edit", "times"), EDITS.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_every_edit_is_found_where_it_shows_first(scene: Scene, edit: Edit, times: int) -> None:
    chance = random.Random(edit.__name__)
    missed = []
    for number in range(times):
        with scene.undone():
            expected = edit(scene.cursor, scene.log, chance)
            found = scene.finding()
        if found is None or found.position != expected:
            missed.append(f"edit {number}, which shows first at {expected}: {found}")
        if number % 50 == 0:
            assert scene.finding() is None, "the log is as it was"
    assert missed == []


def test_two_thousand_edits_are_made() -> None:
    assert sum(EDITS.values()) == 2000
