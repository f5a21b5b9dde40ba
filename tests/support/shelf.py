"""Shelves of products for tests of the catalogue, and ways to read their pages."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from app.catalog.importing import import_products
from app.catalog.products import Catalogue, Page, Search
from app.database import Database

Item = dict[str, Any]

SHELF = [
    {"name": "Wireless Headphones", "brand": "Samsung", "category": "Audio", "price": 300},
    {"name": "Steel Water Bottle", "brand": "Rasoi", "category": "Kitchen", "price": 500},
    {"name": "Glass Bottle", "brand": "Kansa", "category": "Kitchen", "price": 200},
    {"name": "Headphone Stand", "brand": "Kansa", "category": "Audio", "price": 150},
    {"name": "Running Shoes", "brand": "Podium", "category": "Footwear", "price": 900, "description": "Wireless? No."},
]


def load(database: Database, *products: Item) -> None:
    """Import products; what is left out does not matter."""
    lines = (
        json.dumps({"sku": f"S{n}", "brand": "Acme", "category": "Things", "price": 100} | product).encode()
        for n, product in enumerate(products)
    )
    assert import_products(database, lines, "INR").created == len(products)


def items(page: Page) -> list[Item]:
    found: list[Item] = json.loads(page.items_json)
    return found


def names(page: Page) -> list[str]:
    return [item["name"] for item in items(page)]


def walk(turn: Callable[[Any], Page]) -> Iterator[Item]:
    """Every item of a list, page by page, with each key sent through JSON as a cursor does."""
    after = None
    for _ in range(1000):
        page = turn(after)
        yield from items(page)
        if page.next is None:
            return
        after = json.loads(json.dumps(page.next))
    raise AssertionError("the list has no end")


def results(catalogue: Catalogue, search: Search) -> Callable[[Any], Page]:
    """The pages of a search, each by the key that it comes after."""
    return lambda after: catalogue.search(replace(search, after=after))


def many(count: int) -> list[Item]:
    """Products with many ties in name and price, as in a shop whose prices end in 99."""
    chance = random.Random(5)
    return [
        {
            "name": chance.choice(["Lamp", "lamp", "Desk Lamp", "Lamp, Ümlaut", "Tall Lamp"]),
            "price": chance.choice([0, 9900, 49900, 99900]),
            "brand": chance.choice(["Acme", "Ajax"]),
            "category": chance.choice(["Light", "Home & Living"]),
            "description": chance.choice(["", "A lamp.", "Not bad, for a lamp lamp lamp."]),
            "active": chance.random() > 0.1,
        }
        for _ in range(count)
    ]
