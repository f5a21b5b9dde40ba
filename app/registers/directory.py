"""Who is who. The one place that knows both a user id and the account id that events name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from app.database import Database
from app.usecases.ports import DirectoryEntry, ReasonText


class PostgresDirectory:
    """The table `directory`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def account_of(self, user_id: str) -> UUID | None:
        """The account id that stands for a user, or None for one never seen."""
        row = self._database.row("SELECT account_id FROM directory WHERE user_id = %s", (user_id,))
        return row[0] if row else None

    def accounts_of(self, user_ids: Sequence[str]) -> dict[str, UUID]:
        """The account ids of those users that were seen before."""
        rows = self._database.rows(
            "SELECT user_id, account_id FROM directory WHERE user_id = ANY(%s)", (list(user_ids),)
        )
        return dict(rows)

    def users_of(self, account_ids: Sequence[UUID]) -> dict[UUID, str | None]:
        """The users behind ids; None for one that was forgotten."""
        rows = self._database.rows(
            "SELECT account_id, user_id FROM directory WHERE account_id = ANY(%s)", (list(account_ids),)
        )
        return dict(rows)

    def reasons_of(self, reason_ids: Sequence[UUID]) -> dict[UUID, str]:
        """The texts of those reasons that were recorded."""
        rows = self._database.rows("SELECT reason_id, body FROM reasons WHERE reason_id = ANY(%s)", (list(reason_ids),))
        return dict(rows)

    def has_reason(self, reason_id: UUID) -> bool:
        """Whether an adjustment of this reason id was recorded."""
        return self._database.row("SELECT 1 FROM reasons WHERE reason_id = %s", (reason_id,)) is not None


def entry_statement(entry: DirectoryEntry) -> tuple[str, Sequence[Any]]:
    """Writes an entry in an append's transaction; a taken user or account id fails all of it."""
    return "INSERT INTO directory (account_id, user_id) VALUES (%s, %s)", (entry.account_id, entry.user_id)


def reason_statement(reason: ReasonText) -> tuple[str, Sequence[Any]]:
    """Writes a reason's text in an append's transaction; a taken id fails all of it."""
    return (
        "INSERT INTO reasons (reason_id, account_id, body) VALUES (%s, %s, %s)",
        (reason.reason_id, reason.account_id, reason.text),
    )
