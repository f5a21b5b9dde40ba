"""Products in the panel: found whether sold or not, changed and added by the import's own rules, and from a file."""

from __future__ import annotations

import io
import json
from html import escape
from typing import Any
from urllib.parse import quote

import pytest

from app.catalog.importing import MAX_LISTED, import_products
from app.database import Database
from app.projections.pages import Item
from tests.support.panel import Panel, Viewer, books, links_of, shown, words
from tests.support.statements import counted_statements

KETTLE = {
    "sku": "K-1", "name": "Steel kettle", "brand": "Rasoi", "category": "Kitchen", "price": 149_900,
    "image_url": "/k.jpg", "description": "Boils.\nWhistles.\r\n\nTwo litres.", "active": True,
}  # fmt: skip
FORM = {
    "name": "Steel kettle", "brand": "Rasoi", "category": "Kitchen", "price": "1499.00", "image_url": "/k.jpg",
    "description": "Boils.\r\nWhistles.\r\n\r\nTwo litres.", "active": "y",
}  # fmt: skip
"""What a browser sends of it: its own ends of lines."""

ODD = [
    'say "hi"',
    "O'Brien",
    "100%",
    "%25",
    "a|b",
    "<script>alert(1)</script>",
    "🎉",
    "a&b=c+d",
    "..",
    "{{ 7*7 }}",
    "1 2",
]


def load(panel: Panel, *products: dict[str, Any]) -> None:
    """Products in the catalogue, past the panel."""
    lines = [json.dumps(KETTLE | product).encode() for product in products or ({},)]
    assert import_products(panel.house.database, lines, "INR").rejected == []


def kept(panel: Panel, sku: str = "K-1") -> Item:
    """A product as it stands."""
    found = panel.house.catalogue.kept(sku)
    assert found is not None
    return {name: value for name, value in found.items() if name not in ("id", "currency")}


def at(sku: str) -> str:
    return f"/panel/products/edit?sku={quote(sku, safe='')}"


def found(viewer: Viewer, query: str) -> list[str]:
    """The names on a page of the list, in order."""
    rows = viewer.page(f"/panel/products?{query}").split("<tr><td")[1:]
    return [words(f"<td{row}").split("  ")[0].split(" K-")[0] for row in rows]


def upload(viewer: Viewer, content: bytes) -> Any:
    return viewer.post("/panel/products/import", {"file": (io.BytesIO(content), "products.ndjson")})


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Old cup", "Glass cup", "Steel kettle"]),
        ("sold=yes", ["Glass cup", "Steel kettle"]),
        ("sold=no", ["Old cup"]),
        ("sold=nonsense", ["Old cup", "Glass cup", "Steel kettle"]),
        ("q=kettel", ["Steel kettle"]),
        ("q=cup&sold=no", ["Old cup"]),
        ("q=K-3", ["Old cup"]),
        ("q=K-3&sold=yes", []),
        ("q=%F0%9F%8E%89", []),
        ("q=%00", []),
        ("q=" + "x" * 1001, []),
        ("after=nonsense", []),
        ("after=1", []),
    ],
)
def test_products_are_found_by_words_typos_and_sku_whether_sold_or_not(
    panel: Panel, query: str, names: list[str]
) -> None:
    load(panel, {}, {"sku": "K-2", "name": "Glass cup"}, {"sku": "K-3", "name": "Old cup", "active": False})
    assert found(panel.as_auditor(), query) == names


def test_the_list_goes_on_where_it_ended_and_shows_every_product_once(panel: Panel) -> None:
    load(panel, *({"sku": f"K-{n}", "name": f"Cup {n}"} for n in range(120)))
    for query in ("", "q=cup"):
        viewer, seen, address = panel.as_admin(), set[str](), f"/panel/products?{query}"
        for _ in range(3):
            page = viewer.page(address)
            seen |= {link for link in links_of(page) if "edit?sku=" in link}
            address = next((link for link in links_of(page) if "after=" in link), "")
        assert len(seen) == 120
        assert not address


def test_a_part_of_the_list_is_that_part_alone(panel: Panel) -> None:
    load(panel)
    part = shown(panel.as_admin().get("/panel/products?q=kettle", is_part=True))
    assert part.startswith('<div id="found">')
    assert "Steel kettle" in part


def test_an_empty_catalogue_says_how_to_fill_it(panel: Panel) -> None:
    assert "No products yet. Add one , or import a file ." in words(panel.as_admin().page("/panel/products"))
    assert "import a file" not in panel.as_auditor().page("/panel/products")


def test_a_form_that_is_sent_as_it_was_shown_changes_nothing(panel: Panel) -> None:
    load(panel)
    before = kept(panel)
    viewer = panel.as_admin()
    page = viewer.page(at("K-1"))
    assert 'value="1499.00"' in page and "Whistles." in page
    assert viewer.post(at("K-1"), FORM).headers["Location"] == "/panel/products/edit?sku=K-1"
    assert kept(panel) == before


@pytest.mark.parametrize(
    ("field", "typed", "name", "value"),
    [
        ("price", "₹1,00,000.50", "price", 10_000_050),
        ("price", " 5 ", "price", 500),
        ("name", "<script>alert(1)</script>", "name", "<script>alert(1)</script>"),
        ("category", "Kitchen & 🎉", "category", "Kitchen & 🎉"),
        ("image_url", "", "image_url", ""),
        ("description", "One\r\ntwo", "description", "One\ntwo"),
        ("active", None, "active", False),
    ],
)
def test_an_edit_changes_only_what_it_says(panel: Panel, field: str, typed: str | None, name: str, value: Any) -> None:
    load(panel, {}, {"sku": "K-2"})
    before, other = kept(panel), kept(panel, "K-2")
    sent = {key: text for key, text in (FORM | {field: typed}).items() if text is not None}
    viewer = panel.as_admin()
    assert viewer.post(at("K-1"), sent).status_code == 303
    assert kept(panel) == before | {name: value}
    assert kept(panel, "K-2") == other
    assert "<script>alert" not in viewer.page(at("K-1"))


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("name", "", "Must have 1 to 200 characters."),
        ("name", "x" * 201, "Must have 1 to 200 characters."),
        ("brand", " Rasoi", "Must not begin or end with a space."),
        ("category", "a\0b", "Must not hold control characters."),
        ("price", "", "Must be an amount such as 50.00."),
        ("price", "1,5", "Must be an amount such as 50.00."),
        ("price", "5.001", "Must be an amount such as 50.00."),
        ("price", "-1", "Must lie between ₹0.00 and ₹10,00,00,00,000.00."),
        ("price", "99999999999", "Must lie between ₹0.00 and ₹10,00,00,00,000.00."),
        ("image_url", "javascript:alert(1)", "Must be an http(s) address or a path from the root."),
        ("description", "x" * 5001, "Must have 0 to 5000 characters."),
    ],
)
def test_what_the_import_would_refuse_is_refused_beside_its_field(
    panel: Panel, owner: Database, field: str, typed: str, said: str
) -> None:
    load(panel)
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    for path, more in ((at("K-1"), {}), ("/panel/products/new", {"sku": "K-2"})):
        page = shown(viewer.post(path, {**FORM, **more, field: typed}), 422)
        assert f'<p class="error" id="{field}-error">{escape(said)}</p>' in page
    assert books(owner) == before


def test_all_that_is_wrong_is_said_at_once(panel: Panel) -> None:
    load(panel)
    page = shown(panel.as_admin().post(at("K-1"), {**FORM, "name": "", "price": "x", "brand": ""}), 422)
    assert page.count('class="error"') == 3


def test_a_product_in_another_currency_is_not_taken_for_one_in_ours(panel: Panel, owner: Database) -> None:
    load(panel)
    owner.execute("UPDATE products SET currency = 'USD'")
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    page = shown(viewer.post(at("K-1"), FORM), 422)
    assert "currency: Must be INR, the programme&#39;s currency." in page
    assert books(owner) == before


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_sku_and_name_work_everywhere(panel: Panel, odd: str) -> None:
    viewer = panel.as_admin()
    answer = viewer.post("/panel/products/new", {**FORM, "sku": odd, "name": odd})
    assert answer.status_code == 303
    page = viewer.page(answer.headers["Location"])
    assert f"{escape(odd, quote=False)} is added." in page.replace("&#39;", "'").replace("&#34;", '"')
    assert "<script>alert" not in page
    (link,) = [link for link in links_of(viewer.page("/panel/products")) if "sku=" in link]
    assert viewer.post(link, {**FORM, "name": "Plain"}).status_code == 303
    assert kept(panel, odd)["name"] == "Plain"
    assert "Plain" in viewer.page(f"/panel/products?q={quote(odd)}")


def test_a_sku_that_is_taken_is_not_added_again(panel: Panel, owner: Database) -> None:
    load(panel)
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    page = words(shown(viewer.post("/panel/products/new", {**FORM, "sku": "K-1", "name": "Another"}), 422))
    assert "There is a product of this SKU already" in page
    assert books(owner) == before


@pytest.mark.parametrize("path", [at("nobody"), at(""), "/panel/products/edit", at("\0")])
def test_what_is_not_there_is_not_found(panel: Panel, path: str) -> None:
    shown(panel.as_admin().get(path), 404)


def test_a_file_tells_what_was_created_and_updated_and_each_line_that_was_not_taken(panel: Panel) -> None:
    load(panel)
    lines = [KETTLE | {"price": 5}, KETTLE | {"sku": "K-2"}, KETTLE | {"sku": "K-3", "price": -1, "<b>": 1}]
    content = b"\n".join([*(json.dumps(line).encode() for line in lines), b"", b"nonsense"])
    page = shown(upload(panel.as_admin(), content))
    assert "1 created, 1 updated, 2 lines not taken." in words(page)
    assert "3 &lt;b&gt; is not a field of a product; price must lie between 0 and 1000000000000" in words(page)
    assert "5 line is not JSON" in words(page)
    assert kept(panel)["price"] == 5
    assert panel.house.catalogue.kept("K-3") is None


def test_a_long_list_of_refusals_is_cut_and_says_so(panel: Panel) -> None:
    page = shown(upload(panel.as_admin(), b"x\n" * (MAX_LISTED + 5)))
    assert "0 created, 0 updated, 10,005 lines not taken." in words(page)
    assert "And 9,005 more." in words(page)
    assert page.count("is not JSON") == 1000


def test_no_file_and_an_empty_one_are_no_mishap(panel: Panel, owner: Database) -> None:
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    assert "Which file? Choose one, please." in words(shown(viewer.post("/panel/products/import"), 422))
    assert "The file holds no lines." in words(shown(upload(viewer, b"\n\n")))
    assert books(owner) == before


def test_a_file_that_is_too_large_is_refused_whole(panel: Panel, owner: Database) -> None:
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    line = json.dumps(KETTLE).encode() + b"\n"
    answer = upload(viewer, line * (17 * 1024 * 1024 // len(line)))
    assert "That file is too large" in words(shown(answer, 413))
    answer.request.environ["wsgi.input"].close()
    assert books(owner) == before


def test_an_auditor_looks_and_changes_nothing(panel: Panel, owner: Database) -> None:
    load(panel)
    viewer = panel.as_auditor()
    page = viewer.page(at("K-1"))
    assert "<fieldset disabled>" in page and "Save" not in page
    viewer.token()
    before = books(owner)
    for path in ("/panel/products/new", "/panel/products/import"):
        shown(viewer.get(path), 403)
    for path in (at("K-1"), "/panel/products/new", "/panel/products/import"):
        shown(viewer.post(path, {**FORM, "sku": "K-9"}), 403)
    assert books(owner) == before


@pytest.mark.parametrize("path", [at("K-1"), "/panel/products/new", "/panel/products/import"])
def test_a_form_without_a_good_token_is_refused(panel: Panel, owner: Database, path: str) -> None:
    load(panel)
    viewer = panel.as_admin()
    before = books(owner)
    for token in (None, "made-up"):
        shown(viewer.post(path, {**FORM, "sku": "K-9"}, token=token), 403)
    assert books(owner) == before


@pytest.mark.parametrize(
    "path", ["/panel/products", "/panel/products?q=kettel", at("K-1"), "/panel/products/new", "/panel/products/import"]
)
def test_a_page_takes_at_most_five_statements(panel: Panel, path: str) -> None:
    load(panel)
    viewer = panel.as_admin()
    viewer.page(path)
    with counted_statements() as sent:
        viewer.page(path)
    assert len(sent) <= 5, "\n".join(sent)
