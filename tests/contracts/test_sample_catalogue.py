"""What the sample catalogue promises to whoever looks around in it."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from app.catalog import sample
from app.catalog.importing import import_products
from app.catalog.products import Catalogue, Search
from app.database import Database


@pytest.fixture(scope="module")
def products() -> list[dict[str, Any]]:
    return [json.loads(line) for line in sample.lines()]


def test_it_is_a_shop_of_some_size(products: list[dict[str, Any]]) -> None:
    assert len(products) >= 220
    assert len({product["category"] for product in products}) >= 10
    assert len({product["brand"] for product in products}) >= 30
    assert min(Counter(product["category"] for product in products).values()) >= 10


def test_every_product_is_its_own(products: list[dict[str, Any]]) -> None:
    for field in ("sku", "name", "description"):
        assert [value for value, count in Counter(product[field] for product in products).items() if count > 1] == []


def test_prices_are_those_of_an_indian_shop(products: list[dict[str, Any]]) -> None:
    prices = [product["price"] for product in products]
    assert all(99_00 <= price <= 1_50_000_00 for price in prices)
    assert prices.count(500_00) >= 3
    assert prices.count(100_00) >= 3


def test_descriptions_say_something(products: list[dict[str, Any]]) -> None:
    assert all(60 <= len(product["description"]) <= 300 for product in products)


def test_all_of_it_can_be_imported_in_any_currency_and_again(
    database: Database, products: list[dict[str, Any]]
) -> None:
    first = import_products(database, sample.lines(), "INR")
    assert (first.created, first.updated, first.rejected) == (len(products), 0, [])
    again = import_products(database, sample.lines(), "EUR")
    assert (again.created, again.updated, again.rejected) == (0, len(products), [])


@pytest.mark.parametrize("q", ["water bottle", "steel bottle", "botle", "wter bottle"])
def test_the_bottle_for_exactly_500_rupees_is_found_at_once(database: Database, q: str) -> None:
    import_products(database, sample.lines(), "INR")
    first = json.loads(Catalogue(database).search(Search(q=q)).items_json)[0]
    assert (first["name"], first["price"], first["currency"]) == ("Steel Water Bottle 1 L", 50000, "INR")
