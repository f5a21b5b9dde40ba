"""The table of checkpoints and the file outside: what is taken from one of them is missed, by the other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from app.audit.checkpoints import Checkpoint
from app.audit.copies import FileCopy
from app.audit.findings import Finding
from app.audit.walk import Report
from tests.audit.scenes import Scene, tampered
from tests.support.postgres import TestServer


@pytest.fixture(scope="module")
def made(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One log for all tests."""
    with tampered(postgres, tmp_path_factory.mktemp("home")) as scene:
        yield scene


@pytest.fixture
def scene(made: Scene) -> Iterator[Scene]:
    """What a test does is undone."""
    with made.undone():
        yield made


@pytest.fixture
def sealed(scene: Scene) -> tuple[Checkpoint, Checkpoint]:
    """The two checkpoints of the log."""
    first, last = scene.house.checkpoints.after()
    return first, last


def verified(scene: Scene, *notes: Checkpoint, complete_to: int = 0, own_key: str | None = None) -> Report:
    """Verify what stands now with a file of these notes."""
    told = FileCopy(notes, not notes, complete_to, own_key)
    return scene.house.verify.within(scene.cursor, scene.house.trusted_keys, told)


def test_both_copies_of_a_checkpoint_are_one(scene: Scene, sealed: tuple[Checkpoint, Checkpoint]) -> None:
    assert verified(scene, *sealed, complete_to=sealed[1].size, own_key=sealed[0].key_id).checkpoints == 2


@pytest.mark.parametrize("which", ["WHERE size = (SELECT min(size) FROM checkpoints)", ""])
def test_a_row_that_is_gone_is_missed_where_it_ends(scene: Scene, which: str) -> None:
    first = next(scene.house.checkpoints.after())
    scene.cursor.execute(f"DELETE FROM checkpoints {which}")
    found = scene.finding()
    assert found is not None
    assert found.position == first.position
    assert found.what == f"the checkpoint over {first.size} events is in the file outside, and its row is gone"


def test_the_last_note_may_lack_its_row_as_a_crash_leaves_it(
    scene: Scene, sealed: tuple[Checkpoint, Checkpoint]
) -> None:
    scene.cursor.execute("DELETE FROM checkpoints WHERE size = %s", (sealed[1].size,))
    assert verified(scene, *sealed, complete_to=sealed[1].size, own_key=sealed[0].key_id).checkpoints == 2


def test_a_note_that_is_gone_from_the_file_is_missed_where_it_ends(
    scene: Scene, sealed: tuple[Checkpoint, Checkpoint]
) -> None:
    first, last = sealed
    for kept, missed in (((last,), first), ((first,), last), ((), first)):
        with scene.undone(), pytest.raises(Finding, match="its note is gone from the file outside") as found:
            verified(scene, *kept, complete_to=last.size, own_key=first.key_id)
        assert found.value.position == missed.position


def test_what_was_sealed_since_the_file_was_read_is_not_missed(
    scene: Scene, sealed: tuple[Checkpoint, Checkpoint]
) -> None:
    first, _ = sealed
    assert verified(scene, first, complete_to=first.size, own_key=first.key_id).checkpoints == 2


def test_the_file_of_another_house_need_not_have_what_it_did_not_sign(scene: Scene) -> None:
    for own_key in ("00000000", None):
        with scene.undone():
            assert verified(scene, complete_to=10**9, own_key=own_key).checkpoints == 2


def test_a_key_that_has_signed_and_no_checkpoint_at_all_is_found(
    scene: Scene, sealed: tuple[Checkpoint, Checkpoint]
) -> None:
    scene.cursor.execute("DELETE FROM checkpoints; DELETE FROM tree")
    with scene.undone(), pytest.raises(Finding, match="no checkpoint is left") as found:
        verified(scene, own_key=sealed[0].key_id)
    assert found.value.position == 1
    assert verified(scene).checkpoints == 0, "a house that never signed has none"
