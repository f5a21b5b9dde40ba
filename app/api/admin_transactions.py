"""GET /admin/transactions: every movement of points, newest first; as JSON pages, or whole as CSV or NDJSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from flask import Response, request
from marshmallow import fields, validate

from app.api import paging, schemas
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, UserId, chosen
from app.projections.pages import Item
from app.projections.transactions import TYPES, Filters
from app.web.spreadsheets import CSV, csv_lines

blueprint = Blueprint("admin_transactions", __name__, description="The feed of all movements.")

JSON, NDJSON = "application/json", "application/x-ndjson"
FIELDS = tuple(schemas.Transaction._declared_fields)


class Query(Paged):
    """What narrows the feed; `[since, until)`."""

    fields_ = chosen(schemas.Transaction)
    user = UserId(load_default=None)
    type = fields.String(load_default=None, validate=validate.OneOf(TYPES))
    order_id = fields.UUID(load_default=None)
    since = Instant(load_default=None)
    until = Instant(load_default=None)


@blueprint.route("/admin/transactions")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, schemas.Transactions)
@blueprint.alt_response(200, schema={"type": "string"}, content_type=CSV, description="The whole filtered feed.")
@blueprint.alt_response(200, schema={"type": "string"}, content_type=NDJSON, description="The whole filtered feed.")
def listed(query: dict[str, Any]) -> Response:
    """The feed. `Accept: text/csv` or `application/x-ndjson` streams all of it, whatever `limit` says."""
    filters = Filters(query["user"], query["type"], query["order_id"], query["since"], query["until"])
    (after,) = paging.after(query["cursor"]) or [None]
    kind = _wanted()
    if kind == JSON:
        page = house().transactions.page(query["limit"], after, filters)
        response = paging.listed(page.items, page.next, query["fields"])
    else:
        chunks = house().transactions.all(filters)
        columns = query["fields"] or FIELDS
        lines = csv_lines(chunks, columns) if kind == CSV else _ndjson(chunks, columns)
        response = Response(lines, content_type=f"{kind}; charset=utf-8")
        name = "transactions.csv" if kind == CSV else "transactions.ndjson"
        response.headers["Content-Disposition"] = f"attachment; filename={name}"
    response.vary.add("Accept")
    return response


def _wanted() -> str:
    """The kind of answer that the client would rather have; many add a charset to its name."""
    kinds = [kind + charset for kind in (JSON, CSV, NDJSON) for charset in ("", "; charset=utf-8")]
    return request.accept_mimetypes.best_match(kinds, default=JSON).partition(";")[0]


def _ndjson(chunks: Iterator[list[Item]], columns: Sequence[str]) -> Iterator[bytes]:
    for items in chunks:
        yield b"".join(msgspec.json.encode({name: item[name] for name in columns}) + b"\n" for item in items)
