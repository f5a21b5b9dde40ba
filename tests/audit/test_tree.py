"""The table of the tree: whatever steps it grew in, it gives the roots and proofs of RFC 6962."""

from __future__ import annotations

import random
from hashlib import sha256

import pytest

from app.audit import merkle
from app.audit.merkle import Frontier
from app.audit.tree import TILE, BrokenTree, Leaf, SealedTree
from app.database import Database

TWO_LEVELS_FULL = TILE * TILE


def leaves_of(size: int) -> list[Leaf]:
    """So many leaves, at positions with gaps between some."""
    return [(n + 1 + n // 100, sha256(b"%d" % n).digest()) for n in range(size)]


def grown(database: Database, leaves: list[Leaf], steps: list[int]) -> SealedTree:
    """A tree that was extended in these steps, each in a transaction of its own."""
    tree, size = SealedTree(database), 0
    for step in steps:
        with database.transaction() as cursor:
            tree.extend(cursor, size, leaves[size : size + step])
        size += step
    assert size == len(leaves)
    return tree


def roots_of(leaves: list[Leaf]) -> list[bytes]:
    """The root over the first n leaves, for each n."""
    frontier = Frontier()
    roots = [frontier.root()]
    for _, digest in leaves:
        frontier.add(digest)
        roots.append(frontier.root())
    return roots


def random_steps(size: int, chance: random.Random) -> list[int]:
    """Steps that come to `size`, most of them small, some over several tiles, some of nothing."""
    steps: list[int] = []
    while (left := size - sum(steps)) > 0:
        steps.append(min(left, chance.choice([0, 1, 2, 100, TILE - 1, TILE, TILE + 1, 5 * TILE])))
    return steps


def assert_proofs(tree: SealedTree, leaves: list[Leaf], roots: list[bytes], index: int, first: int, size: int) -> None:
    """The tree proves leaf `index`, and the tree of `first`, to be in that of `size`."""
    path = tree.inclusion(index, size)
    assert merkle.root_from_inclusion(leaves[index][1], index, size, path) == roots[size]
    path = tree.consistency(first, size)
    assert merkle.check_consistency(first, size, roots[first], roots[size], path)


@pytest.mark.parametrize("seed", range(4))
def test_however_it_grew_it_gives_every_root_and_sound_proofs(database: Database, seed: int) -> None:
    chance = random.Random(seed)
    leaves = leaves_of(chance.randrange(700, 2_000))
    tree, roots = grown(database, leaves, random_steps(len(leaves), chance)), roots_of(leaves)
    for size in (0, 1, TILE - 1, TILE, TILE + 1, 2 * TILE, len(leaves), *chance.choices(range(len(leaves)), k=40)):
        assert tree.frontier(size).root() == roots[size]
    for _ in range(60):
        size = chance.randrange(1, len(leaves) + 1)
        assert_proofs(tree, leaves, roots, chance.randrange(size), chance.randrange(1, size + 1), size)


def test_a_tree_of_three_levels_proves_its_leaves_from_a_few_rows(database: Database) -> None:
    leaves = leaves_of(TWO_LEVELS_FULL + 700)
    tree, roots = grown(database, leaves, [8_192] * 8 + [699, 1]), roots_of(leaves)
    sizes = [TWO_LEVELS_FULL - 1, TWO_LEVELS_FULL, TWO_LEVELS_FULL + 1, len(leaves)]
    for size in sizes:
        assert tree.frontier(size).root() == roots[size]
        for index in (0, 255, 256, 40_000, size - 1):
            assert_proofs(tree, leaves, roots, index, index + 1, size)
    assert database.rows("SELECT level, count(*) FROM tree GROUP BY level ORDER BY level") == [(0, 259), (1, 2), (2, 1)]


def test_a_leaf_is_found_by_its_position_and_a_position_between_leaves_is_none(database: Database) -> None:
    leaves = leaves_of(1_000)
    tree = grown(database, leaves, [1_000])
    known = {position: index for index, (position, _) in enumerate(leaves)}
    assert len(known) < leaves[-1][0], "there are gaps"
    for position in (*range(0, 1_100, 7), *range(95, 110), leaves[-1][0], 2**62):
        assert tree.index_of(position) == known.get(position)


def test_of_an_empty_tree_there_is_the_root_over_nothing_and_no_leaf(database: Database) -> None:
    tree = SealedTree(database)
    assert tree.frontier(0).root() == merkle.EMPTY_ROOT
    assert tree.index_of(1) is None
    with database.transaction() as cursor:
        assert tree.leaves(cursor, 0, 10) == []
    with pytest.raises(BrokenTree, match="lacks hashes"):
        tree.inclusion(0, 2)


def test_leaves_are_read_across_tiles_as_far_as_there_are_any(database: Database) -> None:
    leaves = leaves_of(600)
    tree = grown(database, leaves, [600])
    with database.transaction() as cursor:
        for first, count in ((0, 600), (0, 10_000), (255, 2), (256, 256), (300, 0), (599, 1), (599, 9), (600, 5)):
            assert tree.leaves(cursor, first, count) == leaves[first : first + count]


def test_an_extension_replaces_what_stands_behind_its_start(database: Database) -> None:
    leaves, others = leaves_of(900), [(p, sha256(d).digest()) for p, d in leaves_of(900)]
    tree = grown(database, leaves[:300] + others[300:], [900])
    with database.transaction() as cursor:
        tree.extend(cursor, 300, leaves[300:])
    assert tree.frontier(900).root() == roots_of(leaves)[900]


@pytest.mark.parametrize(
    ("maiming", "complaint"),
    [
        ("DELETE FROM tree WHERE tile = 1", "no row for some of the leaves"),
        ("UPDATE tree SET hashes = substr(hashes, 1, 100) WHERE tile = 2", "100 bytes, which are no hashes"),
        ("UPDATE tree SET positions = positions[2:]", "not as many positions as hashes"),
        ("UPDATE tree SET positions = NULL", "not as many positions as hashes"),
        ("DELETE FROM tree WHERE tile = 2", "the tree has 512 leaves, not 600"),
    ],
)
def test_a_maimed_tree_is_not_extended(database: Database, owner: Database, maiming: str, complaint: str) -> None:
    tree = grown(database, leaves_of(600), [600])
    owner.execute(maiming)
    before = owner.rows("TABLE tree ORDER BY level, tile")
    with pytest.raises(BrokenTree, match=complaint), database.transaction() as cursor:
        tree.leaves(cursor, 0, 600)
        tree.extend(cursor, 600, leaves_of(601)[600:])
    assert owner.rows("TABLE tree ORDER BY level, tile") == before
