"""Auditors' reads are themselves on record: what an auditor asks is written down before it is answered.

On record is every request to /audit, and every other read that the policy opens to auditors (/admin, /orders/<id>) by
one who is not also an admin. What the policy refuses showed nothing, and would let anybody fill the table.

The record says who, when, which endpoint, about whose account, and the other parameters. A list is about somebody where
it was asked for by their user or by their order; else about nobody, whoever stands on it. User ids are left out, so
that a member can be forgotten. What was answered had no parameters but those that its schema declares and checks; of a
request that was refused later (404, 422) the status stands there instead, for its parameters may hold anything. What
cannot be recorded is not answered.
"""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from eventsourcing.persistence import PersistenceError
from flask import Flask, Response, g, request

from app.api.context import house
from app.api.problems import refusal
from app.auth.policy import POLICY, is_allowed
from app.auth.principals import Principal, is_user_id
from app.domain.order import Order
from app.telemetry.logging import logger

NAMING = {"user", "reader", "cursor"}
"""Parameters that hold user ids; a list's cursor holds the last one shown."""

_log = logger("readings")


def install(app: Flask) -> None:
    """Record reads of `app`. Goes in last, since what is installed last runs first after a view."""
    app.after_request(_record)


def account_named(user: str | None) -> UUID | None:
    """The account that a path or query means by a user id or an account id; None where there is none.

    Only what the directory knows: any other id may be the user id of somebody.
    """
    account_id, _ = house().history.named(user) if user else (None, None)
    return account_id if account_id and account_id in house().directory.users_of([account_id]) else None


def _record(response: Response) -> Response:
    reader: Principal | None = g.get("principal")
    if reader is None or not _is_on_record(reader):
        return response
    named = request.view_args or {}
    parameters = [*named.items(), *request.args.items(multi=True)]
    asked = urlencode([(name, value) for name, value in parameters if name not in NAMING])
    detail = asked if response.status_code < 400 else f"refused: {response.status_code}"
    try:
        account_id = _about({**request.args.to_dict(), **named})
        house().readings.record(house().clock(), reader.user_id, request.endpoint or "", account_id, detail)
    except PersistenceError as error:
        _log.error("a reading cannot be recorded, so it is not answered", error=str(error))
        response.close()
        return refusal("unavailable", retry_after_s=1)
    return response


def _about(asked: dict[str, str]) -> UUID | None:
    """The account that a request is about by its user, or else by its order. Only in the audit do account ids count."""
    user, order_id = asked.get("user"), asked.get("order_id")
    if user is None:
        return _account_of_order(order_id) if order_id else None
    if (request.endpoint or "").startswith("audit_"):
        return account_named(user)
    return house().directory.account_of(user) if is_user_id(user) else None


def _account_of_order(order_id: str) -> UUID | None:
    try:
        wanted = UUID(order_id)
    except ValueError:
        return None
    (order,) = house().loyalty.load((Order, wanted))
    return order.placed.account_id if order else None


def _is_on_record(reader: Principal) -> bool:
    endpoint = request.endpoint
    if endpoint is None or not is_allowed(endpoint, reader.roles):
        return False
    if endpoint.startswith("audit_"):
        return True
    is_read = request.method in ("GET", "HEAD") and "auditor" in POLICY[endpoint]
    return is_read and "auditor" in reader.roles and "admin" not in reader.roles
