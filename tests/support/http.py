"""The HTTP API as its callers see it: a Flask app over a real house, and callers who each hold a token of their own.

api.as_customer("ann").post("/checkout/", body, key="order-1")
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Mapping
from typing import Any

import brotli
from werkzeug.test import TestResponse

from app.api import create_app
from app.auth.tokens import LocalSecret, issue
from app.wiring import House, now

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NDJSON = "application/x-ndjson"
WHOLE_BODY = {"name": "Water bottle", "brand": "Bhoomi", "category": "Kitchen", "price": 50_000}
"""A product but for its sku."""


class Caller:
    """Somebody who sends requests, with a token or without one. Every request has a client of its own."""

    def __init__(self, api: Api, token: str | None) -> None:
        self._api = api
        self.token = token

    def send(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any request; `options` are the test client's."""
        own = {"Authorization": f"Bearer {self.token}"} if self.token is not None else {}
        headers = {**own, **options.pop("headers", {})}
        return self._api.app.test_client().open(path, method=method, headers=headers, buffered=True, **options)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        return self.send("GET", path, headers=headers or {})

    def post(self, path: str, body: Any, *, key: str | None = None) -> TestResponse:
        """Send `body` as JSON, under an idempotency key if one is given."""
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.send("POST", path, json=body, headers=headers)

    def post_raw(
        self, path: str, data: bytes, content_type: str = "application/json", key: str = "raw"
    ) -> TestResponse:
        """Send bytes as they are."""
        return self.send("POST", path, data=data, content_type=content_type, headers={"Idempotency-Key": key})

    def put_products(self, *products: Mapping[str, Any]) -> TestResponse:
        """Import products, one a line."""
        lines = b"".join(json.dumps(product).encode() + b"\n" for product in products)
        return self.send("PUT", "/admin/products", data=lines, content_type=NDJSON)

    def pages(self, path: str, most: int = 300) -> list[TestResponse]:
        """Every page of a list, each reached by the Link header of the one before, used as it is."""
        pages = [self.get(path)]
        while link := pages[-1].headers.get("Link"):
            assert len(pages) < most, f"{path} does not end"
            pages.append(self.get(next_of(link)))
        return pages

    def items(self, path: str) -> list[Any]:
        """Every item of a list."""
        return [item for page in self.pages(path) for item in answered(page)["items"]]


class Api:
    """The app, and whoever calls it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.app = create_app(house)
        self.nobody = Caller(self, None)
        self.admin = self.as_roles("root", "admin")
        self.auditor = self.as_roles("iris", "auditor")

    def as_roles(self, user: str, *roles: str) -> Caller:
        """A caller whose token says these roles."""
        return Caller(self, issue(LocalSecret(self.house.settings.home).read(), user, list(roles), now()))

    def as_customer(self, user: str) -> Caller:
        return self.as_roles(user, "customer")

    def with_token(self, token: str) -> Caller:
        return Caller(self, token)

    def on_sale(self, price: int = 50_000, **fields: Any) -> int:
        """Put one more product on sale; gives its id."""
        sku = fields.pop("sku", None) or f"SKU-{self._products() + 1}"
        report = answered(self.admin.put_products({**WHOLE_BODY, "sku": sku, "price": price, **fields}))
        assert report["rejected"] == []
        row = self.house.database.row("SELECT id FROM products WHERE sku = %s", (sku,))
        assert row is not None
        return int(row[0])

    def grant(self, user: str, points: int, *, key: str | None = None, **fields: Any) -> dict[str, Any]:
        """The admin adjusts by `points`."""
        body = {"points": points, "reason": "welcome", **fields}
        key = key or f"grant-{user.encode().hex()[:100]}-{self._events()}"
        made: dict[str, Any] = answered(self.admin.post(adjustments_of(user), body, key=key), 201)
        return made

    def _products(self) -> int:
        return int(self.house.database.rows("SELECT count(*) FROM products")[0][0])

    def _events(self) -> int:
        return int(self.house.database.rows("SELECT count(*) FROM events")[0][0])


def adjustments_of(user: str) -> str:
    """The path of a user's adjustments; the test client quotes what must be quoted."""
    return f"{account_of(user)}/adjustments"


def account_of(user: str) -> str:
    """The path of a user's account."""
    return f"/admin/accounts/{quoted(user)}"


def quoted(text: str) -> str:
    """`text` as a part of a path or a query."""
    return "".join(f"%{byte:02X}" for byte in text.encode())


def basket(product_id: int, quantity: int = 1, points: int = 0, **fields: Any) -> dict[str, Any]:
    """A checkout's body."""
    return {"items": [{"product_id": product_id, "quantity": quantity}], "points_to_use": points, **fields}


def bought(product_id: int, quantity: int = 1, points: int = 0, **fields: Any) -> dict[str, Any]:
    """A checkout's body that pays with a good card."""
    return basket(product_id, quantity, points, **{"payment_method": "pm_card_visa", **fields})


def next_of(link: str) -> str:
    """Where a Link header's `next` leads."""
    target, _, relation = link.partition(">; ")
    assert relation == 'rel="next"', link
    return target.removeprefix("<")


def answered(response: TestResponse, status: int = 200) -> Any:
    """The body of a JSON answer with this status."""
    assert response.status_code == status, response.get_data(as_text=True)
    assert response.content_type == "application/json"
    return response.get_json()


def refused(response: TestResponse, status: int, code: str) -> dict[str, Any]:
    """The body of a refusal with this status and code, which is a problem as RFC 9457 wants it."""
    assert response.content_type == "application/problem+json", response.get_data(as_text=True)
    body: dict[str, Any] = response.get_json()
    assert (response.status_code, body["code"]) == (status, code), body
    assert body["status"] == status
    assert body["type"].endswith(f":{code}")
    assert body["title"] and body["detail"]
    assert body["request_id"] == response.headers["X-Request-ID"] != ""
    return body


def unpacked(response: TestResponse) -> bytes:
    """The body of an answer, whichever way it was packed."""
    data = response.get_data()
    match response.headers.get("Content-Encoding"):
        case None:
            return data
        case "gzip":
            return gzip.decompress(data)
        case "br":
            return bytes(brotli.decompress(data))
        case encoding:
            assert encoding == "zstd"
            return bytes(zstd.decompress(data))
