"""A projection as the library's documents teach it: a view that is a tracking recorder, a row an account.

The view's row and the tracking are written in one transaction an event; events that move no points are only tracked.
"""

from __future__ import annotations

from functools import singledispatchmethod
from typing import Any, cast
from uuid import UUID

from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection
from psycopg.sql import SQL, Identifier

from benchmarks.peers.stock_shop import Account


class BalancesView(PostgresTrackingRecorder):
    """What each account holds."""

    def __init__(self, datastore: PostgresDatastore, *, tracking_table_name: str, **kwargs: Any) -> None:
        super().__init__(datastore, tracking_table_name=tracking_table_name, **kwargs)
        table = Identifier(self.datastore.schema, f"{tracking_table_name}_view")
        self.sql_create_statements.append(
            SQL("CREATE TABLE IF NOT EXISTS {0} (account_id uuid PRIMARY KEY, balance bigint NOT NULL)").format(table)
        )
        self._merge = SQL(
            "INSERT INTO {0} AS v VALUES (%s, %s) ON CONFLICT (account_id) DO UPDATE SET balance = v.balance + %s"
        ).format(table)
        self._sum = SQL("SELECT sum(balance)::bigint AS total FROM {0}").format(table)

    def move(self, account_id: UUID, points: int, tracking: Tracking) -> None:
        """Change a balance."""
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking)
            cursor.execute(self._merge, (account_id, points, points), prepare=True)

    def total(self) -> int:
        """All balances."""
        with self.datastore.get_connection() as connection, connection.cursor() as cursor:
            cursor.execute(self._sum)
            row = cast(dict[str, int], cursor.fetchone())
            return row["total"]


class Balances(Projection[BalancesView]):
    """Follows the accounts."""

    name = "balances"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """What moves no points."""
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, domain_event: Account.Earned, tracking: Tracking) -> None:
        self.view.move(domain_event.originator_id, domain_event.points, tracking)

    @process_event.register
    def _(self, domain_event: Account.Redeemed, tracking: Tracking) -> None:
        self.view.move(domain_event.originator_id, -domain_event.points, tracking)
