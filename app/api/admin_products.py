"""PUT /admin/products: import a file of products, streamed."""

from __future__ import annotations

import io
from typing import cast

from flask import Response, request
from marshmallow import Schema, fields

from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.catalog.importing import import_products, read_lines
from app.domain.errors import DomainError

blueprint = Blueprint("admin_products", __name__, description="Keeping the catalogue.")

NDJSON = "application/x-ndjson"

ANY_LENGTH = 2**63 - 1
"""A file is read line by line, so its size costs nothing. None would be the app's limit again."""


class Rejected(Schema):
    """A line that was not taken, and why."""

    line = fields.Integer(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)


class Imported(Schema):
    """What became of the file."""

    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    rejected = fields.List(fields.Nested(Rejected), required=True)


@blueprint.route("/admin/products", methods=["PUT"])
@blueprint.doc(requestBody={"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}})
@blueprint.response(200, Imported)
def imported() -> Response:
    """Create or replace products by `sku`, one JSON object a line. A bad line is reported and stops nothing."""
    if request.mimetype != NDJSON:
        raise DomainError("unsupported_media_type")
    request.max_content_length = ANY_LENGTH
    report = import_products(
        house().database, read_lines(cast(io.RawIOBase, request.stream)), house().settings.currency
    )
    return answer({"created": report.created, "updated": report.updated, "rejected": report.rejected})
