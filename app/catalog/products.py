"""Reading the catalogue: a page of it, one product, a search.

It gives JSON that is ready to be sent where that is quicker, and shows active products alone but to those who keep the
catalogue. It never writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.catalog import query, words
from app.catalog.query import FIELDS, KEPT, MAX_BIGINT, SORTS, Search, is_text
from app.catalog.words import Match
from app.database import Database

__all__ = ["FIELDS", "KEPT", "SORTS", "Catalogue", "Page", "Search"]

# A search that finds fewer than this looks for words spelt alike, too. More, and the spelling was right.
FEW = 3

FIND = """
SELECT id, sku, name, brand, category, price_minor, currency, image_url, description
FROM products WHERE active AND id = %s
"""

KEEP = """
SELECT id, sku, name, brand, category, price_minor, currency, image_url, description, active
FROM products WHERE sku = %s
"""


@dataclass(frozen=True)
class Page:
    """`items_json` is a JSON array as text; `next` the key that the next page goes on from, or None at the end."""

    items_json: str
    next: tuple[Any, ...] | None
    facets: dict[str, dict[str, int]] | None = None


class Catalogue:
    """The products on sale; others only where they are asked for."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def page(self, limit: int, after: Sequence[Any] | None = None, fields: tuple[str, ...] | None = None) -> Page:
        """Up to `limit` products in order of id, past the key `after`. Raises ValueError for a key or field amiss."""
        parameters: dict[str, Any] = {"limit": limit + 1}
        if after is not None:
            (parameters["after0"],) = query.checked_key(after, query.BY_ID.types)
        sql = query.listing(fields, query.BY_ID, ["active"], after=after is not None)
        return _page(self._database.rows(sql, parameters), limit)

    def find(self, product_id: int) -> dict[str, Any] | None:
        """One product with its description, or None for one that is not on sale."""
        if not 0 < product_id <= MAX_BIGINT:
            return None
        row = self._database.row(FIND, (product_id,))
        return None if row is None else dict(zip(FIELDS, row, strict=True))

    def kept(self, sku: str) -> dict[str, Any] | None:
        """One product with all that is kept of it, sold or not, or None where there is none of this sku."""
        row = self._database.row(KEEP, (sku,)) if is_text(sku) else None
        return None if row is None else dict(zip(KEPT, row, strict=True))

    def search(self, search: Search) -> Page:
        """A page of what was searched for, with facets if asked for.

        Without a text all products match; a text without any word (punctuation, emoji) matches none.
        The first value of `next` says whether the search was widened to words spelt alike, so that the next page
        goes on in the same result.
        """
        is_wide, match, rows = self._matched(search)
        facets = self._facets(search, match) if search.facets else None
        return _page(rows, search.limit, (int(is_wide),), facets)

    def _matched(self, search: Search) -> tuple[bool, Match | None, list[tuple[Any, ...]]]:
        """Whether the result is the widened one, what matches, and the rows of the page with some to spare."""
        if not search.text:
            return False, None, self._rows(search, None)
        goes_on_wide = bool(search.after and search.after[0])
        match = words.literal(search.text)
        rows = [] if goes_on_wide else self._rows(search, match)
        if goes_on_wide or (search.after is None and len(rows) < FEW):
            wide = words.widened(self._database, search.text)
            if wide is not None:
                return True, wide, self._rows(search, wide)
        return False, match, rows

    def _rows(self, search: Search, match: Match | None) -> list[tuple[Any, ...]]:
        parameters = query.parameters(search, match) | {"limit": max(search.limit + 1, FEW)}
        return self._database.rows(query.matching(search, match), parameters)

    def _facets(self, search: Search, match: Match | None) -> dict[str, dict[str, int]]:
        facets: dict[str, dict[str, int]] = {facet: {} for facet in query.FACETS}
        for facet, value, count in self._database.rows(query.counting(search, match), query.parameters(search, match)):
            facets[facet][value] = count
        return facets


def _page(
    rows: list[tuple[Any, ...]],
    limit: int,
    mark: tuple[int, ...] = (),
    facets: dict[str, dict[str, int]] | None = None,
) -> Page:
    """The first `limit` rows; where there are more, the key of the last one shown is `next`."""
    shown = rows[:limit]
    next_key = (*mark, *shown[-1][1:]) if len(rows) > limit else None
    return Page("[" + ",".join([row[0] for row in shown]) + "]", next_key, facets)
