"""Searching by text: words, their forms and beginnings, typos; and no text breaks anything."""

from __future__ import annotations

import itertools

import pytest

from app.catalog import query, words
from app.catalog.importing import import_products
from app.catalog.products import SORTS, Catalogue, Search
from app.database import Database
from tests.support.shelf import SHELF, items, load, names, results, walk
from tests.support.statements import counted_statements


@pytest.mark.parametrize(
    ("q", "found"),
    {
        "headphones": ["Wireless Headphones", "Headphone Stand"],
        "HEADPHONE": ["Wireless Headphones", "Headphone Stand"],
        "bottles": ["Steel Water Bottle", "Glass Bottle"],
        "water bottle": ["Steel Water Bottle"],
        "bottle water": ["Steel Water Bottle"],
        "samsung": ["Wireless Headphones"],
        "audio": ["Wireless Headphones", "Headphone Stand"],
        "headp": ["Wireless Headphones", "Headphone Stand"],
        "steel wat": ["Steel Water Bottle"],
        "run": ["Running Shoes"],
        "bottle -water": ["Glass Bottle"],
        "glass or steel": ["Steel Water Bottle", "Glass Bottle"],
        '"water bottle"': ["Steel Water Bottle"],
        '"bottle water"': [],
        '"headphone stand"': ["Headphone Stand"],
        '"stand headphone"': [],
        "lawnmower": [],
        "%": [],
        "!!! ???": [],
    }.items(),
)
def test_text_finds_words_their_forms_and_their_beginnings(
    database: Database, catalogue: Catalogue, q: str, found: list[str]
) -> None:
    load(database, *SHELF)
    assert sorted(names(catalogue.search(Search(q=q)))) == sorted(found)


@pytest.mark.parametrize(
    ("q", "first"),
    {
        "hedphones": "Wireless Headphones",
        "haedphones": "Wireless Headphones",
        "headfones": "Wireless Headphones",
        "hedpho": "Wireless Headphones",
        "samsng": "Wireless Headphones",
        "smasung hedphones": "Wireless Headphones",
        "wirless": "Wireless Headphones",
        "watter botle": "Steel Water Bottle",
        "stel bottle": "Steel Water Bottle",
        "sheos": "Running Shoes",
        "rnning shoes": "Running Shoes",
    }.items(),
)
def test_a_misspelt_word_finds_what_was_meant(database: Database, catalogue: Catalogue, q: str, first: str) -> None:
    load(database, *SHELF)
    assert first in names(catalogue.search(Search(q=q)))


SLIPS = {
    "left out": ["hadphones", "headphnes", "headphone"],
    "added": ["headephones", "hheadphones", "headphoness"],
    "mistaken": ["hesdphones", "headphonez"],
    "swapped": ["haedphones", "headphoens", "headphonse"],
    "first": ["eadphones", "jeadphones", "ehadphones", "xheadphones"],
    "beginnings": ["hedph", "headdp", "hesdpho", "haedp", "jeadpho", "xheadp"],
}
"""What may be typed for `headphones`, by what went wrong."""


@pytest.mark.parametrize("typed", [typed for kind in SLIPS.values() for typed in kind])
def test_one_slip_of_any_kind_is_found_in_a_single_look_at_the_vocabulary(
    database: Database, catalogue: Catalogue, typed: str
) -> None:
    load(database, {"name": "Headphones"}, {"name": "Kettle"})
    with counted_statements() as sent:
        assert names(catalogue.search(Search(q=typed))) == ["Headphones"]
    assert sum(sql == words.ONE_SLIP for sql in sent) <= 1
    assert len(sent) <= 3
    assert words.ALIKE not in sent


@pytest.mark.parametrize(
    ("typed", "looks"), {"headfones": 2, "kettle": 1, "ktl": 0, "kxxle": 1, "lawnmower": 2}.items()
)
def test_trigrams_are_asked_only_for_what_one_slip_does_not_explain(
    database: Database, catalogue: Catalogue, typed: str, looks: int
) -> None:
    load(database, {"name": "Headphones"}, {"name": "Kettle"})
    with counted_statements() as sent:
        found = names(catalogue.search(Search(q=typed)))
    assert found == {"headfones": ["Headphones"], "kettle": ["Kettle"]}.get(typed, [])
    assert [sql for sql in sent if sql in (words.ONE_SLIP, words.ALIKE)] == [words.ONE_SLIP, words.ALIKE][:looks]


def test_a_whole_word_that_is_near_does_not_hide_one_that_may_still_be_typed(
    database: Database, catalogue: Catalogue
) -> None:
    load(database, {"name": "Hedcho"}, {"name": "Headphones"})
    assert sorted(names(catalogue.search(Search(q="hedpho")))) == ["Headphones", "Hedcho"]
    assert names(catalogue.search(Search(q="hedpho", sort="name"))) == ["Headphones", "Hedcho"]


def test_every_word_of_a_text_is_put_right_and_only_the_last_may_be_unfinished(
    database: Database, catalogue: Catalogue
) -> None:
    load(database, {"name": "Wireless Headphones"}, {"name": "Glass Bottle"})
    assert names(catalogue.search(Search(q="wirless hedpho"))) == ["Wireless Headphones"]
    assert names(catalogue.search(Search(q="hedpho wirless"))) == []
    assert names(catalogue.search(Search(q="botle glsas"))) == ["Glass Bottle"]
    assert names(catalogue.search(Search(q="hedfonez glas"))) == []


def test_words_that_are_looked_up_by_their_slips_are_found_by_an_index_before_any_statistics(
    database: Database, owner: Database
) -> None:
    owner.execute(
        "INSERT INTO product_words SELECT translate(n::text, '0123456789', 'abcdefghij') || 'xyz' "
        "FROM generate_series(1, 5000) AS n"
    )
    plan = database.rows(f"EXPLAIN {words.ONE_SLIP}", (["bcdexxyz"], ["'bcdexxyz' | 'bcdexyz'"], words.CANDIDATES))
    assert "product_words_by_slips" in str(plan)


@pytest.mark.parametrize("q", ["the bottle", "of the bottle", "the botle", "the bot"])
def test_words_that_say_nothing_ask_for_nothing(database: Database, catalogue: Catalogue, q: str) -> None:
    load(database, *SHELF)
    assert sorted(names(catalogue.search(Search(q=q)))) == ["Glass Bottle", "Steel Water Bottle"]


def test_exact_hits_come_before_those_that_are_only_spelt_alike(database: Database, catalogue: Catalogue) -> None:
    load(database, {"name": "Samsung Phone"}, {"name": "Case", "description": "Not by Samsng."}, {"name": "Samsung"})
    assert names(catalogue.search(Search(q="samsng"))) == ["Case", "Samsung", "Samsung Phone"]


def test_exact_hits_come_before_those_that_merely_begin_alike(database: Database, catalogue: Catalogue) -> None:
    load(database, {"name": "Pan", "description": "A pan."}, *({"name": "Panda Panda Pantry"} for _ in range(5)))
    assert names(catalogue.search(Search(q="pan")))[0] == "Pan"


def test_words_spelt_alike_stay_away_where_enough_was_found(database: Database, catalogue: Catalogue) -> None:
    load(database, *({"name": f"Shirt {n}"} for n in range(3)), {"name": "Shorts"}, {"name": "Short"})
    for limit in (1, 2, 20):
        search = Search(q="shirt", limit=limit, sort="name")
        seen = walk(results(catalogue, search))
        assert [item["name"] for item in seen] == ["Shirt 0", "Shirt 1", "Shirt 2"]


@pytest.mark.parametrize("sort", SORTS)
def test_a_misspelt_search_goes_on_over_pages_in_the_same_result(
    database: Database, catalogue: Catalogue, sort: str
) -> None:
    load(database, *({"name": f"Headphones {n:02}", "price": n % 3} for n in range(11)))
    search = Search(q="hedphones", sort=sort, limit=2)
    seen = [item["name"] for item in walk(results(catalogue, search))]
    assert sorted(seen) == [f"Headphones {n:02}" for n in range(11)]


@pytest.mark.parametrize("many", [1, 11, 12, 13, 200])
@pytest.mark.parametrize("sort", SORTS)
def test_a_search_finds_the_same_whether_its_first_words_are_in_few_products_or_in_many(
    database: Database, catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, sort: str, many: int
) -> None:
    load(
        database,
        *({"name": f"Headphones Lampshade {n:02}", "price": n % 3} for n in range(11)),
        {"name": "Headphones Kettle"},
        {"name": "Lampshade"},
        {"name": "Headphones Lamp", "active": False},
    )
    monkeypatch.setattr(query, "MANY", many)
    for q in ("hedphones lamp", "the hedphones lampsahde"):
        found = list(walk(results(catalogue, Search(q=q, sort=sort, limit=4))))
        assert sorted(item["name"] for item in found) == [f"Headphones Lampshade {n:02}" for n in range(11)]
        every = catalogue.search(Search(q=q, sort=sort, limit=100, facets=True))
        assert items(every) == found
        assert every.facets == {"category": {"Things": 11}, "brand": {"Acme": 11}}


def test_words_follow_the_products_whoever_writes_them(
    database: Database, owner: Database, catalogue: Catalogue
) -> None:
    load(database, *SHELF)
    owner.execute("UPDATE products SET name = 'Harmonium' WHERE name = 'Glass Bottle'")
    with counted_statements() as sent:
        assert names(catalogue.search(Search(q="harmonum"))) == ["Harmonium"]
    assert words.ALIKE not in sent
    import_products(database, [b'{"sku": "S2", "name": "Tabla", "brand": "B", "category": "C", "price": 1}'], "INR")
    assert names(catalogue.search(Search(q="harmonum"))) == []


HOSTILE = [
    "'", '"', "''; DROP TABLE products; --", "\\", "\\'", "%", "%s", "%(q)s", "%%", "_", "(", ")", "a & b", "a | !b",
    ":*", "headphones:*", "head\\", "a:b:c", "<->", "*", "-", "--", "- -", "or", "or or", "OR bottle", "bottle or",
    "\U0001f375", "\U0001f469\u200d\U0001f467", "e\u0301", "ß", "İ" * 10, "²", "٣", "\u2028", "\ufeff", "\x01", "\t\n",
    "日" * 1000, "a" * 1000, "bottle " * 142, "bottl " * 6, '"' * 1000, "(" * 1000, "\\" * 1000, "-a " * 333,
    "http://x/?a=1&b[]=2", "1e309", "{}", "$1", "$$", "E'\\0'", "x'41'",
    "the", "a", "wa", "O'Reilly", "t-shirt", "a_b", "💧 bottle", "bottle 💧",
]  # fmt: skip


def test_no_text_is_an_error(database: Database, catalogue: Catalogue) -> None:
    load(database, *SHELF)
    for q, sort in itertools.product(HOSTILE, SORTS):
        found = catalogue.search(Search(q=q, sort=sort, facets=True))
        filtered = catalogue.search(Search(categories=(q,), brands=(q, q), facets=True))
        assert len(items(found)) <= len(SHELF), q
        assert items(filtered) == [], q
    assert len(items(catalogue.page(100))) == len(SHELF)


@pytest.mark.parametrize(
    ("typed", "meant", "count"),
    [
        ("shoes", "shoes", 0),
        ("sheos", "shoes", 1),
        ("shos", "shoes", 1),
        ("shooes", "shoes", 1),
        ("shies", "shoes", 1),
        ("hsoes", "shoes", 1),
        ("bottle", "kettle", 2),
        ("shoes", "hsoe", 2),
        ("headhpones", "headphones", 1),
        ("kettkettle", "kettle", 4),
        ("", "pen", 3),
        ("pen", "", 3),
    ],
)
def test_slips_count_letters_left_out_added_mistaken_and_swapped(typed: str, meant: str, count: int) -> None:
    assert words.slips(typed, meant) == count
    assert words.slips(meant, typed) == count


def test_a_word_that_is_known_is_near_only_to_what_differs_in_one_later_letter() -> None:
    assert words.nearest("kettle", ["kettle", "bottle", "kettles", "settle"]) == ["kettles"]
    assert words.nearest("kettel", ["bottle", "kettle", "kettles"]) == ["kettle"]
    assert words.nearest("xyzzy", ["kettle"]) == []
    assert words.nearest("hedpho", ["headphones"]) == []
    assert words.nearest("hedpho", ["headphones"], is_unfinished=True) == ["headphones"]
    assert words.nearest("headfones", ["headphones"]) == ["headphones"]
    assert words.nearest("headfones", ["headphones"], forgiven=1) == []
