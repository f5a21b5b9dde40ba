"""What a page asks of the database: a handful of statements, however much there is to show."""

from __future__ import annotations

import pytest

from tests.support.panel import Panel, shown
from tests.support.shop import DECLINED, Shop
from tests.support.statements import counted_statements

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


@pytest.mark.parametrize(
    "path",
    [
        "members?user=%00",
        "members?after_user=%00&after_available=1",
        "members?after_user=a&after_available=99999999999999999999",
        "members?sort=%00",
        "transactions?user=%00&reason=%00&type=%00&order_id=%00",
        "transactions?after=99999999999999999999",
        "transactions.csv?reason=%00",
        "orders?user=%00&status=%00",
        "products?q=%00",
    ],
)
def test_what_no_database_could_hold_is_looked_for_and_not_found(panel: Panel, path: str) -> None:
    assert panel.as_admin().get(f"/panel/{path}").status_code == 200
