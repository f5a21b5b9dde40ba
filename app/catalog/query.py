"""What may be asked of the catalogue, checked, and the SQL that asks it.

Nothing here talks to the database, and no text of a client ever becomes SQL: it travels as a parameter.
Lists go on by keyset, never by counting rows to skip: the last page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.catalog.words import Match

MAX_BIGINT = 2**63 - 1
MAX_Q = 1000
FACETS = ("category", "brand")
# So many products are gone through in 0.2 ms. Where more have the first words of a text, finding that out was in vain:
# 1.3 ms for a word in a tenth of 100,000 products.
MANY = 200

# A product's fields, in the order of an item, and the SQL of each one's JSON.
FIELDS: dict[str, str] = {
    "id": "id::text",
    "sku": "json_text(sku)",
    "name": "json_text(name)",
    "brand": "json_text(brand)",
    "category": "json_text(category)",
    "price": "price_minor::text",
    "currency": "json_text(currency)",
    "image_url": "json_text(image_url)",
    "description": "json_text(description)",
}

# What those may ask for besides who keep the catalogue.
KEPT = FIELDS | {"active": "active::text"}


@dataclass(frozen=True)
class Order:
    """A sort: the columns that it goes by, unique together, and the types of their values."""

    columns: tuple[str, ...]
    types: tuple[type, ...]
    is_descending: bool = False


SORTS: dict[str, Order] = {
    "relevance": Order(("score", "id"), (int, int), is_descending=True),
    "price": Order(("price_minor", "id"), (int, int)),
    "-price": Order(("price_minor", "id"), (int, int), is_descending=True),
    "name": Order(("name", "id"), (str, int)),
    "newest": Order(("id",), (int,), is_descending=True),
}
BY_ID = Order(("id",), (int,))


@dataclass(frozen=True)
class Search:
    """One search. Raises ValueError for what cannot be asked.

    `sort` None is by relevance where there is text to be relevant to, else newest first; `relevance` without text is
    newest first, too. `after` is the `next` of the page before. Prices are in minor units, bounds included.
    `active` False finds what is no longer sold, None finds both.
    """

    q: str = ""
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    min_price: int | None = None
    max_price: int | None = None
    sort: str | None = None
    limit: int = 20
    after: Sequence[Any] | None = None
    fields: tuple[str, ...] | None = None
    facets: bool = False
    active: bool | None = True

    def __post_init__(self) -> None:
        if len(self.q) > MAX_Q or not all(map(is_text, (self.q, *self.categories, *self.brands))):
            raise ValueError("not a text to search for")
        if self.sort is not None and self.sort not in SORTS:
            raise ValueError("unknown sort")
        if not all(is_value(price, int) for price in (self.min_price, self.max_price) if price is not None):
            raise ValueError("not a price")
        item_sql(self.fields)
        if self.after is not None:
            checked_key(self.after, (int, *self.order.types))

    @property
    def text(self) -> str:
        """The words to find; empty where there are none."""
        return self.q.strip()

    @property
    def order(self) -> Order:
        """The sort that applies."""
        if self.sort in (None, "relevance"):
            return SORTS["relevance" if self.text else "newest"]
        return SORTS[self.sort or "newest"]


def is_text(value: str) -> bool:
    """Whether PostgreSQL can hold it: no NUL and no lone surrogate."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)


def is_value(value: object, kind: type) -> bool:
    """Whether a value is of a column's type and fits into it."""
    if kind is int:
        return type(value) is int and -MAX_BIGINT <= value <= MAX_BIGINT
    return isinstance(value, str) and is_text(value)


def checked_key(after: Sequence[Any], types: tuple[type, ...]) -> tuple[Any, ...]:
    """A keyset with the values that its list goes by. Raises ValueError for any other shape."""
    if not isinstance(after, list | tuple) or len(after) != len(types):
        raise ValueError("not a key of this list")
    if not all(map(is_value, after, types)):
        raise ValueError("not a key of this list")
    return tuple(after)


def item_sql(fields: tuple[str, ...] | None) -> str:
    """The SQL of an item's JSON: what was rendered at the import, or the fields asked for. Raises ValueError."""
    if fields is None:
        return "item"
    if not fields or not set(fields) <= KEPT.keys():
        raise ValueError("unknown field")
    members = (f"'\"{name}\":' || {sql}" for name, sql in KEPT.items() if name in fields)
    return "'{' || " + " || ',' || ".join(members) + " || '}'"


def listing(
    fields: tuple[str, ...] | None, order: Order, conditions: list[str], *, after: bool, source: str = "products"
) -> str:
    """A statement for one page: the item's JSON, then the values of the order. Parameters: after0…, limit."""
    columns = ", ".join(order.columns)
    if after:
        start = ", ".join(f"%(after{n})s" for n in range(len(order.columns)))
        conditions = [*conditions, f"({columns}) {'<' if order.is_descending else '>'} ({start})"]
    direction = ", ".join(f"{column} {'DESC' if order.is_descending else 'ASC'}" for column in order.columns)
    return (
        f"SELECT {item_sql(fields)}, {columns} FROM {source}"
        f" WHERE {' AND '.join(conditions)} ORDER BY {direction} LIMIT %(limit)s"
    )


def matching(search: Search, match: Match | None) -> str:
    """The statement for one page of a search."""
    source = "products"
    if match is not None:
        source = f"(SELECT products.*, {_score(match)} AS score FROM {_candidates(match)}) AS products"
    conditions = [*_conditions(search, match), *_selections(search).values()]
    return listing(search.fields, search.order, conditions, after=search.after is not None, source=source)


def counting(search: Search, match: Match | None) -> str:
    """The statement for the facets: (facet, value, count), the most frequent first.

    Each facet counts the result as everything but its own selection filters it, so that a shopper who chose one
    brand still sees what the others would give.
    """
    chosen = _selections(search)
    # The products are gone through once for both facets. Where both are chosen, each selection has an index:
    # UNION, which drops what both find, is then quicker than OR.
    passes = chosen.values() if len(chosen) == len(FACETS) else ["true"]
    grouped = (
        f"SELECT category, brand, count(*) AS products FROM products"
        f" WHERE {' AND '.join([*_conditions(search, match), selection])} GROUP BY category, brand"
        for selection in passes
    )
    counts = (
        f"SELECT '{facet}', {facet}, sum(products)::bigint FROM counted"
        f" WHERE {' AND '.join(['true', *(sql for other, sql in chosen.items() if other != facet)])} GROUP BY {facet}"
        for facet in FACETS
    )
    return f"WITH counted AS ({' UNION '.join(grouped)}) {' UNION ALL '.join(counts)} ORDER BY 1, 3 DESC, 2"


def parameters(search: Search, match: Match | None) -> dict[str, Any]:
    """What the statements of a search refer to, but `limit`."""
    values = {f"after{n}": value for n, value in enumerate((search.after or (0,))[1:])}
    return {
        "categories": list(search.categories),
        "brands": list(search.brands),
        "min_price": search.min_price,
        "max_price": search.max_price,
        **values,
        **(match.parameters if match else {}),
    }


_SOLD = {True: "active", False: "NOT active", None: "true"}


def _score(match: Match) -> str:
    """What is exact comes before anything that merely begins alike or is spelt alike: by the flag 32 a rank is below 1.

    Whole numbers, because a float would not come back from a cursor as the same float.
    """

    def rank(tsquery: str) -> str:
        return f"(ts_rank(document, {tsquery}, 32) * 1000000)::int"

    return f"CASE WHEN document @@ {match.exact} THEN 1000000 + {rank(match.exact)} ELSE {rank(match.sql)} END"


def _candidates(match: Match) -> str:
    """The products to look for a match in: all, or the few with its head.

    For the beginning of a word the index gathers every product with a word that begins so, 10,000 for a common one,
    before it looks at the other words. A few products with those are gone through sooner (0.3 ms in place of 1 to 2).
    """
    if not match.head:
        return "products"
    # What has stop words alone is an empty tsquery: it asks for nothing, but matches nothing, either.
    return (
        f"(WITH headed AS MATERIALIZED (SELECT * FROM products WHERE document @@ {match.head} LIMIT {MANY}),"
        f" judged AS MATERIALIZED (SELECT numnode({match.head}) > 0 AND count(*) < {MANY} AS are_few FROM headed)"
        " SELECT * FROM headed WHERE (SELECT are_few FROM judged)"
        " UNION ALL SELECT * FROM products WHERE NOT (SELECT are_few FROM judged)) AS products"
    )


def _selections(search: Search) -> dict[str, str]:
    """What was chosen of the facets, by facet."""
    chosen = {"category": (search.categories, "%(categories)s"), "brand": (search.brands, "%(brands)s")}
    return {facet: f"{facet} = ANY({name})" for facet, (values, name) in chosen.items() if values}


def _conditions(search: Search, match: Match | None) -> list[str]:
    """What a product must be, whatever was chosen of the facets."""
    conditions = [_SOLD[search.active]]
    if match is not None:
        conditions.append(f"document @@ {match.sql}")
        if match.gate:
            # Misspelt words are in no product: 0.1 ms for "hedphones lamp" in 100,000 products, 0.9 without this.
            conditions.append(
                f"(numnode({match.gate}) = 0 OR EXISTS (SELECT FROM products WHERE document @@ {match.gate}))"
            )
    if search.min_price is not None:
        conditions.append("price_minor >= %(min_price)s")
    if search.max_price is not None:
        conditions.append("price_minor <= %(max_price)s")
    return conditions
