"""PUT /admin/products: import a file of products, streamed.

Under an Idempotency-Key the whole import and its answer are one transaction, so a crash leaves both or neither. Then
the file is laid aside first, for the key is bound to it: to the bytes of its lines, one other byte is another request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from typing import IO

from flask import Response, request
from marshmallow import Schema, fields

from app.api.context import house
from app.api.documents import Blueprint
from app.api.idempotency import Key, Reply, keyed
from app.catalog.importing import Report, import_at_once, import_products, read_lines
from app.catalog.lines import LINE, RULES
from app.domain.errors import DomainError
from app.registers.receipts import holding_statement, receipt_statement
from app.usecases.ports import Claim, Receipt

blueprint = Blueprint("admin_products", __name__, description="Keeping the catalogue.")

NDJSON = "application/x-ndjson"

ANY_LENGTH = 2**63 - 1
"""A file is read line by line, so its size costs nothing. None would be the app's limit again."""

IN_MEMORY = 1024 * 1024
"""How much of a file that is laid aside stays in memory; a longer one goes to an unnamed file on the disk."""


UNKNOWN = "unknown field"
"""Under this name stand the errors of fields that no product has. What a client called them is not repeated: the answer
is kept, and might name anybody."""


class Rejected(Schema):
    """A line that was not taken, and why: errors by field, those of unknown fields under `unknown field`."""

    line = fields.Integer(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()), required=True)


class Imported(Schema):
    """What became of the file. `unlisted` are rejected lines too, past the number that is listed."""

    created = fields.Integer(required=True)
    updated = fields.Integer(required=True)
    rejected = fields.List(fields.Nested(Rejected), required=True)
    unlisted = fields.Integer(required=True)


@blueprint.route("/admin/products", methods=["PUT"])
@blueprint.doc(requestBody={"required": True, "content": {NDJSON: {"schema": {"type": "string"}}}})
@blueprint.response(200, Imported)
@blueprint.keyed(is_required=False)
def imported() -> Response:
    """Create or replace products by `sku`, one JSON object a line. A bad line is reported and stops nothing."""
    if request.mimetype != NDJSON:
        raise DomainError("unsupported_media_type")
    request.max_content_length = ANY_LENGTH
    currency = house().settings.currency
    with SpooledTemporaryFile(IN_MEMORY) as laid_aside:

        def run(key: Key) -> Reply:
            if key.claimed is None:
                return _reply(import_products(house().database, read_lines(request.stream), currency))
            return _imported_once(key.claimed, read_lines(laid_aside), currency)

        return keyed(run, is_required=False, content=lambda: _lay_aside(request.stream, laid_aside))


def _lay_aside(stream: IO[bytes], file: IO[bytes]) -> str:
    """Copy `stream` to `file`, ready to be read; gives its digest."""
    digest = hashlib.sha256()
    while some := stream.read(64 * 1024):
        digest.update(some)
        file.write(some)
    file.seek(0)
    return digest.hexdigest()


def _imported_once(claimed: Claim, lines: Iterable[bytes], currency: str) -> Reply:
    """Import in one transaction with the receipt. It holds the claim, since it may well take longer than a lease."""
    with house().database.transaction() as cursor:
        cursor.execute(*holding_statement(claimed))
        if not cursor.fetchall():
            raise DomainError("in_flight", retryable=True)
        reply = _reply(import_at_once(cursor, lines, currency))
        cursor.execute(*receipt_statement(Receipt(claimed.claim_id, reply.status, reply.body)))
    return reply


def _reply(report: Report) -> Reply:
    for rejected in report.rejected:
        errors: dict[str, list[str]] = {}
        for name, messages in rejected["errors"].items():
            errors.setdefault(name if name == LINE or name in RULES else UNKNOWN, []).extend(messages)
        rejected["errors"] = {name: list(dict.fromkeys(messages)) for name, messages in errors.items()}
    return Reply.of(200, report)
