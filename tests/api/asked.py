"""What is asked of every operation, so that it answers in every way that it can."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.http import basket, bought


def posts(product: int, order: str, timed_out: str) -> Iterator[tuple[str, Any]]:
    """Paths and bodies of every operation that takes JSON, those that it refuses among them."""
    body, adjustment = bought(product, points=30), {"points": 5, "reason": "sorry"}
    yield "/checkout/quote", basket(product, points=30)
    yield "/checkout/quote", basket(product, points=301)
    yield "/checkout/quote", basket(99)
    yield "/checkout/", body
    yield "/checkout/", {**body, "payment_method": "pm_sandbox_timeout"}
    yield "/checkout/", {**body, "payment_method": "pm_card_chargeDeclined"}
    yield "/checkout/", {**body, "expected_total": 1}
    yield "/checkout/", {**body, "points_to_use": "x"}
    yield "/checkout/", []
    yield "/admin/accounts/ann/adjustments", adjustment
    yield "/admin/accounts/ann/adjustments", {**adjustment, "points": -10_000}
    yield "/admin/accounts/ann/adjustments", {"reason": "sorry"}
    yield f"/admin/orders/{order}/refunds", {"amount": 10_000, "reason": "A dent."}
    yield f"/admin/orders/{order}/refunds", {"amount": 50_000, "reason": "A dent."}
    yield f"/admin/orders/{timed_out}/refunds", {"reason": "A dent."}
    yield f"/admin/orders/{timed_out}/refunds", {"reason": "Again."}
    yield f"/admin/orders/{order}/refunds", {"reason": " "}
    yield "/admin/orders/1/refunds", {"reason": "A dent."}
    yield "/admin/rules", {"pending_days": 3, "effective_from": "2026-03-01T00:00:00+05:30"}
    yield "/admin/rules", {"pending_days": -1}
    yield "/payments/webhooks/stripe", {}


GETS = (
    "/products/?limit=1",
    "/products/search?q=cup&facets=1",
    "/products/search?sort=x",
    "/products/{product}",
    "/products/999",
    "/orders/{order}",
    "/orders/1",
    "/user/orders",
    "/user/points",
    "/user/points/expiring",
    "/user/transactions",
    "/user/transactions?cursor=x",
    "/admin/transactions",
    "/admin/accounts",
    "/admin/accounts/ann",
    "/admin/accounts/zed",
    "/admin/orders",
    "/admin/reviews",
    "/admin/rules",
    "/admin/rules/current",
    "/admin/reports/summary",
    "/audit/events?limit=100",
    "/audit/accounts/ann",
    "/audit/accounts/zed",
    "/audit/accounts/ann?as_of=2026-01-15",
    "/audit/accounts/ann/explain",
    "/audit/accounts/zed/explain",
    "/audit/readings",
    "/audit/checkpoints",
    "/audit/checkpoints/{sealed}/consistency?from={sealed}",
    "/audit/checkpoints/{sealed}/consistency",
    "/audit/checkpoints/99999/consistency?from={sealed}",
    "/audit/events/{sealed}/proof",
    "/audit/events/{unsealed}/proof",
    "/audit/events/99999/proof",
    "/healthz",
    "/readyz",
)
