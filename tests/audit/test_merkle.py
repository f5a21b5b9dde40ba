"""Merkle trees: Certificate Transparency's vectors, and every proof of every small tree against a naive reading."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.audit import merkle
from app.audit.merkle import EMPTY_ROOT, Frontier, Span

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
"""The leaves of Certificate Transparency's own tests, and the roots over the first n of them."""

ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]

A, B, C, D, E, F = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
)

MOST = 70


def root(leaves: list[bytes]) -> bytes:
    """The root as RFC 6962 defines it, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\0" + leaves[0]).digest()
    k = 1
    while 2 * k < len(leaves):
        k *= 2
    return sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def roots(leaves: list[bytes], spans: list[Span]) -> list[bytes]:
    """A proof, out of the leaves themselves."""
    return [root(leaves[span.start : span.end]) for span in spans]


def inclusion(leaves: list[bytes], index: int, size: int) -> list[bytes]:
    return roots(leaves, merkle.inclusion_spans(index, size))


def consistency(leaves: list[bytes], first: int, second: int) -> list[bytes]:
    return roots(leaves, merkle.consistency_spans(first, second))


def verified_as_rfc_9162_does(
    first: int, second: int, first_root: bytes, second_root: bytes, path: list[bytes]
) -> bool:
    """Section 2.1.4.2 of RFC 9162, step by step, for first < second."""
    if not path:
        return False
    if first & (first - 1) == 0:
        path = [first_root, *path]
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = merkle.node_hash(c, fr), merkle.node_hash(c, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = merkle.node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return fr == first_root and sr == second_root and sn == 0


@pytest.mark.parametrize("size", range(9))
def test_the_roots_are_those_of_certificate_transparency(size: int) -> None:
    frontier = Frontier()
    for leaf in LEAVES[:size]:
        frontier.add(leaf)
    assert (frontier.size, frontier.root().hex()) == (size, ROOTS[size])


@pytest.mark.parametrize(
    ("index", "size", "path"),
    [(0, 1, []), (0, 8, [A, B, C]), (5, 8, [D, E, ROOTS[4]]), (2, 3, [ROOTS[2]]), (1, 5, [ROOTS[1], B, D])],
)
def test_the_inclusion_proofs_are_those_of_certificate_transparency(index: int, size: int, path: list[str]) -> None:
    assert [node.hex() for node in inclusion(LEAVES, index, size)] == path
    assert merkle.root_from_inclusion(LEAVES[index], index, size, [bytes.fromhex(n) for n in path]).hex() == ROOTS[size]


@pytest.mark.parametrize(
    ("first", "second", "path"), [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[4]]), (2, 5, [B, D])]
)
def test_the_consistency_proofs_are_those_of_certificate_transparency(first: int, second: int, path: list[str]) -> None:
    assert [node.hex() for node in consistency(LEAVES, first, second)] == path
    first_root, second_root = bytes.fromhex(ROOTS[first]), bytes.fromhex(ROOTS[second])
    assert merkle.check_consistency(first, second, first_root, second_root, [bytes.fromhex(n) for n in path])


def test_every_proof_of_every_tree_of_up_to_70_leaves_verifies() -> None:
    leaves = [bytes([n]) for n in range(MOST)]
    frontier, known = Frontier(), [EMPTY_ROOT]
    for size in range(1, MOST + 1):
        frontier.add(leaves[size - 1])
        known.append(root(leaves[:size]))
        assert frontier.root() == known[size]
        for index in range(size):
            path = inclusion(leaves, index, size)
            assert merkle.root_from_inclusion(leaves[index], index, size, path) == known[size]
        for first in range(1, size + 1):
            path = consistency(leaves, first, size)
            assert merkle.check_consistency(first, size, known[first], known[size], path)
            if first < size:
                assert verified_as_rfc_9162_does(first, size, known[first], known[size], path)


@given(st.integers(1, 300), st.data())
def test_a_frontier_made_from_what_stands_goes_on_like_the_one_that_saw_all(size: int, data: st.DataObject) -> None:
    leaves = [n.to_bytes(2, "big") for n in range(size)]
    kept = data.draw(st.integers(0, size))
    stored = [
        root(leaves[tree.nth << tree.height : (tree.nth + 1) << tree.height]) for tree in merkle.subtrees(Span(0, kept))
    ]
    frontier = Frontier(kept, stored)
    for leaf in leaves[kept:]:
        frontier.add(leaf)
    assert frontier.root() == root(leaves)


@settings(max_examples=300)
@given(st.integers(1, MOST), st.data())
def test_an_inclusion_proof_with_anything_changed_leads_elsewhere(size: int, data: st.DataObject) -> None:
    leaves = [bytes([n]) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path = inclusion(leaves, index, size)
    good = root(leaves)
    assert merkle.root_from_inclusion(b"other", index, size, path) != good
    for number in range(len(path)):
        assert merkle.root_from_inclusion(leaves[index], index, size, flipped(path, number, data)) != good
    for wrong in {n for n in range(size) if n != index}:
        if len(inclusion(leaves, wrong, size)) == len(path):
            assert merkle.root_from_inclusion(leaves[index], wrong, size, path) != good
    for maimed in ([*path, good], path[:-1]):
        if maimed != path:
            with pytest.raises(ValueError, match="path"):
                merkle.root_from_inclusion(leaves[index], index, size, maimed)


@settings(max_examples=300)
@given(st.integers(2, MOST), st.data())
def test_a_consistency_proof_with_anything_changed_shows_nothing(second: int, data: st.DataObject) -> None:
    leaves = [bytes([n]) for n in range(second)]
    first = data.draw(st.integers(1, second - 1))
    path = consistency(leaves, first, second)
    older, newer = root(leaves[:first]), root(leaves)
    assert merkle.check_consistency(first, second, older, newer, path)
    assert not merkle.check_consistency(first, second, newer, newer, path)
    assert not merkle.check_consistency(first, second, older, older, path)
    assert not merkle.check_consistency(first, second, older, newer, [*path, newer])
    assert not merkle.check_consistency(first, second, older, newer, path[:-1])
    assert not merkle.check_consistency(second, first, newer, older, path)
    for number in range(len(path)):
        assert not merkle.check_consistency(first, second, older, newer, flipped(path, number, data))
    for wrong in {n for n in range(1, second) if n != first}:
        assert not merkle.check_consistency(wrong, second, older, newer, path)


def flipped(path: list[bytes], number: int, data: st.DataObject) -> list[bytes]:
    """The path with one bit of one hash the other way round."""
    node = bytearray(path[number])
    node[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    return [*path[:number], bytes(node), *path[number + 1 :]]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 4), (4, 4)])
def test_there_is_no_proof_for_a_leaf_that_is_not_in_the_tree(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        merkle.inclusion_spans(index, size)
    with pytest.raises(ValueError, match="no leaf"):
        merkle.root_from_inclusion(b"", index, size, [])


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 4), (5, 4), (-1, 4)])
def test_there_is_no_proof_that_a_tree_begins_a_smaller_one_or_that_none_begins_it(first: int, second: int) -> None:
    with pytest.raises(ValueError, match="cannot be shown"):
        merkle.consistency_spans(first, second)
    assert not merkle.check_consistency(first, second, EMPTY_ROOT, EMPTY_ROOT, [])


def test_a_tree_is_consistent_with_itself_alone_under_one_root() -> None:
    assert merkle.check_consistency(3, 3, bytes.fromhex(ROOTS[3]), bytes.fromhex(ROOTS[3]), [])
    assert not merkle.check_consistency(3, 3, bytes.fromhex(ROOTS[3]), bytes.fromhex(ROOTS[4]), [])


def test_a_frontier_takes_one_hash_for_each_bit_of_its_size() -> None:
    with pytest.raises(ValueError, match="2 complete subtrees, not 1"):
        Frontier(3, [EMPTY_ROOT])
