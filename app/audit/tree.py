"""The sealed tree: the table `tree`, which holds the Merkle tree over the log so that a proof reads a few rows of it.

A tile is a row of up to 256 hashes. On level 0 they are the events' own, with their positions; on each level above, the
roots of the full tiles below. It is a copy: the log is the truth, and the checkpoints' roots are what it must lead to.
Only a seal may grow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

from app.audit import AuditError, merkle
from app.audit.merkle import Frontier, Span, Subtree
from app.database import Cursor, Database

HEIGHT = 8
"""Of the subtree that a full tile is."""

TILE = 1 << HEIGHT
"""Hashes a row: 8 kB, of which a proof reads one or two a level, and a million events need three levels."""

HASH_BYTES = 32

T = TypeVar("T")

Leaf = tuple[int, bytes]
"""An event's position and its hash."""


class Place(NamedTuple):
    """Where the hashes that a complete subtree is made of stand: in one tile, from `start` up to `end`."""

    level: int
    tile: int
    start: int
    end: int


class BrokenTree(AuditError):
    """Rows of the tree are gone or maimed: the database was changed by hand."""


class SealedTree:
    """The table `tree`. Given a `cursor`, a read sees what that transaction sees."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def leaves(self, cursor: Cursor, first_index: int, count: int) -> list[Leaf]:
        """Position and event hash of up to `count` leaves from `first_index` on, as far as the tree has them."""
        first_tile, start = divmod(first_index, TILE)
        tiles = self._read(
            "SELECT tile, hashes, positions FROM tree WHERE level = 0 AND tile BETWEEN %s AND %s ORDER BY tile",
            (first_tile, (first_index + count - 1) // TILE),
            cursor,
        )
        if [tile for tile, _, _ in tiles] != list(range(first_tile, first_tile + len(tiles))):
            raise BrokenTree(f"the tree has no row for some of the leaves from {first_index} on")
        return [leaf for _, hashes, positions in tiles for leaf in _leaves_of(hashes, positions)][start : start + count]

    def frontier(self, size: int, cursor: Cursor | None = None) -> Frontier:
        """The right edge of the tree over the first `size` leaves. Raises BrokenTree."""
        return Frontier(size, self._roots(list(merkle.subtrees(Span(0, size))), cursor))

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The proof that leaf `index` is in the tree over the first `size`. Raises BrokenTree."""
        return self._span_roots(merkle.inclusion_spans(index, size))

    def consistency(self, first: int, second: int) -> list[bytes]:
        """The proof that the tree over the first `second` leaves begins with that over `first`. Raises BrokenTree."""
        return self._span_roots(merkle.consistency_spans(first, second))

    def index_of(self, position: int) -> int | None:
        """Which leaf the event at `position` is; None where it was not sealed. Reads a row for each halving."""
        low, high = 0, max(0, position - 1) // TILE  # positions have gaps, so a leaf never lies beyond its position
        while low < high:
            middle = (low + high + 1) // 2
            first = self._read("SELECT positions[1] FROM tree WHERE level = 0 AND tile = %s", (middle,))
            if first and first[0][0] <= position:
                low = middle
            else:
                high = middle - 1
        tile = self._read("SELECT positions FROM tree WHERE level = 0 AND tile = %s", (low,))
        positions = tile[0][0] if tile else []
        return low * TILE + positions.index(position) if position in positions else None

    def check(self, cursor: Cursor, size: int) -> None:
        """Raise BrokenTree unless it has `size` leaves, and above them just the roots of the full tiles below."""
        cursor.execute("SELECT coalesce(sum(octet_length(hashes)), 0) FROM tree WHERE level = 0")
        ((has_bytes,),) = cursor.fetchall()
        if has_bytes != size * HASH_BYTES:
            raise BrokenTree(f"the sealed tree has {has_bytes / HASH_BYTES:g} leaves, and {size} were sealed")
        level, nodes = 0, size
        while nodes:
            cursor.execute("SELECT count(*), coalesce(max(tile), -1) FROM tree WHERE level = %s", (level,))
            tiles = -(-nodes // TILE)
            if cursor.fetchall() != [(tiles, tiles - 1)]:
                raise BrokenTree(f"the sealed tree has not just the {tiles} rows of level {level}")
            nodes //= TILE
            for tile in range(-(-nodes // TILE)):
                self._check_tile(cursor, level + 1, tile)
            level += 1
        if self._read("SELECT 1 FROM tree WHERE level >= %s LIMIT 1", (level,), cursor):
            raise BrokenTree(f"the sealed tree has rows above level {level - 1}, where there is nothing to hold")

    def _check_tile(self, cursor: Cursor, level: int, tile: int) -> None:
        below = self._read(
            "SELECT hashes FROM tree WHERE level = %s AND tile BETWEEN %s AND %s AND octet_length(hashes) = %s"
            " ORDER BY tile",
            (level - 1, tile * TILE, tile * TILE + TILE - 1, TILE * HASH_BYTES),
            cursor,
        )
        expected = b"".join(_root(level - 1, _split(hashes)) for (hashes,) in below)
        found = self._read("SELECT hashes FROM tree WHERE level = %s AND tile = %s", (level, tile), cursor)
        if [bytes(hashes) for (hashes,) in found] != [expected]:
            raise BrokenTree(f"row {tile} of level {level} of the sealed tree is not what the rows below lead to")

    def extend(self, cursor: Cursor, size: int, leaves: Sequence[Leaf]) -> None:
        """Put `leaves` after the first `size`, in the caller's transaction; what stood behind those is replaced.

        Raises BrokenTree.
        """
        first, present = divmod(size, TILE)
        begun = self.leaves(cursor, first * TILE, present)
        if len(begun) != present:
            raise BrokenTree(f"the tree has {first * TILE + len(begun)} leaves, not {size}")
        chunks = list(_chunks([*begun, *leaves]))
        for tile, chunk in enumerate(chunks, first):
            _write(cursor, 0, tile, [digest for _, digest in chunk], [position for position, _ in chunk])
        full = [[digest for _, digest in chunk] for chunk in chunks if len(chunk) == TILE]
        self._extend_above(cursor, 1, first, [_root(0, hashes) for hashes in full])

    def _extend_above(self, cursor: Cursor, level: int, size: int, nodes: Sequence[bytes]) -> None:
        """Put `nodes`, roots of full tiles below, after the first `size` of this level, and so on upwards."""
        if not nodes:
            return
        first, present = divmod(size, TILE)
        begun = self._hashes([Place(level, first, 0, present)], cursor)[0] if present else []
        chunks = list(_chunks([*begun, *nodes]))
        for tile, chunk in enumerate(chunks, first):
            _write(cursor, level, tile, chunk, None)
        full = [_root(level, chunk) for chunk in chunks if len(chunk) == TILE]
        self._extend_above(cursor, level + 1, first, full)

    def _span_roots(self, spans: Sequence[Span]) -> list[bytes]:
        """The root of each span, all from one read."""
        parts = [list(merkle.subtrees(span)) for span in spans]
        roots = iter(self._roots([subtree for part in parts for subtree in part]))
        return [merkle.root_of([next(roots) for _ in part]) for part in parts]

    def _roots(self, subtrees: Sequence[Subtree], cursor: Cursor | None = None) -> list[bytes]:
        places = [_place(subtree) for subtree in subtrees]
        hashes = self._hashes(places, cursor)
        return [_root(place.level, found) for place, found in zip(places, hashes, strict=True)]

    def _hashes(self, places: Sequence[Place], cursor: Cursor | None) -> list[list[bytes]]:
        """What stands at each place, all from one read."""
        if not places:
            return []
        keys = tuple({(place.level, place.tile) for place in places})
        rows = self._read("SELECT level, tile, hashes FROM tree WHERE (level, tile) IN %s", (keys,), cursor)
        tiles = {(level, tile): _split(hashes) for level, tile, hashes in rows}
        found = [tiles.get((p.level, p.tile), [])[p.start : p.end] for p in places]
        for place, hashes in zip(places, found, strict=True):
            if len(hashes) != place.end - place.start:
                raise BrokenTree(f"the tree lacks hashes of tile {place.tile} on level {place.level}")
        return found

    def _read(self, sql: str, parameters: Sequence[Any], cursor: Cursor | None = None) -> list[tuple[Any, ...]]:
        if cursor is None:
            return self._database.rows(sql, parameters)
        cursor.execute(sql, parameters)
        return cursor.fetchall()


def _place(subtree: Subtree) -> Place:
    level, within = divmod(subtree.height, HEIGHT)
    tile, start = divmod(subtree.nth << within, TILE)
    return Place(level, tile, start, start + (1 << within))


def _root(level: int, hashes: Sequence[bytes]) -> bytes:
    """The root of the complete subtree over some of a tile's hashes; those of level 0 are no nodes yet."""
    return merkle.complete_root([merkle.leaf_hash(digest) for digest in hashes] if level == 0 else hashes)


def _chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    return (items[start : start + TILE] for start in range(0, len(items), TILE))


def _split(hashes: memoryview) -> list[bytes]:
    if len(hashes) % HASH_BYTES:
        raise BrokenTree(f"a row of the tree has {len(hashes)} bytes, which are no hashes")
    return [bytes(hashes[start : start + HASH_BYTES]) for start in range(0, len(hashes), HASH_BYTES)]


def _leaves_of(hashes: memoryview, positions: Sequence[int] | None) -> list[Leaf]:
    digests = _split(hashes)
    if positions is None or len(positions) != len(digests):
        raise BrokenTree("a row of the tree has not as many positions as hashes")
    return list(zip(positions, digests, strict=True))


def _write(cursor: Cursor, level: int, tile: int, hashes: Sequence[bytes], positions: list[int] | None) -> None:
    cursor.execute(
        "INSERT INTO tree (level, tile, hashes, positions) VALUES (%s, %s, %s, %s::bigint[])"
        " ON CONFLICT (level, tile) DO UPDATE SET hashes = excluded.hashes, positions = excluded.positions",
        (level, tile, b"".join(hashes), positions),
    )
