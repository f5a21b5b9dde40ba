"""GET /orders/<order_id> and GET /user/orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from flask import Response

from app.api import paging, schemas
from app.api.bodies import answer
from app.api.context import house, principal
from app.api.documents import Blueprint
from app.api.fields import Paged, chosen
from app.auth.policy import READERS
from app.domain.errors import DomainError
from app.projections.pages import Item, Page

blueprint = Blueprint("orders", __name__, description="Purchases.")


@blueprint.route("/orders/<order_id>")
@blueprint.response(200, schemas.Order)
def one(order_id: str) -> Response:
    """One order: a customer's own, any for admins and auditors. Another's reads as one that does not exist."""
    found = house().orders.find(order_id_of(order_id))
    if found is None or not (found["user"] == principal().user_id or principal().roles & READERS):
        raise DomainError("unknown_order")
    return answer(shown(found))


class Query(Paged):
    """Which page, and which fields of each order."""

    fields_ = chosen(schemas.Order)


@blueprint.route("/user/orders")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, schemas.Orders)
def own(query: dict[str, Any]) -> Response:
    """The member's own orders, newest first."""
    (after,) = paging.after(query["cursor"]) or [None]
    return listed(house().orders.page(query["limit"], after, user=principal().user_id), query["fields"])


def listed(page: Page, only: Sequence[str] | None) -> Response:
    """A page of orders."""
    return paging.listed([shown(item) for item in page.items], page.next, only)


def shown(item: Item) -> Item:
    """An order without its place in the log."""
    return {name: value for name, value in item.items() if name != "position"}


def order_id_of(text: str) -> UUID:
    """An order id from a path. Raises `unknown_order` for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise DomainError("unknown_order") from None
