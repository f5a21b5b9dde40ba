"""The shape of an explanation, as the OpenAPI document tells it; app/audit/explanation.py is the same in Python."""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from app.api import schemas
from app.api.admin_rules import RulesBody
from app.api.fields import Instant
from app.audit.lineage import TYPES


class Terms(RulesBody):
    """A rule's terms."""

    class Meta:
        exclude = ("effective_from",)


class Cause(Schema):
    """The event behind points that came or went, in the feed's words. Of an imported order `reason` is its reference.

    `reason` and `actor` are null where there is none, and where they went with a member who was forgotten.
    """

    position = fields.Integer(required=True)
    at = Instant(required=True)
    type = fields.String(required=True, validate=validate.OneOf(list(TYPES.values())))
    order_id = fields.UUID(required=True, allow_none=True)
    refund_id = fields.UUID(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    actor = fields.String(required=True, allow_none=True)


class Movement(Cause):
    """Points that a lot gained, or below zero lost; of debt, those that it grew by, or below zero that were repaid."""

    points = fields.Integer(required=True)


class Earning(Schema):
    """The arithmetic of what an order earned: `amount` by the terms gives `uncapped`; the cap lets `points` be.

    `items` is empty for an order that was imported.
    """

    total = fields.Integer(required=True)
    points_used = fields.Integer(required=True)
    cash_due = fields.Integer(required=True)
    currency = fields.String(required=True)
    items = fields.List(fields.Nested(schemas.OrderItem), required=True)
    rule_version = fields.Integer(required=True)
    rule = fields.Nested(Terms, required=True)
    amount = fields.Integer(required=True)
    uncapped = fields.Integer(required=True)
    is_capped = fields.Boolean(required=True)
    points = fields.Integer(required=True)


class Making(Cause):
    """How a lot was made: the event credited `points`, of which `debt_repaid` went to debt first.

    The rest made the lot; where an order's points came back, lots that had not lapsed took their share, and `parent` is
    the lapsed one that this lot stands for.
    """

    lot = fields.Integer(required=True)
    points = fields.Integer(required=True)
    debt_repaid = fields.Integer(required=True)
    parent = fields.Integer(required=True, allow_none=True)
    earning = fields.Nested(Earning, required=True, allow_none=True)


class TracedLot(Schema):
    """A lot, made with `points`: they and all `movements` sum to `remaining`.

    `state` says what is left of it, at `as_of`. `trace` begins with how the lot was made, goes on with its parent and
    so on, and ends with an order or an adjustment.
    """

    lot = fields.Integer(required=True)
    points = fields.Integer(required=True)
    remaining = fields.Integer(required=True)
    state = fields.String(required=True, validate=validate.OneOf(["available", "pending", "lapsed", "empty"]))
    earned_at = Instant(required=True)
    available_at = Instant(required=True)
    expires_at = Instant(required=True)
    trace = fields.List(fields.Nested(Making), required=True)
    movements = fields.List(fields.Nested(Movement), required=True)


class Explanation(Schema):
    """An account, every point of it: its lots by state sum to `available`, `pending` and `lapsed`, those to `balance`.

    `debts` sum to `debt`. They sum to less than nothing, and `debt` is 0, as of a moment before a debt arose that was
    repaid by an order dated before that moment, which was imported later. `statement` says it all in sentences, a
    paragraph a lot.
    """

    user = fields.String(required=True, allow_none=True)
    account_id = fields.UUID(required=True)
    as_of = Instant(required=True)
    known_at = Instant(required=True)
    available = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    lapsed = fields.Integer(required=True)
    balance = fields.Integer(required=True)
    debt = fields.Integer(required=True)
    lifetime = fields.Nested(schemas.Lifetime, required=True)
    position = fields.Integer(required=True)
    lots = fields.List(fields.Nested(TracedLot), required=True)
    debts = fields.List(fields.Nested(Movement), required=True)
    statement = fields.List(fields.String(), required=True)
