"""The catalogue over HTTP: fields, facets, ETags, and how answers are packed."""

from __future__ import annotations

import json

import pytest

from tests.support.http import Api, answered, refused, unpacked

FIELDS = ["id", "sku", "name", "brand", "category", "price", "currency", "image_url", "description"]
READS = ["/products/", "/products/search", "/products/search?q=cup&facets=1", "/products/{}"]


def test_a_list_shows_all_but_the_description_and_the_detail_shows_that_too(api: Api) -> None:
    product = api.on_sale(description="Holds a litre.", image_url="https://img.example/1.png")
    for path in ("/products/", "/products/search"):
        [item] = api.nobody.items(path)
        assert list(item) == FIELDS[:-1]
    detail = answered(api.nobody.get(f"/products/{product}"))
    assert detail == {**item, "description": "Holds a litre."}
    assert (detail["price"], detail["currency"]) == (50_000, "INR")


@pytest.mark.parametrize("asked", [["id"], ["price", "id"], ["description"], FIELDS, ["id", "id"]])
def test_fields_keeps_only_those_fields(api: Api, asked: list[str]) -> None:
    api.on_sale()
    for path in ("/products/", "/products/search"):
        [item] = api.nobody.items(f"{path}?fields={','.join(asked)}")
        assert set(item) == set(asked)


@pytest.mark.parametrize("asked", ["cost", "id,cost", "", "id,", "ID", "price_minor", "id;name", "*", "active"])
def test_an_unknown_field_is_refused(api: Api, asked: str) -> None:
    for path in ("/products/", "/products/search"):
        problem = refused(api.nobody.get(f"{path}?fields={asked}"), 422, "invalid_request")
        assert list(problem["errors"]) == ["fields"]


def test_a_search_ors_within_a_filter_and_ands_between_them(api: Api) -> None:
    for name, brand, category, price in (
        ("Steel cup", "Bhoomi", "Kitchen", 100),
        ("Clay cup", "Acme", "Kitchen", 200),
        ("Garden hose", "Acme", "Garden", 300),
        ("Lamp", "Bhoomi", "Home", 400),
    ):
        api.on_sale(price, name=name, brand=brand, category=category)

    def names(query: str) -> list[str]:
        return [item["name"] for item in api.nobody.items(f"/products/search?sort=price&{query}")]

    assert names("category=Kitchen&category=Garden") == ["Steel cup", "Clay cup", "Garden hose"]
    assert names("category=Kitchen&category=Garden&brand=Acme") == ["Clay cup", "Garden hose"]
    assert names("min_price=200&max_price=300") == ["Clay cup", "Garden hose"]
    assert names("q=cup&brand=Acme") == ["Clay cup"]
    assert names("q=gardn") == ["Garden hose"]
    assert names("q=%F0%9F%AB%96") == []
    assert [i["price"] for i in api.nobody.items("/products/search?sort=-price")] == [400, 300, 200, 100]
    facets = answered(api.nobody.get("/products/search?q=cup&facets=1"))["facets"]
    assert facets == {"category": {"Kitchen": 2}, "brand": {"Acme": 1, "Bhoomi": 1}}
    assert "facets" not in answered(api.nobody.get("/products/search?q=cup"))


@pytest.mark.parametrize("number", ["0", "-1", "99999", "x", "1.0", "01x", str(2**63), str(2**70), "%D9%A1", "1%00"])
def test_a_product_that_does_not_exist_is_not_found(api: Api, number: str) -> None:
    refused(api.nobody.get(f"/products/{number}"), 404, "not_found")


def test_a_product_that_is_no_longer_sold_is_not_found_and_not_listed(api: Api) -> None:
    product = api.on_sale(sku="OLD", active=False)
    refused(api.nobody.get(f"/products/{product}"), 404, "not_found")
    assert api.nobody.items("/products/") == api.nobody.items("/products/search") == []


@pytest.mark.parametrize("encoding", ["", "gzip", "br", "zstd"])
def test_a_reader_who_has_the_answer_already_is_not_sent_it_again(api: Api, encoding: str) -> None:
    product = api.on_sale(name="Cup", description="x" * 2_000)
    for _ in range(20):
        api.on_sale(name="Cup")
    for path in [path.format(product) for path in READS]:
        first = api.nobody.get(path, {"Accept-Encoding": encoding})
        assert first.status_code == 200
        again = api.nobody.get(path, {"Accept-Encoding": encoding, "If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.get_data()) == (304, b""), path
        assert again.headers["ETag"] == first.headers["ETag"]
        for tag in ("*", f'"other", {first.headers["ETag"]}'):
            headers = {"Accept-Encoding": encoding, "If-None-Match": tag}
            assert api.nobody.get(path, headers).status_code == 304, (path, tag)


def test_an_answer_that_changed_is_sent_with_another_etag(api: Api) -> None:
    product = api.on_sale(sku="A1")
    tags = {path: api.nobody.get(path.format(product)).headers["ETag"] for path in READS}
    api.on_sale(sku="A1", price=60_000, name="Cup")
    for path, tag in tags.items():
        response = api.nobody.get(path.format(product), {"If-None-Match": tag})
        assert response.status_code == 200
        assert response.headers["ETag"] != tag


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip", "gzip"),
        ("br", "br"),
        ("zstd", "zstd"),
        ("gzip;q=0.5, br;q=1.0", "br"),
        ("identity", None),
        ("compress", None),
        ("", None),
    ],
)
def test_an_answer_above_1_kib_is_packed_as_the_reader_accepts(api: Api, accepted: str, chosen: str | None) -> None:
    product = api.on_sale(description="Café, nothing else. " * 100)
    whole = api.nobody.get(f"/products/{product}").get_data()
    response = api.nobody.get(f"/products/{product}", {"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == chosen
    assert "Accept-Encoding" in response.headers["Vary"]
    assert unpacked(response) == whole
    assert int(response.headers["Content-Length"]) == len(response.get_data())


def test_just_1_kib_is_where_packing_begins(api: Api) -> None:
    empty = len(api.nobody.get(f"/products/{api.on_sale(sku='A')}").get_data())
    for size, encoding in ((1_023, None), (1_024, "gzip")):
        product = api.on_sale(sku="A", description="x" * (size - empty))
        response = api.nobody.get(f"/products/{product}", {"Accept-Encoding": "gzip, br;q=0.1"})
        assert response.headers.get("Content-Encoding") == encoding
        assert len(unpacked(response)) == size


def test_private_lists_are_packed_too(api: Api) -> None:
    for number in range(10):
        api.grant(f"member {number}", 5)
    response = api.admin.get("/admin/transactions", {"Accept-Encoding": "br"})
    assert response.headers["Content-Encoding"] == "br"
    assert json.loads(unpacked(response))["items"] == api.admin.items("/admin/transactions")
