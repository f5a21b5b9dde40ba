"""Reads of the panel that are themselves on record: written down before they are answered, as the API's are.

On record is every page that an auditor reads, and whatever anybody reads of the audit, of a member's statement or of a
backtest. What the policy refuses showed nothing. User ids are left out, and stand here as the account that the page is
about: so that a member can be forgotten. Of what was refused later the status stands in place of what was asked for.
What cannot be recorded is not answered.
"""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from eventsourcing.persistence import PersistenceError
from flask import Flask, Response, g, request

from app.auth.policy import PANEL, PUBLIC
from app.auth.principals import is_user_id
from app.domain.order import Order
from app.panel.context import house
from app.panel.errors import PAGES, page
from app.registers.panel_users import PanelUser
from app.telemetry.logging import logger

NAMING = {"user", "after_user", "reader", "actor", "reason", "q", "cursor"}
"""Parameters that may name people, in free text or as a user id."""

MAX_DETAIL = 1000
"""Characters of what was asked: more than any page of ours asks, so that nobody fills the table with an address."""

TRACED = {"members.statement", "rules.backtested"}
"""Pages that go through members' histories, as only the audit does else; the latter as on the command line."""

NOTHING_SHOWN = 204
"""The feed's own look for what is new, where there is nothing new."""

_log = logger("readings")


def install(app: Flask) -> None:
    """Record reads of `app`. Goes in last, since what is installed last runs first after a view."""
    app.after_request(_record)


def _record(response: Response) -> Response:
    reader: PanelUser | None = g.get("user")
    if reader is None or response.status_code == NOTHING_SHOWN or not _is_on_record(reader):
        return response
    parameters = [*(request.view_args or {}).items(), *request.args.items(multi=True)]
    asked = urlencode([(name, value) for name, value in parameters if name not in NAMING])[:MAX_DETAIL]
    detail = asked if response.status_code < 400 else f"refused: {response.status_code}"
    try:
        house().readings.record(house().clock(), reader.user_id, f"panel.{request.endpoint}", _about(), detail)
    except PersistenceError as error:
        _log.error("a reading cannot be recorded, so it is not answered", error=str(error))
        response.close()
        g.user = None  # what the bar would show may need the database, too
        return page(503, *PAGES[503])
    return response


def _is_on_record(reader: PanelUser) -> bool:
    endpoint = request.endpoint
    if endpoint is None or request.method not in ("GET", "HEAD"):
        return False
    allowed = PANEL[endpoint]
    if allowed is PUBLIC or reader.role not in allowed or endpoint.endswith(".previewed"):
        return False
    is_audit = endpoint in TRACED or str(request.url_rule).startswith("/audit")
    return is_audit or reader.role == "auditor"


def _about() -> UUID | None:
    """The account that the page is about by its user, or else by its order."""
    user = request.args.get("user", "")
    if is_user_id(user):
        return house().directory.account_of(user)
    order_id = (request.view_args or {}).get("order_id") or _id(request.args.get("order_id", ""))
    (order,) = house().loyalty.load((Order, order_id)) if order_id else (None,)
    return order.placed.account_id if order else None


def _id(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
