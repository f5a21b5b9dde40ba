"""Where recovery stands with orders that are not settled, and which of them a person should look at."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from app.database import Database


class PostgresRecoveries:
    """The table `recoveries`: a row an order that was asked about in vain, or is up for review."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def asked(self, order_id: UUID, waiting_since: datetime, next_at: datetime, answer: str) -> None:
        """The gateway was asked and does not know what is waited for; it will be asked again."""
        self._database.execute(
            "INSERT INTO recoveries AS r (order_id, waiting_since, asked, next_at, last_answer)"
            " VALUES (%s, %s, 1, %s, %s)"
            " ON CONFLICT (order_id) DO UPDATE SET waiting_since = excluded.waiting_since, next_at = excluded.next_at,"
            " asked = CASE WHEN r.waiting_since = excluded.waiting_since THEN r.asked ELSE 0 END + 1,"
            " last_answer = excluded.last_answer",
            (order_id, waiting_since, next_at, answer),
        )

    def review(self, order_id: UUID, reason: str) -> None:
        """Something contradicts the order: up for review, with each reason once, until a person clears it."""
        self._database.execute(
            "INSERT INTO recoveries AS r (order_id, review_reason) VALUES (%s, %s)"
            " ON CONFLICT (order_id) DO UPDATE SET review_reason = CASE"
            " WHEN strpos(r.review_reason, excluded.review_reason) > 0 THEN r.review_reason"
            " ELSE concat_ws('; ', r.review_reason, excluded.review_reason) END",
            (order_id, reason),
        )

    def settled(self, order_id: UUID) -> None:
        """The gateway knew: nothing is left to recover. What is up for review stays there."""
        self._database.execute("DELETE FROM recoveries WHERE order_id = %s AND review_reason IS NULL", (order_id,))

    def clear(self, order_id: UUID) -> bool:
        """A person has looked. Gives whether there was anything to look at."""
        cleared = self._database.execute(
            "DELETE FROM recoveries WHERE order_id = %s AND review_reason IS NOT NULL", (order_id,)
        )
        return cleared > 0
