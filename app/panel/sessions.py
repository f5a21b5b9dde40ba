"""The panel's one cookie: signed, not readable by scripts, and sent over plain HTTP to this very machine alone.

It holds the session's token, which the database knows by its digest, and what forms are checked by.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, request, session
from flask.sessions import SecureCookieSessionInterface

from app.config import LOOPBACK
from app.panel.context import house
from app.registers.panel_users import PanelUser, PanelUsers

LIVES = timedelta(hours=8)
"""A session ends after a working day, whatever is done in it."""

_TOKEN = "token"


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookie, with the secret that all processes of the house share."""

    def __init__(self, users: PanelUsers) -> None:
        self._users = users

    def get_signing_serializer(self, app: Flask) -> Any:
        """The signer; the secret is read when it is first needed, after a worker has forked."""
        app.secret_key = app.secret_key or self._users.secret()
        return super().get_signing_serializer(app)

    def get_cookie_secure(self, app: Flask) -> bool:
        """True but for a browser on this machine, which no network lies between."""
        return urlsplit(f"//{request.host}").hostname not in LOOPBACK


def begin(user_id: str) -> bool:
    """Log a user in, in a new session in place of any before; gives whether they still may."""
    end()
    at = house().clock()
    token = house().panel_users.issue("session", user_id, at, at + LIVES)
    if token:
        session[_TOKEN] = token
    return token is not None


def current() -> PanelUser | None:
    """Who is logged in, if anybody."""
    token = session.get(_TOKEN)
    return house().panel_users.holder(token, house().clock()) if token else None


def end() -> None:
    """Log out."""
    token = session.get(_TOKEN)
    if token:
        house().panel_users.end(token)
    session.clear()
