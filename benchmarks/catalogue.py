"""A catalogue of any size, always the same: names of made-up words, categories, brands, prices.

Words are many and of uneven use, as in a real shop, so that a misspelt one has neighbours to be told from.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from contextlib import closing
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

import msgspec

from app.catalog.importing import import_products
from app.database import Database

CURRENCY = "INR"
SEED = 20260102
WORDS, BRANDS, CATEGORIES = 16_000, 50, 20
NOUNS = ("Bottle", "Lamp", "Kettle", "Bedsheet", "Headphones", "Backpack", "Notebook", "Trousers", "Blender", "Carpet")
_ONSETS, _VOWELS, _CODAS = "bdfghjklmnprstvz", "aeiou", ("", "", "n", "r", "l", "sh")


@lru_cache(maxsize=1)
def words() -> list[str]:
    """Made-up words of three or four syllables."""
    chance = random.Random(SEED)
    made: dict[str, None] = {}
    while len(made) < WORDS:
        made[_word(chance)] = None
    return list(made)


def _word(chance: random.Random) -> str:
    syllables = (
        chance.choice(_ONSETS) + chance.choice(_VOWELS) + chance.choice(_CODAS) for _ in range(chance.choice((3, 3, 4)))
    )
    return "".join(syllables)


def products(count: int) -> Iterator[dict[str, Any]]:
    """So many products, as an import takes them."""
    chance, known = random.Random(SEED), words()
    for number in range(count):
        # Few words are in many names, and most in few.
        first, second = (known[int(WORDS * chance.random() ** 2)].capitalize() for _ in range(2))
        noun = chance.choice(NOUNS)
        yield {
            "sku": f"SKU-{number:08}",
            "name": f"{first} {second} {noun}",
            "brand": f"Brand {chance.randrange(BRANDS)}",
            "category": f"Category {chance.randrange(CATEGORIES)}",
            "price": chance.randrange(10, 5000) * 100,
            "currency": CURRENCY,
            "image_url": f"/images/{number}.webp",
            "description": f"A {noun.lower()} by the name of {first}: {' '.join(chance.choices(known, k=12))}.",
        }


def fill(owner_url: str, count: int) -> None:
    """Import the catalogue into the house's database. Raises RuntimeError where a product was refused."""
    with closing(Database(owner_url, pool_size=1)) as owner:
        report = import_products(owner, map(msgspec.json.encode, products(count)), CURRENCY)
        if report.created != count:
            raise RuntimeError(f"{count - report.created} products were refused: {report.rejected[:3]}")
        owner.execute("ANALYZE products")


def filters(count: int, wanted: int) -> list[str]:
    """Paths of searches by category, brand and price, each around a product that there is."""
    return [
        f"/products/search?{urlencode(_around(product))}"
        for product in random.Random(SEED).sample(_some(count), wanted)
    ]


def _around(product: dict[str, Any]) -> dict[str, Any]:
    band = {"min_price": product["price"] // 2, "max_price": product["price"] * 3 // 2}
    return {"category": product["category"], "brand": product["brand"], **band}


def misspelt(count: int, wanted: int) -> list[tuple[str, str]]:
    """Paths of searches with a slip in them, and the word that was meant: half by that word alone, half with a noun."""
    chance = random.Random(SEED)
    asked = []
    for number, product in enumerate(chance.sample(_some(count), wanted)):
        first, _, noun = product["name"].split()
        typed = _slip(chance, first)
        asked.append((f"/products/search?{urlencode({'q': f'{typed} {noun}' if number % 2 else typed})}", first))
    return asked


def _slip(chance: random.Random, word: str) -> str:
    """Two letters changed round, or one left out; never the first, which people get right."""
    at = chance.randrange(2, len(word) - 1)
    if chance.random() < 0.5 and word[at] != word[at - 1]:
        return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    return word[:at] + word[at + 1 :]


def _some(count: int) -> list[dict[str, Any]]:
    return list(products(min(count, 5000)))


def rows(count: int) -> Iterable[tuple[Any, ...]]:
    """The products as rows for a rival: sku, name, brand, category, price, currency, image_url."""
    columns = ("sku", "name", "brand", "category", "price", "currency", "image_url")
    return (tuple(product[column] for column in columns) for product in products(count))
