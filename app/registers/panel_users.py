"""Who may use the panel, with which role, and what lets them in: passwords (as hashes), sessions and one-time links.

A token is known here by its digest alone, so nobody who reads the tables can enter. It knows no cookie and no page.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from typing import Literal, NamedTuple

from app.database import Database
from app.registers.panel_failures import PanelFailures

Kind = Literal["session", "link"]


class PanelUser(NamedTuple):
    """`user_id` is an e-mail address; `role` is admin or auditor. Without a hash one enters by a link alone."""

    user_id: str
    role: str
    password_hash: str | None
    created_at: datetime


class PanelUsers:
    """The tables `panel_users` and `panel_tokens`; `failures` are logins that went wrong."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.failures = PanelFailures(database)

    def find(self, user_id: str) -> PanelUser | None:
        """One user, or None."""
        row = self._database.row(
            "SELECT user_id, role, password_hash, created_at FROM panel_users WHERE user_id = %s", (user_id,)
        )
        return PanelUser(*row) if row else None

    def all(self) -> Sequence[PanelUser]:
        """All users, by their ids."""
        rows = self._database.rows("SELECT user_id, role, password_hash, created_at FROM panel_users ORDER BY user_id")
        return [PanelUser(*row) for row in rows]

    def put(self, user_id: str, role: str, password_hash: str | None, at: datetime) -> bool:
        """Add a user, or give one another role and password, whose sessions end; gives whether it is a new one."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO panel_users (user_id, role, password_hash, created_at) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, password_hash = excluded.password_hash"
                " RETURNING xmax = 0",
                (user_id, role, password_hash, at),
            )
            ((is_new,),) = cursor.fetchall()
            cursor.execute("DELETE FROM panel_tokens WHERE user_id = %s", (user_id,))
        return bool(is_new)

    def remove(self, user_id: str) -> bool:
        """Take a user's access away, at once; gives whether there was any. What they did stays theirs."""
        return self._database.execute("DELETE FROM panel_users WHERE user_id = %s", (user_id,)) == 1

    def issue(self, kind: Kind, user_id: str, at: datetime, until: datetime) -> str | None:
        """A new token, good until `until`; None where the user is gone. Tokens that ended are cleared away."""
        token = secrets.token_urlsafe(32)
        self._database.execute("DELETE FROM panel_tokens WHERE expires_at <= %s", (at,))
        made = self._database.execute(
            "INSERT INTO panel_tokens (token_digest, kind, user_id, expires_at)"
            " SELECT %s, %s, user_id, %s FROM panel_users WHERE user_id = %s",
            (digest(token), kind, until, user_id),
        )
        return token if made else None

    def holder(self, token: str, at: datetime) -> PanelUser | None:
        """Whose session a token is at `at`; None for one that ended or never was."""
        row = self._database.row(
            "SELECT u.user_id, u.role, u.password_hash, u.created_at FROM panel_tokens t JOIN panel_users u"
            " USING (user_id) WHERE t.token_digest = %s AND t.kind = 'session' AND t.expires_at > %s",
            (digest(token), at),
        )
        return PanelUser(*row) if row else None

    def redeem(self, link: str, at: datetime) -> str | None:
        """Use a link up; gives whom it lets in, None where it was used, has ended or never was."""
        rows = self._database.written(
            "DELETE FROM panel_tokens WHERE token_digest = %s AND kind = 'link' AND expires_at > %s RETURNING user_id",
            (digest(link), at),
        )
        return rows[0][0] if rows else None

    def end(self, token: str) -> None:
        """End a session."""
        self._database.execute("DELETE FROM panel_tokens WHERE token_digest = %s", (digest(token),))

    def secret(self) -> bytes:
        """What signs the panel's own cookies: one for all processes of the house."""
        row = self._database.row("SELECT value FROM secrets WHERE name = 'panel'")
        assert row is not None, "a migration makes it"
        return bytes(row[0])


def digest(token: str) -> bytes:
    """How a token is known here. It is random and long, so one round of a plain hash is enough."""
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
