"""What a page can reach: the house that serves it, and who looks at it."""

from __future__ import annotations

from flask import current_app, g

from app.registers.panel_users import PanelUser
from app.wiring import House

HOUSE = "miles.house"


def house() -> House:
    """The house behind this app."""
    found: House = current_app.extensions[HOUSE]
    return found


def user() -> PanelUser:
    """Who is logged in; the guard has made sure that somebody is."""
    found: PanelUser = g.user
    return found


def is_admin() -> bool:
    """Whether who is logged in may change anything."""
    return user().role == "admin"
