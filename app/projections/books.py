"""What our orders say of money, for reconciliation with the gateway: queries over orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

from app.database import Database
from app.usecases.ports import OrderEntry

CHUNK = 1000
"""Orders read at a time."""

_SELECT = """
SELECT order_id, status, charge_id, cash_due, cash_refunded, currency, waiting_since IS NOT NULL, position FROM orders
"""


class PostgresOrderBooks:
    """Reads the read model `orders`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def entries(self, order_ids: Sequence[UUID]) -> dict[UUID, OrderEntry]:
        """What stands in our books about these orders."""
        rows = self._database.rows(f"{_SELECT} WHERE order_id = ANY(%s)", (list(order_ids),))
        return {row[0]: OrderEntry(*row[:-1]) for row in rows}

    def charged(self, gateway: str, since: datetime) -> Iterator[OrderEntry]:
        """Every order placed since then that a charge at this gateway paid for."""
        after = 0
        while rows := self._database.rows(
            f"{_SELECT} WHERE charge_id IS NOT NULL AND gateway = %s AND created_at >= %s AND position > %s"
            " ORDER BY position LIMIT %s",
            (gateway, since, after, CHUNK),
        ):
            yield from (OrderEntry(*row[:-1]) for row in rows)
            after = rows[-1][-1]
