"""Whether a rival does the same work: its answers are held against the house's once, before it is measured."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from benchmarks import crowd
from benchmarks.servers import Server

SAME = ("status", "total", "points_used", "cash_due", "points_earned", "available", "currency")


def same_purchases(house: Server, rival: Server, secret: str, products: list[tuple[int, int]]) -> None:
    """Buy twice at both, the second time with points, and once more under the same key.

    Raises RuntimeError where a sum is another one.
    """
    told = [_purchases(server, secret, products[0]) for server in (house, rival)]
    if told[0] != told[1]:
        raise RuntimeError(f"the rival sells otherwise: {told[1]}, where the house says {told[0]}")


def _purchases(server: Server, secret: str, product: tuple[int, int]) -> list[dict[str, Any]]:
    (token,) = crowd.tokens(secret, [f"checked at {server.port}"])
    first = _buy(server, token, "first", product[0], 0)
    points = min(first["available"], product[1] // 100)
    second = _buy(server, token, "second", product[0], points)
    again = _buy(server, token, "second", product[0], points)
    if again != second:
        raise RuntimeError(f"a second try was answered otherwise: {again}, after {second}")
    return [{name: answer[name] for name in SAME} for answer in (first, second)]


def _buy(server: Server, token: str, key: str, product_id: int, points: int) -> dict[str, Any]:
    body = {
        "items": [{"product_id": product_id, "quantity": 1}],
        "points_to_use": points,
        "payment_method": "pm_card_visa",
    }
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{server.port}/checkout/"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as response:
        if response.status != 201:
            raise RuntimeError(f"{response.status} in place of 201 for a purchase")
        answer: dict[str, Any] = json.load(response)
    return answer


def same_finds(house: Server, rival: Server, paths: list[str]) -> None:
    """Search at both. Raises RuntimeError where other products are found, or none at all."""
    for path in paths:
        ours, theirs = ([item["sku"] for item in json.loads(server.get(path))["items"]] for server in (house, rival))
        if ours != theirs or not ours:
            raise RuntimeError(f"{path}: the rival finds {theirs}, the house {ours}")


def finds_what_was_meant(house: Server, asked: list[tuple[str, str]], *, at_least: float) -> None:
    """Search misspelt. Raises RuntimeError where what was meant is too seldom on the first page."""
    found = [meant in house.get(path).decode() for path, meant in asked]
    if sum(found) < at_least * len(found):
        raise RuntimeError(f"of {len(found)} misspelt words only {sum(found)} were understood")
