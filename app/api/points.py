"""GET /user/points, /user/points/expiring, /user/transactions: the member's own points."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.api import paging, schemas
from app.api.bodies import answer
from app.api.context import house, principal
from app.api.documents import Blueprint
from app.api.fields import Paged, chosen
from app.projections.transactions import Filters

blueprint = Blueprint("points", __name__, description="The member's own points.")


class Expiring(Schema):
    """What lapses when."""

    items = fields.List(fields.Nested(schemas.Expiry), required=True)


@blueprint.route("/user/points")
@blueprint.response(200, schemas.Points)
def own() -> Response:
    """What the member has. A member not seen before has zeros."""
    return answer(house().accounts.points(principal().user_id, house().clock()))


@blueprint.route("/user/points/expiring")
@blueprint.response(200, Expiring)
def expiring() -> Response:
    """What will lapse, by instant, soonest first."""
    return answer({"items": house().accounts.expiring(principal().user_id, house().clock())})


class Query(Paged):
    """Which page, and which fields of each line."""

    fields_ = chosen(schemas.Transaction)


@blueprint.route("/user/transactions")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, schemas.Transactions)
def transactions(query: dict[str, Any]) -> Response:
    """The member's own feed, newest first."""
    (after,) = paging.after(query["cursor"]) or [None]
    page = house().transactions.page(query["limit"], after, Filters(user=principal().user_id))
    return paging.listed(page.items, page.next, query["fields"])
