"""The catalogue as the checkout sees it: what each product costs now. It never writes."""

from __future__ import annotations

from collections.abc import Sequence

from app.catalog.query import MAX_BIGINT
from app.database import Database
from app.usecases.ports import Priced

PRICES = "SELECT id, name, price_minor, currency FROM products WHERE active AND id = ANY(%s::bigint[])"


class CataloguePrices:
    """The port `PriceList` on the table of products."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def prices(self, product_ids: Sequence[int]) -> dict[int, Priced]:
        """The active products among `product_ids`, by id, in one round trip; what is not sold is left out."""
        wanted = [product_id for product_id in set(product_ids) if 0 < product_id <= MAX_BIGINT]
        return {row[0]: Priced(*row) for row in self._database.rows(PRICES, (wanted,))}
