"""Auditors' reads are themselves on record: what an auditor asks is written down before it is answered.

On record is every request to /audit, and every other read that the policy opens to auditors (/admin, /orders/<id>) by
one who is not also an admin. What the policy refuses showed nothing, and would let anybody fill the table.

The record says who, when, which endpoint, about whose account, and the other parameters. User ids are left out, so that
a member can be forgotten. Of a request that was refused later (404, 422) the status stands there instead: its
parameters were never checked, and may hold anything. What cannot be recorded is not answered.
"""

from __future__ import annotations

from urllib.parse import urlencode
from uuid import UUID

from eventsourcing.persistence import PersistenceError
from flask import Flask, Response, g, request

from app.api.context import house
from app.api.problems import refusal
from app.auth.policy import POLICY, is_allowed
from app.auth.principals import Principal
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
    parameters = [*(request.view_args or {}).items(), *request.args.items(multi=True)]
    asked = urlencode([(name, value) for name, value in parameters if name not in NAMING])
    detail = asked if response.status_code < 400 else f"refused: {response.status_code}"
    try:
        account_id = account_named(dict(parameters).get("user"))
        house().readings.record(house().clock(), reader.user_id, request.endpoint or "", account_id, detail)
    except PersistenceError as error:
        _log.error("a reading cannot be recorded, so it is not answered", error=str(error))
        response.close()
        return refusal("unavailable", retry_after_s=1)
    return response


def _is_on_record(reader: Principal) -> bool:
    endpoint = request.endpoint
    if endpoint is None or not is_allowed(endpoint, reader.roles):
        return False
    if endpoint.startswith("audit_"):
        return True
    is_read = request.method in ("GET", "HEAD") and "auditor" in POLICY[endpoint]
    return is_read and "auditor" in reader.roles and "admin" not in reader.roles
