"""Who is who. The one place that knows both a user id and the account id that events name, and that forgets it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from app.database import Database
from app.eventstore.merging import array
from app.registers import mentions
from app.usecases.ports import DirectoryEntry, Forgotten, ReasonText, ReasonTexts


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
        """The texts of those reasons that were recorded and have not been blanked."""
        rows = self._database.rows(
            "SELECT reason_id, body FROM reasons WHERE reason_id = ANY(%s) AND body <> ''", (list(reason_ids),)
        )
        return dict(rows)

    def has_reason(self, reason_id: UUID) -> bool:
        """Whether an adjustment of this reason id was recorded."""
        return self._database.row("SELECT 1 FROM reasons WHERE reason_id = %s", (reason_id,)) is not None

    def forget(self, user_id: str, at: datetime) -> Forgotten | None:
        """Forget who an account is and every text about them, in one transaction; None for one never seen.

        The row stays, since events name it. The table's lock comes first: it waits for every append that has written a
        reason and is not committed yet, about whomever, so that no text which is under way is missed.
        """
        with self._database.transaction() as cursor:
            cursor.execute("LOCK TABLE reasons IN SHARE ROW EXCLUSIVE MODE")
            cursor.execute(
                "UPDATE directory SET user_id = NULL, forgotten_at = %s WHERE user_id = %s RETURNING account_id",
                (at, user_id),
            )
            row = cursor.fetchone()
            if row is None:
                return None
            cursor.execute("UPDATE reasons SET body = '' WHERE account_id = %s AND body <> ''", row)
            blanked, changed = cursor.rowcount, 0
            cursor.execute("DELETE FROM panel_users WHERE user_id = %s", (user_id,))
            for removal in mentions.removals(user_id):
                cursor.execute(*removal)
                changed += cursor.rowcount
            return Forgotten(row[0], blanked, changed)


def entry_statement(entry: DirectoryEntry) -> tuple[str, Sequence[Any]]:
    """Writes an entry in an append's transaction; a taken user or account id fails all of it."""
    return "INSERT INTO directory (account_id, user_id) VALUES (%s, %s)", (entry.account_id, entry.user_id)


def reason_statement(reason: ReasonText) -> tuple[str, Sequence[Any]]:
    """Writes a reason's text in an append's transaction; a taken id fails all of it."""
    return reasons_statement(ReasonTexts([reason]))


def reasons_statement(texts: ReasonTexts) -> tuple[str, Sequence[Any]]:
    """Writes the texts of reasons in an append's transaction; a taken id fails all of it.

    About a member who is forgotten no text is kept. The lock lets an append and `forget` pass one after the other, so
    that a text which was under way is either found and blanked, or never written.
    """
    return (
        "INSERT INTO reasons (reason_id, account_id, body) SELECT r.reason_id, r.account_id, (SELECT CASE WHEN"
        " d.forgotten_at IS NULL THEN r.body ELSE '' END FROM directory d WHERE d.account_id = r.account_id"
        " FOR KEY SHARE) FROM unnest(%s::uuid[], %s::uuid[], %s::text[]) AS r(reason_id, account_id, body)",
        (
            array([reason.reason_id for reason in texts.reasons]),
            array([reason.account_id for reason in texts.reasons]),
            array([reason.text for reason in texts.reasons]),
        ),
    )
