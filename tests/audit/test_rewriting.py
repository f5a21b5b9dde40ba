"""An owner who rewrites the log with everything that stands beside it is caught by what stands elsewhere.

That is the file of checkpoints in MILES_HOME, and the key that signed them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.checkpoints import Checkpoint
from app.audit.copies import FileCopy
from app.audit.findings import Finding
from app.audit.keys import Signer
from app.audit.merkle import Frontier
from app.audit.tree import SealedTree
from app.eventstore.chain import GENESIS
from tests.audit.scenes import Scene, tampered
from tests.support.postgres import TestServer
from tests.support.tampering import Log, change, rehash


@pytest.fixture(scope="module")
def made(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """One log for all tests."""
    with tampered(postgres, tmp_path_factory.mktemp("home")) as scene:
        yield scene


@pytest.fixture
def scene(made: Scene) -> Iterator[Scene]:
    """That log, once more as it was."""
    with made.undone():
        yield made


def rewrite(scene: Scene) -> list[Checkpoint]:
    """Change the first event's metadata, which nothing else repeats, with all hashes, the tree, and no checkpoint left.

    Gives the checkpoints that a forger would want in place of those that stood there, unsigned.
    """
    cursor, entry = scene.cursor, scene.log.entries[0]
    cursor.execute("SELECT size, sealed_at FROM checkpoints ORDER BY size")
    wanted = cursor.fetchall()
    cursor.execute("DELETE FROM checkpoints")
    cursor.execute("DELETE FROM tree")
    change(cursor, entry.position, "metadata", "{}")
    rehash(cursor, [entry._replace(metadata="{}"), *scene.log.stream_from(entry)[1:]], GENESIS)
    forged = Log.read(cursor).entries
    SealedTree(scene.house.database).extend(cursor, 0, [(e.position, e.hash) for e in forged[: scene.log.sealed]])
    return [
        Checkpoint(size, forged[size - 1].position, root_over([e.hash for e in forged[:size]]), sealed_at, "", b"")
        for size, sealed_at in wanted
    ]


def root_over(hashes: list[bytes]) -> bytes:
    """The root over these leaves."""
    tree = Frontier()
    for each in hashes:
        tree.add(each)
    return tree.root()


def test_a_log_rewritten_without_its_checkpoints_is_caught_by_the_file_outside(scene: Scene) -> None:
    first, *_ = rewrite(scene)
    assert str(scene.finding()) == (
        f"position {scene.log.entries[0].position}: from here on the log is not what the checkpoint over {first.size}"
        " events signed"
    )
    assert scene.finding(is_told=False) is None, "without that file nobody could know"


def test_rewriting_what_came_after_a_checkpoint_is_found_from_there_on(scene: Scene) -> None:
    good, last = scene.house.checkpoints.after()
    entry = next(e for e in scene.log.entries[good.size :] if e.topic == "OrderPlaced.v2")
    change(scene.cursor, entry.position, "metadata", "{}")
    rehash(scene.cursor, [entry._replace(metadata="{}"), *scene.log.stream_from(entry)[1:]], GENESIS)
    scene.cursor.execute("DELETE FROM checkpoints WHERE size = %s", (last.size,))
    scene.cursor.execute("DELETE FROM tree")
    leaves = [(e.position, e.hash) for e in Log.read(scene.cursor).entries[: last.size]]
    SealedTree(scene.house.database).extend(scene.cursor, 0, leaves)
    assert str(scene.finding()) == (
        f"position {scene.log.entries[good.size].position}: from here on the log is not what the checkpoint over"
        f" {last.size} events signed"
    )
    assert "the sealed tree has" in str(scene.finding(is_told=False)), "without that file, the tree alone tells"


@pytest.mark.parametrize("is_told", [True, False])
def test_checkpoints_forged_under_another_key_are_not_trusted(scene: Scene, tmp_path: Path, is_told: bool) -> None:
    forger = Signer(tmp_path)
    for checkpoint in rewrite(scene):
        scene.house.checkpoints.add(forger.signed(checkpoint), scene.cursor)
    assert "which is not trusted here" in str(scene.finding(is_told=is_told))


@pytest.mark.parametrize("is_told", [True, False])
def test_the_old_signature_is_worth_nothing_under_a_new_root(scene: Scene, is_told: bool) -> None:
    real = list(scene.house.checkpoints.after())
    for forged, old in zip(rewrite(scene), real, strict=True):
        scene.house.checkpoints.add(forged._replace(key_id=old.key_id, signature=old.signature), scene.cursor)
    assert "it was altered" in str(scene.finding(is_told=is_told))


@pytest.mark.parametrize("is_told", [True, False])
def test_the_old_checkpoints_do_not_fit_a_new_log(scene: Scene, is_told: bool) -> None:
    real = list(scene.house.checkpoints.after())
    rewrite(scene)
    for old in real:
        scene.house.checkpoints.add(old, scene.cursor)
    assert str(scene.finding(is_told=is_told)).endswith(
        f"from here on the log is not what the checkpoint over {real[0].size} events signed"
    )


@pytest.mark.parametrize(
    ("edit", "nth"),
    [
        ("UPDATE tree SET hashes = overlay(hashes PLACING '\\x00' FROM 65 FOR 1) WHERE level = 0", 2),
        ("UPDATE tree SET positions = NULL", 0),
        ("DELETE FROM tree", 0),
    ],
)
def test_a_tree_that_was_changed_is_told_from_a_log_that_was(scene: Scene, edit: str, nth: int) -> None:
    scene.cursor.execute(edit)
    first, _ = scene.house.checkpoints.after()
    assert str(scene.finding()) == (
        f"position {scene.log.entries[nth].position}: the sealed tree is wrong from here on: the log has the root that"
        f" was signed over {first.size} events"
    )


def test_a_place_that_was_changed_in_the_tree_is_found(scene: Scene) -> None:
    third = scene.log.entries[2].position
    scene.cursor.execute("UPDATE tree SET positions[3] = 1000 WHERE level = 0")
    assert str(scene.finding()) == (
        f"position {third}: the log has an event at position {third} that the sealed tree has at 1000"
    )


def test_a_checkpoint_that_was_changed_is_found_where_it_ends(scene: Scene) -> None:
    first, _ = scene.house.checkpoints.after()
    scene.cursor.execute("UPDATE checkpoints SET position = position - 1 WHERE size = %s", (first.size,))
    found = scene.finding()
    assert found is not None
    assert (found.position, found.what.endswith("it was altered")) == (first.position, True)


def test_checkpoints_in_another_order_than_they_were_made_are_found(scene: Scene) -> None:
    first, last = scene.house.checkpoints.after()
    with pytest.raises(Finding, match=f"the checkpoint over {first.size} events is told after one over more"):
        scene.house.verify.within(scene.cursor, scene.house.trusted_keys, FileCopy([last, first], False, 0, None))
