"""Refunds by short words, as the admin root asks for them, and what the gateway's own books say of them."""

from __future__ import annotations

from uuid import UUID

from app.database import Database
from app.usecases.refund_order import RefundWanted
from app.usecases.settle_refund import RefundOutcome
from app.wiring import House
from tests.support.shop import Shop

REFUND_TIMEOUT, REFUND_REFUSED = "pm_sandbox_refund_timeout", "pm_sandbox_refund_refused"


def refund(
    shop: Shop,
    order_id: UUID,
    amount: int | None = None,
    *,
    key: str | None = None,
    actor: str = "root",
    house: House | None = None,
) -> RefundOutcome:
    """Give `amount` of the order's total back, or all that is left. Every call is a refund of its own but for `key`."""
    wanted = RefundWanted(order_id, amount, "It had a dent.", actor, key or shop.key())
    return (house or shop.house).refund_order(wanted)


def given_back(owner: Database, order_id: UUID) -> list[int]:
    """The amounts that the gateway refunded for an order, in the order in which it did."""
    rows = owner.rows("SELECT amount_minor FROM sandbox_refunds WHERE order_id = %s ORDER BY created_at", (order_id,))
    return [amount for (amount,) in rows]


def order_row(shop: Shop, order_id: UUID) -> dict[str, object]:
    """An order, as everybody sees it."""
    found = shop.house.orders.find(order_id)
    assert found is not None
    return found
