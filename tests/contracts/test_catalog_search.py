"""Reading the catalogue: every order visits every product once, filters and facets agree, no key is taken amiss."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from app.catalog import query
from app.catalog.importing import import_products
from app.catalog.products import FIELDS, KEPT, SORTS, Catalogue, Search
from app.database import Database
from tests.support.shelf import SHELF, Item, items, load, many, names, results, walk

ORDERINGS: dict[str, Callable[[Item], Any]] = {
    "price": lambda item: (item["price"], item["id"]),
    "-price": lambda item: (-item["price"], -item["id"]),
    "newest": lambda item: -item["id"],
}


@pytest.mark.parametrize(("q", "sort"), list(itertools.product(["", "lam"], SORTS)))
def test_every_sort_visits_every_product_once_and_in_order(
    database: Database, catalogue: Catalogue, q: str, sort: str
) -> None:
    load(database, *many(60))
    active = {row[0] for row in database.rows("SELECT id FROM products WHERE active")}
    by_name = [row[0] for row in database.rows("SELECT id FROM products WHERE active ORDER BY name, id")]
    orders = []
    for limit in (1, 2, 7, 100):
        search = Search(q=q, sort=sort, limit=limit)
        seen = list(walk(results(catalogue, search)))
        assert len(seen) == len(active) < 60
        assert {item["id"] for item in seen} == active
        orders.append([item["id"] for item in seen])
        if sort in ORDERINGS:
            assert seen == sorted(seen, key=ORDERINGS[sort])
    assert all(order == orders[0] for order in orders)
    assert sort != "name" or orders[0] == by_name


def test_the_list_visits_every_product_once_in_order_of_id(database: Database, catalogue: Catalogue) -> None:
    load(database, *many(60))
    in_order = [row[0] for row in database.rows("SELECT id FROM products WHERE active ORDER BY id")]
    for limit in (1, 7, 100):
        seen = walk(partial(catalogue.page, limit))
        assert [item["id"] for item in seen] == in_order


def test_a_product_that_arrives_meanwhile_moves_no_other_to_another_page(
    database: Database, catalogue: Catalogue
) -> None:
    load(database, *({"name": f"Cup {n}", "price": n} for n in range(10)))
    first = catalogue.search(Search(sort="price", limit=5))
    line = b'{"sku": "new", "name": "Cup", "brand": "B", "category": "C", "price": 0}'
    import_products(database, [line], "INR")
    second = catalogue.search(Search(sort="price", limit=5, after=first.next))
    assert names(first) + names(second) == [f"Cup {n}" for n in range(10)]


def test_the_default_sort_is_relevance_with_text_and_newest_without(database: Database, catalogue: Catalogue) -> None:
    load(database, {"name": "Pen"}, {"name": "Box", "description": "For a pen."})
    assert names(catalogue.search(Search())) == ["Box", "Pen"]
    assert names(catalogue.search(Search(q="  "))) == ["Box", "Pen"]
    assert names(catalogue.search(Search(q="pen"))) == ["Pen", "Box"]


@pytest.mark.parametrize("sort", [sort for sort in SORTS if sort != "relevance"])
def test_the_last_page_reads_no_more_rows_than_the_first(
    database: Database, owner: Database, catalogue: Catalogue, sort: str
) -> None:
    load(database, *({"name": f"Cup {n % 700:03}", "price": n % 900} for n in range(3000)))
    owner.execute("ANALYZE products")
    rows = list(walk(results(catalogue, Search(sort=sort, limit=100))))
    last = rows[-21]
    key = {"price": [last["price"]], "-price": [last["price"]], "name": [last["name"]], "newest": []}[sort]
    first, end = Search(sort=sort), Search(sort=sort, after=(0, *key, last["id"]))
    assert len(items(catalogue.search(end))) == 20
    assert _rows_read(database, end) <= _rows_read(database, first) == first.limit + 1


def _rows_read(database: Database, search: Search) -> int:
    """How many rows the scan of a search's plan touches; fails where it is no index scan."""
    sql = query.matching(search, None)
    assert "OFFSET" not in sql.upper()
    parameters = query.parameters(search, None) | {"limit": search.limit + 1}
    (plan,) = database.row(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", parameters) or ([],)
    node = plan[0]["Plan"]
    while "Plans" in node:
        (node,) = node["Plans"]
    assert node["Node Type"].endswith("Index Scan")
    return int(node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"q": "a\0b"},
        {"q": "\ud800"},
        {"q": "x" * 1001},
        {"categories": ("\0",)},
        {"brands": ("\udfff",)},
        {"sort": "id; DROP TABLE products"},
        {"sort": ""},
        {"min_price": 2**63},
        {"max_price": True},
        {"fields": ("price_minor",)},
        {"fields": ()},
        *(
            {"sort": "price", "after": key}
            for key in (
                (), (0,), (0, 1), (0, 1, 2, 3), (0, "1", 2), (0, 1.0, 2), (0, 1, True), (0, 1, 2**63), (None, 1, 2),
                "012", {0: 1, 1: 2, 2: 3},
            )
        ),
        {"sort": "name", "after": (0, 5, 5)},
        {"sort": "name", "after": (0, "a\0", 5)},
        {"sort": "relevance", "after": (0, 1, 2)},
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_asked_is_a_value_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Search(**wrong)


@pytest.mark.parametrize("after", [(), ("1",), (1, 2), (2**63,), (True,), (None,), "1", 1])
def test_a_key_of_another_shape_is_no_key_of_the_list(catalogue: Catalogue, after: Any) -> None:
    with pytest.raises(ValueError):
        catalogue.page(10, after)


def test_filters_are_or_within_and_and_between_with_both_bounds_included(
    database: Database, catalogue: Catalogue
) -> None:
    load(database, *SHELF)

    def found(**filters: Any) -> set[str]:
        return set(names(catalogue.search(Search(**filters))))

    assert found(categories=("Audio", "Footwear")) == {"Wireless Headphones", "Headphone Stand", "Running Shoes"}
    assert found(categories=("Audio", "Kitchen"), brands=("Kansa",)) == {"Glass Bottle", "Headphone Stand"}
    assert found(min_price=200, max_price=500) == {"Wireless Headphones", "Steel Water Bottle", "Glass Bottle"}
    assert found(q="bottle", max_price=200) == {"Glass Bottle"}
    assert found(min_price=501, max_price=500) == set()
    assert found(categories=("audio",)) == set()


def test_facets_count_the_whole_result_and_each_ignores_its_own_selection(
    database: Database, catalogue: Catalogue
) -> None:
    load(database, *SHELF, {"name": "Bottle Cap", "brand": "Kansa", "category": "Kitchen", "active": False})
    assert catalogue.search(Search(limit=1)).facets is None
    everything = catalogue.search(Search(limit=1, facets=True)).facets
    assert everything == {
        "category": {"Audio": 2, "Kitchen": 2, "Footwear": 1},
        "brand": {"Kansa": 2, "Podium": 1, "Rasoi": 1, "Samsung": 1},
    }
    chosen = catalogue.search(Search(categories=("Kitchen",), brands=("Kansa",), facets=True)).facets
    assert chosen == {"category": {"Audio": 1, "Kitchen": 1}, "brand": {"Kansa": 1, "Rasoi": 1}}
    one_chosen = catalogue.search(Search(categories=("Audio",), facets=True)).facets
    assert one_chosen == {**everything, "brand": {"Kansa": 1, "Samsung": 1}}
    misspelt = catalogue.search(Search(q="botle", max_price=300, facets=True)).facets
    assert misspelt == {"category": {"Kitchen": 1}, "brand": {"Kansa": 1}}


def test_facets_are_the_same_on_every_page(database: Database, catalogue: Catalogue) -> None:
    load(database, *({"name": f"Bottle {n}", "brand": "Kansa"} for n in range(5)))
    first = catalogue.search(Search(q="botle", limit=2, facets=True))
    second = catalogue.search(Search(q="botle", limit=2, facets=True, after=first.next))
    assert first.facets == second.facets == {"category": {"Things": 5}, "brand": {"Kansa": 5}}


def test_an_item_has_every_field_but_the_description_and_fields_choose(
    database: Database, catalogue: Catalogue
) -> None:
    load(
        database, {"name": 'A "quoted" \\ \u2028 name \U0001f375', "description": "Two\nlines.", "image_url": "/a.png"}
    )
    (whole,) = items(catalogue.page(10, fields=tuple(FIELDS)))
    (item,) = items(catalogue.page(10))
    assert whole == {**item, "description": "Two\nlines."} == catalogue.find(whole["id"])
    for count in (1, 2):
        for chosen in itertools.permutations(FIELDS, count):
            for page in (catalogue.page(1, fields=chosen), catalogue.search(Search(q="quoted", fields=chosen))):
                assert items(page) == [{name: whole[name] for name in chosen}]
    with pytest.raises(ValueError):
        catalogue.page(1, fields=("document",))


@pytest.mark.parametrize("product_id", [0, -1, 1, 2**63, -(2**70)])
def test_a_product_that_is_not_there_is_none(catalogue: Catalogue, product_id: int) -> None:
    assert catalogue.find(product_id) is None


def test_those_who_keep_the_catalogue_find_what_is_no_longer_sold_too(database: Database, catalogue: Catalogue) -> None:
    load(database, {"name": "Glass bottle"}, {"name": "Old bottle", "active": False})
    for q in ("", "bottle", "botle"):
        for active, found in (
            (True, ["Glass bottle"]),
            (False, ["Old bottle"]),
            (None, ["Old bottle", "Glass bottle"]),
        ):
            page = catalogue.search(Search(q=q, active=active, sort="newest", fields=("name", "active")))
            assert items(page) == [{"name": name, "active": name == "Glass bottle"} for name in found]


def test_a_product_is_kept_by_its_sku_sold_or_not(database: Database, catalogue: Catalogue) -> None:
    load(
        database, {"sku": "100%", "name": "Cup"}, {"sku": "🎉", "active": False, "name": "Hat", "description": "Two\n"}
    )
    for sku, name, active in (("100%", "Cup", True), ("🎉", "Hat", False)):
        found = catalogue.kept(sku)
        assert found is not None
        assert tuple(found) == tuple(KEPT)
        assert (found["sku"], found["name"], found["active"], found["price"]) == (sku, name, active, 100)
    for sku in ("", "%", "\0", "\ud800", "x" * 5000):
        assert catalogue.kept(sku) is None
