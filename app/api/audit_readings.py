"""GET /audit/readings: which auditor read what, and about whom; newest first."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.api import paging, schemas
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, UserId, chosen
from app.api.readings import account_named
from app.registers.readings import ReadingFilters

blueprint = Blueprint("audit_readings", __name__, description="Who read what of the books.")


class Reading(Schema):
    """One look into the books; `action` is the endpoint or command, `detail` its parameters but for user ids.

    `user` is whose account or order was asked for; a list is not put down to each member who stands on it. Of a request
    that was refused `detail` has the status. Who was forgotten is null.
    """

    id = fields.Integer(required=True)
    read_at = Instant(required=True)
    reader = fields.String(required=True, allow_none=True)
    action = fields.String(required=True)
    user = fields.String(required=True, allow_none=True)
    detail = fields.String(required=True)


class Readings(schemas.Page):
    """A page of them, newest first."""

    items = fields.List(fields.Nested(Reading), required=True)


class Query(Paged):
    """What narrows the list; `[since, until)`. `user` may also be the account id of a member who was forgotten."""

    fields_ = chosen(Reading)
    reader = UserId(load_default=None)
    user = UserId(load_default=None)
    since = Instant(load_default=None)
    until = Instant(load_default=None)


@blueprint.route("/audit/readings")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, Readings)
def listed(query: dict[str, Any]) -> Response:
    """What auditors have read, this request not yet among it."""
    (before,) = paging.after(query["cursor"]) or [None]
    limit, user = query["limit"], query["user"]
    account_id = account_named(user)
    if user and account_id is None:
        return paging.listed([], None, query["fields"])
    filters = ReadingFilters(query["reader"], account_id, query["since"], query["until"])
    found = house().readings.newest(limit + 1, before, filters)
    items = [reading._asdict() for reading in found[:limit]]
    return paging.listed(items, [items[-1]["id"]] if len(found) > limit else None, query["fields"])
