"""GET /admin/reports/summary: what the programme issued, took back and owes."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant
from app.api.problems import refusal
from app.projections.daily import Behind

blueprint = Blueprint("admin_reports", __name__, description="Reports.")


class Query(Schema):
    """`[since, until)`; without bounds, all time."""

    since = Instant(load_default=None)
    until = Instant(load_default=None)


class Outstanding(Schema):
    """Points that members hold, and what they are worth at the current rule."""

    points = fields.Integer(required=True)
    value = fields.Integer(required=True)


class Day(Schema):
    """What moved on one day of the programme."""

    day = fields.Date(required=True)
    earned = fields.Integer(required=True)
    redeemed = fields.Integer(required=True)
    expired = fields.Integer(required=True)
    adjusted = fields.Integer(required=True)


class Summary(Schema):
    """Sums of the range; `outstanding` and `debt` are as they stood at its end."""

    outstanding = fields.Nested(Outstanding, required=True)
    debt = fields.Integer(required=True)
    members = fields.Integer(required=True)
    earned = fields.Integer(required=True)
    redeemed = fields.Integer(required=True)
    restored = fields.Integer(required=True)
    revoked = fields.Integer(required=True)
    expired = fields.Integer(required=True)
    adjusted = fields.Integer(required=True)
    breakage_rate = fields.Float(required=True, metadata={"description": "expired ÷ (earned + given by hand)"})
    currency = fields.String(required=True)
    days = fields.List(fields.Nested(Day), required=True)


@blueprint.route("/admin/reports/summary")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, Summary)
def summary(query: dict[str, Any]) -> Response:
    """The summary, as of the log now at least; 503 where the report could not catch up within two seconds."""
    value = house().loyalty.programme().in_effect(house().clock()).rule.point_value
    try:
        found = house().daily.summary(query["since"], query["until"], value)
    except Behind:
        return refusal("report_behind", retry_after_s=1)
    return answer({**found, "currency": house().settings.currency})
