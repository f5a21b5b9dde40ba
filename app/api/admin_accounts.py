"""GET /admin/accounts, GET /admin/accounts/<user>, POST …/adjustments: members' accounts, and correcting them."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response
from marshmallow import Schema, fields, validate

from app.api import paging, schemas
from app.api.bodies import answer
from app.api.context import house, principal
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, Reason, UserId, chosen, whole, whole_text
from app.api.idempotency import USER, Key, Reply, keyed
from app.auth.principals import is_user_id
from app.domain.errors import DomainError, invalid
from app.domain.point_account import MAX_ADJUSTMENT
from app.usecases.adjust_points import Adjusted, Adjustment
from app.usecases.ports import POSITION, Receipt

blueprint = Blueprint("admin_accounts", __name__, description="Members' accounts.")


class Listed(Schema):
    """An account in the list."""

    user = fields.String(required=True)
    available = fields.Integer(required=True)
    pending = fields.Integer(required=True)
    debt = fields.Integer(required=True)
    balance = fields.Integer(required=True)
    position = fields.Integer(required=True)


class Query(Paged):
    """What narrows and sorts the list; `user` is a prefix."""

    fields_ = chosen(Listed)
    user = UserId(load_default=None)
    min_available = whole_text(0, load_default=None)
    sort = fields.String(load_default="user", validate=validate.OneOf(["user", "available", "-available"]))


class Accounts(schemas.Page):
    """A page of accounts."""

    items = fields.List(fields.Nested(Listed), required=True)


class AdjustmentBody(Schema):
    """Points to give, or below zero to take."""

    points = whole(-MAX_ADJUSTMENT, MAX_ADJUSTMENT, required=True)
    reason = Reason(required=True)
    expires_at = Instant(load_default=None)


class AdjustmentMade(Schema):
    """What it came to; `transaction_id` is its line in the feed."""

    user = fields.String(required=True)
    points = fields.Integer(required=True)
    available = fields.Integer(required=True)
    transaction_id = fields.Integer(required=True)


@blueprint.route("/admin/accounts")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, Accounts)
def listed(query: dict[str, Any]) -> Response:
    """Opened accounts as of now."""
    after = paging.after(query["cursor"])
    page = house().accounts.page(
        query["limit"],
        (after[0], after[1]) if after else None,
        house().clock(),
        sort=query["sort"],
        prefix=query["user"],
        least=query["min_available"],
    )
    return paging.listed(page.items, page.next, query["fields"])


@blueprint.route("/admin/accounts/<user>")
@blueprint.response(200, schemas.Account)
def one(user: str) -> Response:
    """One member's points and lots."""
    account_id = house().accounts.account_of(user) if is_user_id(user) else None
    if account_id is None:
        raise DomainError("unknown_account")
    return answer({**house().accounts.points(user, house().clock()), "lots": house().lots.of(account_id)})


@blueprint.route("/admin/accounts/<user>/adjustments", methods=["POST"])
@blueprint.arguments(AdjustmentBody)
@blueprint.response(201, AdjustmentMade)
@blueprint.keyed(is_required=True)
def adjusted(body: dict[str, Any], user: str) -> Response:
    """Give or take points by hand; opens the account if need be."""
    if not is_user_id(user):
        raise invalid(user="Must be 1 to 128 printable characters without a slash.")

    def run(key: Key) -> Reply:
        def receipt(outcome: Adjusted) -> Receipt:
            kept = key.receipt(_reply(outcome), is_guard=True)
            assert kept is not None, "adjustments always have a key"
            return kept

        adjustment = Adjustment(
            user_id=user,
            points=body["points"],
            reason=body["reason"],
            actor=principal().user_id,
            key=key.text,
            expires_at=body["expires_at"],
        )
        outcome, position = house().adjust_points(adjustment, receipt)
        reply = _reply(outcome)
        return Reply(reply.status, reply.body.replace(POSITION, str(position)))

    return keyed(run, is_required=True, names=user)


def _reply(outcome: Adjusted) -> Reply:
    """The answer, with the line's number still open: only the append knows it."""
    named, position = msgspec.Raw(USER.encode()), msgspec.Raw(POSITION.encode())
    data = {"user": named, "points": outcome.points, "available": outcome.available, "transaction_id": position}
    return Reply.of(201, data)
