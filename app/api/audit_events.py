"""GET /audit/events: the raw log in order; as JSON pages, or to its end as NDJSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Response, request
from marshmallow import Schema, fields

from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant, chosen, whole_text
from app.projections.pages import Item

blueprint = Blueprint("audit_events", __name__, description="The log itself.")

JSON, NDJSON = "application/json", "application/x-ndjson"


class Event(Schema):
    """An event as it is stored: `data` is its state, `metadata` how it was written, `hash` its place in the chain.

    `stream` is the id of the account, order or programme that it belongs to, `version` its number there, from 1.
    """

    position = fields.Integer(required=True)
    stream = fields.UUID(required=True)
    version = fields.Integer(required=True)
    type = fields.String(required=True)
    recorded_at = Instant(required=True)
    data = fields.Raw(required=True, metadata={"type": "object"})
    metadata = fields.Raw(required=True, metadata={"type": "object"})
    hash = fields.String(required=True)


class Events(Schema):
    """Some events; `next` is the `after` to go on with, null where the log ends for now."""

    items = fields.List(fields.Nested(Event), required=True)
    next = fields.Integer(required=True, allow_none=True)


class Query(Schema):
    """From where on, and how many."""

    after = whole_text(0, load_default=0)
    limit = whole_text(1, 100, load_default=20)
    fields_ = chosen(Event)


@blueprint.route("/audit/events")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, Events)
@blueprint.alt_response(200, schema={"type": "string"}, content_type=NDJSON, description="All events past `after`.")
def listed(query: dict[str, Any]) -> Response:
    """The log, oldest first. `Accept: application/x-ndjson` streams it to its end, whatever `limit` says."""
    columns = query["fields"] or tuple(Event._declared_fields)
    kinds = [JSON, NDJSON, f"{NDJSON}; charset=utf-8"]
    if request.accept_mimetypes.best_match(kinds, default=JSON) == JSON:
        response = _page(query, columns)
    else:
        lines = _ndjson(house().logged_events.all(query["after"]), columns)
        response = Response(lines, content_type=f"{NDJSON}; charset=utf-8")
    response.vary.add("Accept")
    return response


def _page(query: dict[str, Any], columns: Sequence[str]) -> Response:
    page = house().logged_events.page(query["limit"], query["after"])
    (after,) = page.next or [None]
    response = answer({"items": [_chosen(item, columns) for item in page.items], "next": after})
    if after is not None:
        kept = [(name, value) for name, value in request.args.items(multi=True) if name != "after"]
        response.headers["Link"] = f'<{request.path}?{urlencode([*kept, ("after", after)])}>; rel="next"'
    return response


def _ndjson(chunks: Iterator[list[Item]], columns: Sequence[str]) -> Iterator[bytes]:
    for items in chunks:
        yield b"".join(msgspec.json.encode(_chosen(item, columns)) + b"\n" for item in items)


def _chosen(item: Item, columns: Sequence[str]) -> Item:
    return {name: item[name] for name in columns}
