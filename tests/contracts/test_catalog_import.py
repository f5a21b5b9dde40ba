"""The import of products: strict line by line, create or replace, and never stopped by a bad line."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.catalog.importing import BATCH, MAX_LISTED, Report, import_at_once, import_products, read_lines
from app.catalog.lines import MAX_LINE_BYTES, MAX_PRICE_MINOR
from app.catalog.prices import CataloguePrices
from app.catalog.products import Catalogue, Search
from app.database import Database
from app.usecases.ports import Priced

KETTLE = {"sku": "K-1", "name": "Kettle", "brand": "Urja", "category": "Appliances", "price": 99900}


def line(**changes: Any) -> bytes:
    """The kettle's line, with changes; a change to None leaves the field out."""
    product = {name: value for name, value in (KETTLE | changes).items() if value is not None}
    return json.dumps(product).encode() + b"\n"


def load(database: Database, lines: Iterable[bytes]) -> Report:
    return import_products(database, lines, "INR")


def stored(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("SELECT sku, name, price_minor, description, active FROM products ORDER BY sku")


def test_a_product_is_created_with_the_defaults_of_what_was_left_out(database: Database) -> None:
    report = load(database, [line()])
    assert (report.created, report.updated, report.rejected) == (1, 0, [])
    (product_id,) = database.row("SELECT id FROM products") or (0,)
    assert Catalogue(database).find(product_id) == {
        "id": product_id, **KETTLE, "currency": "INR", "image_url": "", "description": "",
    }  # fmt: skip


def test_a_second_import_replaces_the_whole_product_and_keeps_its_id(database: Database) -> None:
    load(database, [line(description="Boils.", image_url="/k.png")])
    before = database.rows("SELECT id, created_at FROM products")
    report = load(database, [line(price=100)])
    assert (report.created, report.updated) == (0, 1)
    assert stored(database) == [("K-1", "Kettle", 100, "", True)]
    assert database.rows("SELECT id, created_at FROM products") == before
    assert '"price":100,' in Catalogue(database).page(1).items_json


def test_a_product_made_inactive_is_hidden_from_every_reader_and_can_come_back(database: Database) -> None:
    load(database, [line()])
    (product_id,) = database.row("SELECT id FROM products") or (0,)
    catalogue, prices = Catalogue(database), CataloguePrices(database)
    load(database, [line(active=False)])
    assert catalogue.find(product_id) is None
    assert catalogue.page(10).items_json == "[]"
    assert catalogue.search(Search(q="kettle")).items_json == "[]"
    assert prices.prices([product_id]) == {}
    load(database, [line()])
    assert catalogue.find(product_id) is not None
    assert prices.prices([product_id, 0, -1, 2**70, product_id]) == {
        product_id: Priced(product_id, "Kettle", 99900, "INR")
    }


@pytest.mark.parametrize("gap", [0, BATCH], ids=["in one batch", "in two batches"])
def test_of_a_sku_that_comes_twice_the_last_line_wins_and_both_are_counted(database: Database, gap: int) -> None:
    between = [line(sku=f"other-{n}") for n in range(gap)]
    report = load(database, [line(name="First"), *between, line(name="Second")])
    assert (report.created, report.updated) == (1 + gap, 1)
    assert [name for sku, name, *_ in stored(database) if sku == "K-1"] == ["Second"]


BAD_LINES: dict[str, tuple[bytes, str]] = {
    "no sku": (line(sku=None), "sku"),
    "an empty sku": (line(sku=""), "sku"),
    "a sku of 65": (line(sku="x" * 65), "sku"),
    "a sku that cannot be printed": (line(sku="a\u200bb"), "sku"),
    "a sku that is a number": (line(sku=5), "sku"),
    "a blank name": (line(name=" "), "name"),
    "a name of 201": (line(name="x" * 201), "name"),
    "a name with NUL": (line(name="a\0b"), "name"),
    "a name with half a surrogate pair": (line(name="a\ud800"), "name"),
    "a name over two lines": (line(name="a\nb"), "name"),
    "a brand of 81": (line(brand="x" * 81), "brand"),
    "no category": (line(category=None), "category"),
    "a category with a space before it": (line(category=" Home"), "category"),
    "a price as text": (line(price="5"), "price"),
    "a price as a float": (line(price=5.0), "price"),
    "a price with an exponent": (line().replace(b"99900", b"1e3"), "price"),
    "a price that is true": (line(price=True), "price"),
    "a negative price": (line(price=-1), "price"),
    "a price beyond reason": (line(price=MAX_PRICE_MINOR + 1), "price"),
    "a price that is NaN": (line().replace(b"99900", b"NaN"), "line"),
    "a price of 5,000 digits": (line().replace(b"99900", b"9" * 5000), "line"),
    "another currency": (line(currency="USD"), "currency"),
    "a javascript image": (line(image_url="javascript:alert(1)"), "image_url"),
    "an image from nowhere": (line(image_url="https://"), "image_url"),
    "an image of another host by two slashes": (line(image_url="//evil.example/x.png"), "image_url"),
    "an image with a space": (line(image_url="/a b.png"), "image_url"),
    "a description of 5,001": (line(description="x" * 5001), "description"),
    "a null description": (line().replace(b"}", b', "description": null}'), "description"),
    "active as a number": (line(active=1), "active"),
    "an unknown field": (line(colour="red"), "colour"),
    "the same field twice": (line().replace(b"{", b'{"sku": "other", '), "sku"),
    "a list": (b"[]\n", "line"),
    "half an object": (b'{"sku": "x"\n', "line"),
    "two objects": (line().strip() + line(), "line"),
    "no JSON": (b"sku,name\n", "line"),
    "brackets without end": (b"[" * 60_000, "line"),
    "Latin-1": (line().replace(b"Kettle", b"Caf\xe9"), "line"),
    "a byte-order mark": (b"\xef\xbb\xbf" + line(), "line"),
    "a line over 64 KiB": (line(description="x" * MAX_LINE_BYTES), "line"),
}


def test_every_bad_line_is_reported_by_field_and_nothing_of_it_is_written(database: Database) -> None:
    lines, expected = [], {}
    for n, (what, (bad, where)) in enumerate(BAD_LINES.items()):
        lines += [line(sku=f"good-{n:02}"), bad]
        expected[len(lines)] = (what, [where])
    report = load(database, lines)
    found = {refused["line"]: refused["errors"] for refused in report.rejected}
    named = {number: (what, list(found.get(number, ()))) for number, (what, _) in expected.items()}
    assert named == expected
    assert found.keys() == expected.keys()
    assert all(message for errors in found.values() for messages in errors.values() for message in messages)
    assert report.created == len(BAD_LINES)
    assert [sku for sku, *_ in stored(database)] == [f"good-{n:02}" for n in range(len(BAD_LINES))]


def test_a_bad_line_does_not_touch_the_product_that_it_names(database: Database) -> None:
    load(database, [line()])
    before = database.rows("SELECT * FROM products")
    assert len(load(database, [line(name="Changed", price=-1)]).rejected) == 1
    assert database.rows("SELECT * FROM products") == before


def test_all_errors_of_a_line_are_given_at_once(database: Database) -> None:
    report = load(database, [b'{"sku": "", "name": 5, "price": "1", "weight": 3, "w\\ud800": 1}'])
    assert set(report.rejected[0]["errors"]) == {"sku", "name", "brand", "category", "price", "weight", "w?"}
    json.dumps(report.rejected, ensure_ascii=False).encode()


def test_what_is_at_its_limit_is_taken_as_it_is(database: Database) -> None:
    largest = line(
        sku="s" * 64, name="न" * 200, brand="b" * 80, category="c" * 80, price=MAX_PRICE_MINOR, currency="INR",
        image_url="https://images.example/k.png?size=2", description="\U0001f375\n" * 2500, active=True,
    )  # fmt: skip
    report = load(database, [largest, line(sku="क-1", price=0, name="\"Quoted\" \\ 'name' %s \u2028🍵")])
    assert (report.created, report.rejected) == (2, [])
    items = json.loads(Catalogue(database).page(10, fields=("name", "description", "price")).items_json)
    assert {item["name"] for item in items} == {"न" * 200, "\"Quoted\" \\ 'name' %s \u2028🍵"}
    assert {item["price"] for item in items} == {0, MAX_PRICE_MINOR}
    assert {len(item["description"]) for item in items} == {0, 5000}


def test_blank_lines_are_skipped_but_counted_in_the_numbers(database: Database) -> None:
    report = load(database, [b"\n", b"  \r\n", line().replace(b"\n", b"\r\n"), b"", b"oops"])
    assert (report.created, [refused["line"] for refused in report.rejected]) == (1, [5])


def test_an_empty_import_does_nothing(database: Database) -> None:
    assert load(database, []) == Report()
    assert stored(database) == []


def test_lines_are_read_as_they_are_needed_and_progress_tells_how_many(database: Database) -> None:
    told: list[int] = []

    def lines() -> Iterable[bytes]:
        for n in range(2 * BATCH + 1):
            assert n < BATCH or told, "a batch is written before the next is read"
            yield line(sku=f"K-{n}")

    report = import_products(database, lines(), "INR", progress=told.append)
    assert (report.created, told) == (2 * BATCH + 1, [BATCH, 2 * BATCH, 2 * BATCH + 1])


def test_a_file_of_nothing_but_mistakes_does_not_fill_the_memory(database: Database) -> None:
    report = load(database, (b"no product" for _ in range(MAX_LISTED + 7)))
    assert (len(report.rejected), report.unlisted, report.created) == (MAX_LISTED, 7, 0)


def test_an_over_long_line_of_a_stream_is_refused_and_the_next_one_read(database: Database) -> None:
    fits = line(sku="fits", description="x" * 5000)
    fits = fits.replace(b"}\n", b" " * (MAX_LINE_BYTES - len(fits) + 1) + b"}\r\n")
    assert len(fits) == MAX_LINE_BYTES + 2
    stream = io.BytesIO(line(sku="a") + b'{"x": "' + b"y" * 1_000_000 + b"\n" + fits + line(sku="z").strip())
    report = load(database, read_lines(stream))
    assert (report.created, [refused["line"] for refused in report.rejected]) == (3, [2])


def test_an_import_takes_its_products_in_order_so_that_two_never_wait_in_a_ring(database: Database) -> None:
    load(database, [line(sku="a"), line(sku="b")])
    with ThreadPoolExecutor(1) as pool:
        with database.transaction() as other:
            other.execute("SET LOCAL lock_timeout = '20s'")
            other.execute("UPDATE products SET price_minor = 1 WHERE sku = 'a'")
            importing = pool.submit(load, database, [line(sku="b"), line(sku="a")])
            while not database.rows("SELECT FROM pg_locks WHERE NOT granted"):
                assert not importing.done(), "it does not wait for the other"
            other.execute("UPDATE products SET price_minor = 1 WHERE sku = 'b'")
        assert importing.result().updated == 2
    assert [price for _, _, price, _, _ in stored(database)] == [99900, 99900]


def test_an_import_at_once_is_a_part_of_its_callers_transaction(database: Database, owner: Database) -> None:
    lines = [line(sku=f"K-{n}") for n in range(BATCH + 1)]

    class Refused(Exception):
        """What the caller raises for reasons of its own."""

    with pytest.raises(Refused), database.transaction() as cursor:
        assert import_at_once(cursor, lines, "INR").created == BATCH + 1
        assert stored(owner) == []
        raise Refused
    assert stored(owner) == []
    with database.transaction() as cursor:
        assert import_at_once(cursor, [*lines, b"oops", line(sku="K-0")], "INR") == Report(
            BATCH + 1, 1, [{"line": BATCH + 2, "errors": {"line": ["is not JSON"]}}]
        )
    assert len(stored(owner)) == BATCH + 1
