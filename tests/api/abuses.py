"""What clients try that they should not, as a table: who sends what where, and the refusal that it meets.

In paths and bodies `<product>`, `<dear>` and `<paid>`, `<pending>`, … stand for what the scene has of that name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

CHECKOUT, QUOTE, RULES = "/checkout/", "/checkout/quote", "/admin/rules"
ADJUST = "/admin/accounts/ann/adjustments"
REFUND, REVIEW = "/admin/orders/<{}>/refunds", "/admin/reviews/<{}>"

ITEM = {"product_id": "<product>", "quantity": 1}
BUY = {"items": [ITEM], "points_to_use": 30, "payment_method": "pm_card_visa"}
GRANT = {"points": 5, "reason": "sorry"}
GIVE_BACK = {"reason": "It had a dent."}

BAD_NUMBERS = {"zero": 0, "negative": -1, "2 to the 63rd": 2**63, "2 to the 64th": 2**64, "a text": "5", "true": True}


class Abuse(NamedTuple):
    """A request and its refusal. A body that is no bytes is sent as JSON."""

    name: str
    who: str
    method: str
    path: str
    body: Any
    status: int
    code: str
    headers: Mapping[str, str] = {}


def buy(name: str, body: Any, status: int = 422, code: str = "invalid_request", **headers: str) -> Abuse:
    """Ann checks out. A mapping changes a good body."""
    sent = {**BUY, **body} if isinstance(body, dict) else body
    return Abuse(f"buy: {name}", "ann", "POST", CHECKOUT, sent, status, code, _named(headers))


def item(name: str, **changes: Any) -> Abuse:
    """Ann checks out one line that differs from a good one."""
    return buy(f"an item with {name}", {"items": [{**ITEM, **changes}]})


def adjust(name: str, body: Any, status: int = 422, code: str = "invalid_request", **headers: str) -> Abuse:
    """The admin adjusts ann's points."""
    sent = {**GRANT, **body} if isinstance(body, dict) else body
    return Abuse(f"adjust: {name}", "admin", "POST", ADJUST, sent, status, code, _named(headers))


def refund(name: str, order: str, body: Any, status: int, code: str, **headers: str) -> Abuse:
    """The admin refunds an order of the scene's."""
    sent = {**GIVE_BACK, **body}
    return Abuse(f"refund: {name}", "admin", "POST", REFUND.format(order), sent, status, code, _named(headers))


def rules(name: str, body: Any) -> Abuse:
    """The admin posts a rule."""
    return Abuse(f"rules: {name}", "admin", "POST", RULES, body, 422, "invalid_request")


def read(who: str, path: str, status: int, code: str, **headers: str) -> Abuse:
    """Somebody reads what they should not, or as they should not."""
    return Abuse(f"read: {who} {path} {' '.join(headers)}", who, "GET", path, None, status, code, _named(headers))


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


SHAPES = [
    buy("an array", []),
    buy("an array of orders", [BUY, BUY]),
    buy("a text", b'"buy me a kettle"'),
    buy("nothing", b"", 400, "malformed_json"),
    buy("items that are an object", {"items": ITEM}),
    buy("items in a list in a list", {"items": [[ITEM]]}),
    buy("items that are ids", {"items": ["<product>"]}),
    buy("an item that is null", {"items": [None]}),
    buy("no item", {"items": []}),
    buy("101 items", {"items": [ITEM] * 101}),
    buy("a field twice", b'{"items":[],"points_to_use":0,"points_to_use":-900}', 400, "malformed_json"),
    buy("a field twice in an item", b'{"items":[{"quantity":1,"quantity":-1}]}', 400, "malformed_json"),
    buy("points that are NaN", b'{"points_to_use":NaN}', 400, "malformed_json"),
    buy("points without end", b'{"points_to_use":-Infinity}', 400, "malformed_json"),
    buy("points of 5,000 digits", b'{"points_to_use":' + b"9" * 5_000 + b"}", 400, "malformed_json"),
    buy("60 lists in lists", b'{"items":' + b"[" * 60 + b"]" * 60 + b"}", 400, "malformed_json"),
    buy("half a character", b'{"payment_method":"\\udc00"}', 400, "malformed_json"),
    buy("a NUL in the payment method", {"payment_method": "pm\0"}),
    buy("a payment method of 256 characters", {"payment_method": "x" * 256}),
    buy("two payment methods", {"payment_method": ["pm_card_visa", "pm_card_visa"]}),
    buy("a price of one's own", {"items": [{**ITEM, "unit_price": 1}]}),
    buy("another's account", {"user": "bob"}),
    buy("a status", {"status": "paid"}),
    buy("a form", b"points_to_use=30", 415, "unsupported_media_type", Content_Type="application/x-www-form-urlencoded"),
    buy("plain text", b"{}", 415, "unsupported_media_type", Content_Type="text/plain"),
    buy("a packed body", b"\x1f\x8b\x08\x00", 400, "malformed_json", Content_Encoding="gzip"),
    buy("more than 64 KiB", b'{"items":[' + b" " * 65_536 + b"]}", 413, "body_too_large"),
    adjust("a NUL in the reason", {"reason": "a\0b"}),
    adjust("a blank reason", {"reason": " \n "}),
    adjust("half a character in the reason", b'{"points":5,"reason":"\\ud83d"}', 400, "malformed_json"),
    adjust("the points' lot", {"lot": 7}),
]

NUMBERS = [
    *(item(f"a quantity of {name}", quantity=value) for name, value in BAD_NUMBERS.items()),
    *(item(f"a product of {name}", product_id=value) for name, value in BAD_NUMBERS.items()),
    item("a quantity of 1.0", quantity=1.0),
    item("a quantity of 1001", quantity=1_001),
    buy("a product that is not sold", {"items": [{**ITEM, "product_id": 10**9}]}, 422, "unknown_product"),
    buy("900 points less than none", {"points_to_use": -900}),
    buy("2 to the 63rd points", {"points_to_use": 2**63}),
    buy("half a point", {"points_to_use": 0.5}),
    buy("more points than the total", {"points_to_use": 501}, 422, "points_exceed_total"),
    buy("more points than there are", {"points_to_use": 499}, 422, "insufficient_points"),
    Abuse("buy: more points than the rules allow", "rich", "POST", CHECKOUT,
          {**BUY, "items": [{**ITEM, "quantity": 9}], "points_to_use": 501}, 422, "points_above_maximum"),
    buy("a total that it has not", {"expected_total": 49_999}, 409, "total_changed"),
    buy("a total below nothing", {"expected_total": -1}),
    buy("a total of 2 to the 63rd", {"expected_total": 2**63}),
    buy("10 to the 17th paise", {"items": [{"product_id": "<dear>", "quantity": 1_000}] * 100, "expected_total": 1},
        409, "total_changed"),
    buy("cash without a way to pay it", {"payment_method": None}),
    *(adjust(f"{name} points", {"points": value}) for name, value in BAD_NUMBERS.items() if value != -1),
    adjust("a thousand million and one points", {"points": 10**9 + 1}),
    adjust("as many below nothing", {"points": -(10**9) - 1}),
    adjust("more than there is", {"points": -10_000}, 422, "insufficient_points"),
    adjust("points that lapsed already", {"expires_at": "2026-01-15T06:29:59Z"}),
    adjust("points that lapse who knows where", {"expires_at": "2027-01-01T00:00:00"}),
    adjust("points that lapse in ten thousand years", {"expires_at": "9999-12-31T23:59:59Z"}),
    adjust("points taken that lapse", {"points": -1, "expires_at": "2027-01-01T00:00:00Z"}),
    *(refund(f"an amount of {name}", "paid", {"amount": value}, 422, "invalid_request")
      for name, value in BAD_NUMBERS.items()),
    refund("a paisa more than it cost", "paid", {"amount": 50_001}, 422, "refund_exceeds_order"),
    refund("a paisa more than is left", "partly", {"amount": 40_001}, 422, "refund_exceeds_order"),
    refund("points to give back", "paid", {"points": 500}, 422, "invalid_request"),
    rules("nothing per ₹0", {"earn_per_amount": 0}),
    rules("points that cost their owner", {"point_value": -100}),
    rules("a cap below nothing", {"max_earn_per_order": -1}),
    rules("points that never live", {"expiry_months": 0}),
    rules("points that lapse before they ripen", {"expiry_months": 1, "pending_days": 28}),
    rules("a minimum above the maximum", {"min_redeem_per_order": 20, "max_redeem_per_order": 10}),
    rules("terms of last year", {"effective_from": "2025-01-01T00:00:00Z"}),
    rules("another to earn on", {"earn_on": "wishes"}),
]  # fmt: skip

BAD_TOKENS = ["nobody", "expired", "elsewhere", "unsigned", "forged", "promoted", "no token at all"]

IDENTITIES = [
    *(Abuse(f"buy: {who}", who, "POST", CHECKOUT, BUY, 401, "unauthenticated") for who in BAD_TOKENS),
    *(Abuse(f"adjust: {who}", who, "POST", ADJUST, GRANT, 401, "unauthenticated") for who in BAD_TOKENS),
    read("nobody", "/user/points?access_token=<token>", 401, "unauthenticated"),
    read("nobody", "/user/points", 401, "unauthenticated", Authorization="Basic cm9vdDpyb290"),
    read("nobody", "/user/points", 401, "unauthenticated", Cookie="token=<token>"),
    read("nobody", "/user/points", 401, "unauthenticated", X_User="ann"),
    *(Abuse(f"buy: an {who} is no customer", who, "POST", CHECKOUT, BUY, 403, "forbidden")
      for who in ("admin", "auditor")),
    *(Abuse(f"adjust: {who}", who, "POST", ADJUST, GRANT, 403, "forbidden") for who in ("ann", "auditor")),
    *(Abuse(f"refund: {who}", who, "POST", REFUND.format("paid"), GIVE_BACK, 403, "forbidden")
      for who in ("ann", "auditor")),
    *(Abuse(f"rules: {who}", who, "POST", RULES, {"point_value": 10**9}, 403, "forbidden")
      for who in ("ann", "auditor")),
    *(Abuse(f"clear: {who}", who, "DELETE", REVIEW.format("doubted"), None, 403, "forbidden")
      for who in ("ann", "auditor")),
    *(read("ann", f"/admin/{page}", 403, "forbidden")
      for page in ("accounts", "accounts/ann", "orders", "transactions?user=ann", "rules", "rules/current", "reviews",
                   "reports/summary")),
    read("bob", "/orders/<paid>", 404, "unknown_order"),
    read("bob", "/orders/%7B<paid>%7D", 404, "unknown_order"),
    read("bob", "/orders/<paid>%20", 404, "unknown_order"),
    read("bob", "/orders/%27%20OR%20%27%27%3D%27", 404, "unknown_order"),
    read("bob", "/user/%2e%2e/admin/accounts", 404, "not_found"),
    read("bob", "/user/points/../../admin/accounts", 404, "not_found"),
    read("bob", "/admin//accounts", 404, "not_found"),
    read("bob", "/ADMIN/accounts", 404, "not_found"),
    read("bob", "/static/..%2f..%2fwiring.py", 404, "not_found"),
    read("bob", "/static/%2e%2e/%2e%2e/wiring.py", 404, "not_found"),
    Abuse("adjust: a slash in disguise", "ann", "POST", "/admin/accounts/ann%2Fadjustments", GRANT, 403, "forbidden"),
    *(read("admin", f"/admin/accounts/{user}", 404, "unknown_account")
      for user in ("%27%3B%20DROP%20TABLE%20events%3B--", "%25", "100%25", "a_n", "ANN", "%F0%9F%91%8B", "ann%20",
                   "%00", "root%27--")),
    *(Abuse(f"adjust: {name}", "admin", "POST", f"/admin/accounts/{user}/adjustments", GRANT, 422, "invalid_request")
      for name, user in (("a user with a NUL", "a%00b"), ("a user of 129 characters", "x" * 129),
                         ("a user with a line's end", "a%0Ab"), ("a user who is not UTF-8", "%ff"))),
    read("admin", "/admin/accounts?sort=available%3BDROP", 422, "invalid_request"),
    read("admin", "/admin/accounts?limit=-1", 422, "invalid_request"),
    read("admin", "/admin/orders?limit=1000000", 422, "invalid_request"),
    read("admin", "/admin/orders?status=%27", 422, "invalid_request"),
    read("admin", "/admin/orders?cursor=W10", 422, "invalid_cursor"),
    read("admin", "/admin/transactions?order_id=1", 422, "invalid_request"),
]  # fmt: skip

BAD_KEYS = [
    ("that is not there", "", "idempotency_key_required"),
    ("of 256 characters", "x" * 256, "idempotency_key_invalid"),
    ("with a blank", "a b", "idempotency_key_invalid"),
    ("that nobody sees", "\x7f", "idempotency_key_invalid"),
    ("of another alphabet", "caf\xe9", "idempotency_key_invalid"),
]

REPLAYS = [
    buy("other points under the same key", {"points_to_use": 31}, 422, "idempotency_key_reused",
        Idempotency_Key="bought"),
    buy("another card under the same key", {"payment_method": "pm_card_other"}, 422, "idempotency_key_reused",
        Idempotency_Key="bought"),
    buy("again while it is under way", {}, 409, "in_flight", Idempotency_Key="under-way"),
    buy("something else while that is under way", {"points_to_use": 1}, 422, "idempotency_key_reused",
        Idempotency_Key="under-way"),
    adjust("other points under the same key", {"points": 6}, 422, "idempotency_key_reused", Idempotency_Key="granted"),
    Abuse("adjust: another member under the same key", "admin", "POST", "/admin/accounts/bob/adjustments", GRANT,
          422, "idempotency_key_reused", {"Idempotency-Key": "granted"}),
    Abuse("rules: under a key of an adjustment", "admin", "POST", RULES, {}, 422, "idempotency_key_reused",
          {"Idempotency-Key": "granted"}),
    refund("another order under the same key", "paid", {"amount": 10_000}, 422, "idempotency_key_reused",
           Idempotency_Key="refunded-a-part"),
    refund("another amount under the same key", "partly", {"amount": 10_001}, 422, "idempotency_key_reused",
           Idempotency_Key="refunded-a-part"),
    *(buy(f"a key {name}", {}, 400, code, Idempotency_Key=key) for name, key, code in BAD_KEYS),
    *(adjust(f"a key {name}", {}, 400, code, Idempotency_Key=key) for name, key, code in BAD_KEYS),
    *(refund(f"a key {name}", "paid", {}, 400, code, Idempotency_Key=key) for name, key, code in BAD_KEYS),
]  # fmt: skip

REFUNDS = [
    *(refund(f"{what} {order} order", order, amount, 409, "order_not_refundable")
      for order in ("pending", "failed", "imported", "refunding")
      for what, amount in (("all of a", {}), ("a part of a", {"amount": 1}))),
    refund("all of it a second time", "refunded", {}, 409, "order_not_refundable"),
    refund("a paisa of what is refunded", "refunded", {"amount": 1}, 422, "refund_exceeds_order"),
    refund("an order of nobody's", "nobody's", {}, 404, "unknown_order"),
    refund("an account", "account", {}, 404, "unknown_order"),
    Abuse("refund: what is no id", "admin", "POST", "/admin/orders/1/refunds", GIVE_BACK, 404, "unknown_order"),
    Abuse("refund: without a reason", "admin", "POST", REFUND.format("paid"), {}, 422, "invalid_request"),
    Abuse("clear: an order of nobody's", "admin", "DELETE", REVIEW.format("nobody's"), None, 404, "unknown_order"),
    Abuse("clear: what is no id", "admin", "DELETE", "/admin/reviews/1", None, 404, "unknown_order"),
    Abuse("clear: all of them", "admin", "DELETE", "/admin/reviews", None, 405, "method_not_allowed"),
    Abuse("refund: take it back", "admin", "DELETE", REFUND.format("partly"), None, 405, "method_not_allowed"),
    Abuse("order: away with it", "ann", "DELETE", "/orders/<paid>", None, 405, "method_not_allowed"),
    Abuse("order: make it paid", "admin", "PATCH", "/orders/<pending>", {"status": "paid"}, 405, "method_not_allowed"),
]  # fmt: skip

ABUSES: list[Abuse] = [*SHAPES, *NUMBERS, *IDENTITIES, *REPLAYS, *REFUNDS]


def twice(abuses: Iterable[Abuse]) -> Iterator[str]:
    """Names that the table uses more than once."""
    seen: set[str] = set()
    for abuse in abuses:
        if abuse.name in seen:
            yield abuse.name
        seen.add(abuse.name)
