"""What a request can reach: the house that serves it, and who is asking."""

from __future__ import annotations

from flask import current_app, g

from app.auth.principals import Principal
from app.wiring import House

HOUSE = "miles.house"


def house() -> House:
    """The house behind this app."""
    found: House = current_app.extensions[HOUSE]
    return found


def principal() -> Principal:
    """Who sent this request; the guard has made sure that somebody did."""
    found: Principal = g.principal
    return found
