"""The shapes that several resources share, as the OpenAPI document tells them."""

from __future__ import annotations

from marshmallow import INCLUDE, Schema, fields, validate

from app.api.fields import Instant


class Problem(Schema):
    """RFC 9457, with the stable code that clients switch on; the numbers behind a refusal stand beside it."""

    class Meta:
        unknown = INCLUDE

    type = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.Integer(required=True)
    detail = fields.String(required=True)
    code = fields.String(required=True)
    request_id = fields.String(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class Lifetime(Schema):
    """Gross totals; `adjusted` is signed."""

    earned = fields.Integer(required=True)
    redeemed = fields.Integer(required=True)
    restored = fields.Integer(required=True)
    revoked = fields.Integer(required=True)
    expired = fields.Integer(required=True)
    adjusted = fields.Integer(required=True)


class Expiry(Schema):
    """Points that lapse at one instant."""

    points = fields.Integer(required=True)
    expires_at = Instant(required=True)


class Points(Schema):
    """What a member has."""

    user = fields.String(required=True)
    available = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    held = fields.Integer(required=True)
    debt = fields.Integer(required=True)
    lifetime = fields.Nested(Lifetime, required=True)
    next_expiry = fields.Nested(Expiry, required=True, allow_none=True)
    position = fields.Integer(required=True)


class Lot(Schema):
    """Points made together; `source` is earn, manual or restore, `reference` the order or adjustment behind it."""

    lot = fields.Integer(required=True)
    points = fields.Integer(required=True)
    remaining = fields.Integer(required=True)
    earned_at = Instant(required=True)
    available_at = Instant(required=True)
    expires_at = Instant(required=True)
    source = fields.String(required=True)
    reference = fields.String(required=True)


class Account(Points):
    """What a member has, and the lots that it is made of."""

    lots = fields.List(fields.Nested(Lot), required=True)


class Transaction(Schema):
    """One line of the feed. `points` is the change of the balance."""

    id = fields.Integer(required=True)
    user = fields.String(required=True, allow_none=True)
    type = fields.String(
        required=True, validate=validate.OneOf(["earn", "use", "expire", "manual", "restore", "revoke"])
    )
    points = fields.Integer(required=True)
    reference = fields.String(required=True, allow_none=True)
    order_id = fields.UUID(required=True, allow_none=True)
    reason = fields.String(required=True, allow_none=True)
    actor = fields.String(required=True, allow_none=True)
    expires_at = Instant(required=True, allow_none=True)
    created_at = Instant(required=True)
    balance_after = fields.Integer(required=True)
    debt_repaid = fields.Integer()
    debt_added = fields.Integer()


class Page(Schema):
    """The part that all lists have."""

    next = fields.String(required=True, allow_none=True)


class Transactions(Page):
    """A page of the feed, newest first."""

    items = fields.List(fields.Nested(Transaction), required=True)


class OrderItem(Schema):
    """One line of an order."""

    product_id = fields.Integer(required=True)
    name = fields.String(required=True)
    quantity = fields.Integer(required=True)
    unit_price = fields.Integer(required=True)


ORDER_STATUSES = ("pending", "paid", "failed", "partially_refunded", "refunded")


class Order(Schema):
    """A purchase, and the points that it used and earned."""

    order_id = fields.UUID(required=True)
    user = fields.String(required=True, allow_none=True)
    status = fields.String(required=True, validate=validate.OneOf(ORDER_STATUSES))
    total = fields.Integer(required=True)
    points_used = fields.Integer(required=True)
    cash_due = fields.Integer(required=True)
    points_earned = fields.Integer(required=True)
    points_restored = fields.Integer(required=True)
    points_revoked = fields.Integer(required=True)
    cash_refunded = fields.Integer(required=True)
    items = fields.List(fields.Nested(OrderItem), required=True)
    currency = fields.String(required=True)
    created_at = Instant(required=True)


class Orders(Page):
    """A page of orders, newest first."""

    items = fields.List(fields.Nested(Order), required=True)
