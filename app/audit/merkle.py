"""Merkle trees as in RFC 6962, section 2.1: roots, and both kinds of proof. Pure arithmetic over hashes.

It stores and reads nothing: where a proof needs the root of some leaves, it names them as a `Span`, and whoever has
the tree finds their hashes by its `subtrees`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from hashlib import sha256
from typing import NamedTuple

EMPTY_ROOT = sha256().digest()
"""The root over no leaves."""


class Span(NamedTuple):
    """The leaves from `start` up to, not with, `end`, both counted from 0."""

    start: int
    end: int


class Subtree(NamedTuple):
    """A complete subtree: the `nth`, counted from 0, of those with two to the power of `height` leaves."""

    height: int
    nth: int


def leaf_hash(data: bytes) -> bytes:
    """The hash of a leaf. Of a node it can never be: their prefixes differ."""
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over two others."""
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree, which is all that its root needs: one hash for each bit of its size."""

    def __init__(self, size: int = 0, nodes: Sequence[bytes] = ()) -> None:
        """Empty, or `size` leaves whose complete subtrees, largest first, have the roots `nodes`."""
        if len(nodes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has {size.bit_count()} complete subtrees, not {len(nodes)}")
        self.size = size
        self._nodes = list(nodes)

    def add(self, leaf_data: bytes) -> None:
        """Put one more leaf at the right."""
        node, pairs = leaf_hash(leaf_data), self.size
        while pairs & 1:
            node, pairs = node_hash(self._nodes.pop(), node), pairs >> 1
        self._nodes.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far."""
        return root_of(self._nodes) if self._nodes else EMPTY_ROOT


def root_of(nodes: Sequence[bytes]) -> bytes:
    """The root over neighbouring complete subtrees, given theirs, largest first. There is at least one."""
    return reduce(lambda right, left: node_hash(left, right), reversed(nodes))


def complete_root(nodes: Sequence[bytes]) -> bytes:
    """The root over a power of two of nodes on one level."""
    while len(nodes) > 1:
        nodes = [node_hash(nodes[n], nodes[n + 1]) for n in range(0, len(nodes), 2)]
    return nodes[0]


def subtrees(span: Span) -> Iterator[Subtree]:
    """The complete subtrees that a span of a proof, or a whole tree from 0 on, is made of, largest first."""
    start, end = span
    while start < end:
        height = (end - start).bit_length() - 1
        yield Subtree(height, start >> height)
        start += 1 << height


def inclusion_spans(index: int, size: int) -> list[Span]:
    """The spans whose roots are the proof that leaf `index` is in the tree of `size`, the leaf's neighbour first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    spans, start, end = [], 0, size
    while end - start > 1:
        middle = start + _left_part(end - start)
        if index < middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(first: int, second: int) -> list[Span]:
    """The spans whose roots prove that the tree of `first` leaves begins that of `second`, the lowest first."""
    if not 0 < first <= second:
        raise ValueError(f"a tree of {first} leaves cannot be shown to begin one of {second}")
    spans, start, end = [], 0, second
    while first < end:
        middle = start + _left_part(end - start)
        if first <= middle:
            spans.append(Span(middle, end))
            end = middle
        else:
            spans.append(Span(start, middle))
            start = middle
    if start > 0:  # at 0 it is the first tree itself, whose root the verifier has
        spans.append(Span(start, end))
    return spans[::-1]


def root_from_inclusion(leaf_data: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """The root that an inclusion proof leads to. Raises ValueError where it cannot be one for this index and size."""
    spans = inclusion_spans(index, size)
    if len(path) != len(spans):
        raise ValueError(f"the path has {len(path)} hashes, not {len(spans)}")
    node = leaf_hash(leaf_data)
    for span, sibling in zip(spans, path, strict=True):
        node = node_hash(sibling, node) if span.end <= index else node_hash(node, sibling)
    return node


def check_consistency(first: int, second: int, first_root: bytes, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether a consistency proof shows that the tree of `second` leaves begins with the tree of `first`."""
    if not 0 < first <= second:
        return False
    spans = consistency_spans(first, second)
    if len(path) != len(spans):
        return False
    siblings = list(zip(spans, path, strict=True))
    # The lowest subtree that ends where the first tree does: the first tree itself, or the proof brings it.
    is_brought = bool(spans) and spans[0].end == first
    older = newer = path[0] if is_brought else first_root
    for span, sibling in siblings[is_brought:]:
        if span.end < first:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
        else:
            newer = node_hash(newer, sibling)
    return older == first_root and newer == second_root


def _left_part(size: int) -> int:
    """The largest power of two below `size`: so many leaves lie left of the root."""
    return 1 << ((size - 1).bit_length() - 1)
