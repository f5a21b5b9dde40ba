"""What a page asks of the database: a handful of statements, however much there is to show."""

from __future__ import annotations

import pytest

from tests.support.panel import Panel, counted_statements, shown
from tests.support.shop import DECLINED, Shop

MOST = 5
"""The session's own among them."""

PAGES = [
    "",
    "members",
    "members?user=m",
    "member?user=ann",
    "member?user=nobody",
    "member/feed?user=ann",
    "member/orders?user=ann",
    "transactions",
    "transactions?user=ann&type=use&reason=x",
    "transactions/newer?seen=1",
    "orders",
    "orders?user=ann&status=paid",
    "orders/reviews",
    "rules",
    "rules/new",
]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_needs_a_handful_of_statements(panel: Panel, path: str) -> None:
    shop = Shop(panel.house)
    shop.give(points=200)
    for _ in range(5):
        shop.buy(points=10)
    shop.buy(method=DECLINED)
    viewer = panel.as_admin()
    viewer.page(f"/panel/{path}")  # what a worker asks once
    with counted_statements() as sent:
        shown(viewer.get(f"/panel/{path}"))
    assert 1 <= len(sent) <= MOST, "\n".join(sent)
