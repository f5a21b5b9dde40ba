"""GET /products/, /products/search, /products/<id>: the catalogue, for everybody."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response, request
from marshmallow import Schema, fields, validate

from app.api import paging, schemas
from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import MAX_BIGINT, FieldList, Paged, Text, whole_text
from app.catalog.products import FIELDS, Page, Search
from app.domain.errors import DomainError

blueprint = Blueprint("products", __name__, description="What is sold.")


class ListQuery(Paged):
    """Which page, and which fields of each item."""

    fields_ = FieldList(tuple(FIELDS), data_key="fields", attribute="fields", load_default=None)


class SearchQuery(ListQuery):
    """What to look for: OR within category and brand, AND between all."""

    q = Text(load_default="", validate=validate.Length(max=1000))
    category = fields.List(Text(), load_default=())
    brand = fields.List(Text(), load_default=())
    min_price = whole_text(0, load_default=None)
    max_price = whole_text(0, load_default=None)
    sort = fields.String(load_default=None, validate=validate.OneOf(["relevance", "price", "-price", "name", "newest"]))
    facets = fields.Boolean(load_default=False)


class Product(Schema):
    """A product; the price is in minor units. `description` comes on the detail, or when asked for."""

    id = fields.Integer(required=True)
    sku = fields.String(required=True)
    name = fields.String(required=True)
    brand = fields.String(required=True)
    category = fields.String(required=True)
    price = fields.Integer(required=True)
    currency = fields.String(required=True)
    image_url = fields.String(required=True)
    description = fields.String()


class Facets(Schema):
    """How many products there are by value."""

    category = fields.Dict(keys=fields.String(), values=fields.Integer())
    brand = fields.Dict(keys=fields.String(), values=fields.Integer())


class Products(schemas.Page):
    """A page of products."""

    items = fields.List(fields.Nested(Product), required=True)
    facets = fields.Nested(Facets)


@blueprint.route("/products/")
@blueprint.arguments(ListQuery, location="query")
@blueprint.response(200, Products)
def listed(query: dict[str, Any]) -> Response:
    """All products, page by page."""
    after = paging.after(query["cursor"])
    return _page(house().catalogue.page(query["limit"], after, query["fields"]))


@blueprint.route("/products/search")
@blueprint.arguments(SearchQuery, location="query")
@blueprint.response(200, Products)
def searched(query: dict[str, Any]) -> Response:
    """Search by words (forgiving typos), category, brand and price."""
    search = Search(
        q=query["q"],
        categories=tuple(query["category"]),
        brands=tuple(query["brand"]),
        min_price=query["min_price"],
        max_price=query["max_price"],
        sort=query["sort"],
        limit=query["limit"],
        after=paging.after(query["cursor"]),
        fields=query["fields"],
        facets=query["facets"],
    )
    return _page(house().catalogue.search(search))


@blueprint.route("/products/<product_id>")
@blueprint.response(200, Product)
def one(product_id: str) -> Response:
    """One product, with its description."""
    number = int(product_id) if product_id.isascii() and product_id.isdigit() and len(product_id) < 20 else 0
    found = house().catalogue.find(number) if 0 < number <= MAX_BIGINT else None
    if found is None:
        raise DomainError("not_found")
    return _conditional(answer(found))


def _page(page: Page) -> Response:
    members: dict[str, Any] = {} if page.facets is None else {"facets": page.facets}
    return _conditional(paging.listed(msgspec.Raw(page.items_json.encode()), page.next, **members))


def _conditional(response: Response) -> Response:
    """With an ETag, and 304 where the client has it already."""
    response.headers["Cache-Control"] = "public, no-cache"
    response.add_etag()
    if "If-None-Match" in request.headers:
        response.make_conditional(request)
    return response
