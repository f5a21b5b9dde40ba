"""GET /audit/checkpoints and the proofs below it and /audit/events/<position>/proof: the log's signed digests."""

from __future__ import annotations

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from app.api import paging, schemas
from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import MAX_BIGINT, Instant, Paged, chosen, whole_text
from app.audit.keys import public_pem
from app.domain.errors import DomainError

blueprint = Blueprint("audit_checkpoints", __name__, description="Signed digests of the log, and proofs under them.")


class Checkpoint(Schema):
    """The Merkle root over the log's first `size` events, signed with Ed25519; `note` is all of it as it was signed.

    `root` is hexadecimal, `signature` base64.
    """

    size = fields.Integer(required=True)
    position = fields.Integer(required=True)
    root = fields.String(required=True)
    sealed_at = Instant(required=True)
    key_id = fields.String(required=True)
    signature = fields.String(required=True)
    note = fields.String(required=True)


class Checkpoints(schemas.Page):
    """A page of them, newest first. `keys`: the public keys that this house trusts, as PEM, by their ids."""

    items = fields.List(fields.Nested(Checkpoint), required=True)
    keys = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


class ProvenEvent(Schema):
    """What the event's hash is made of, to the letter."""

    stream = fields.UUID(required=True)
    version = fields.Integer(required=True)
    topic = fields.String(required=True)
    recorded_at = Instant(required=True)
    state = fields.String(required=True)
    metadata = fields.String(required=True)
    previous = fields.String(required=True)


class Inclusion(Schema):
    """The event, whose hash is `leaf`, is number `index` (from 0) of the checkpoint's `size` events."""

    index = fields.Integer(required=True)
    size = fields.Integer(required=True)
    leaf = fields.String(required=True)
    path = fields.List(fields.String(), required=True)
    checkpoint = fields.String(required=True)
    event = fields.Nested(ProvenEvent, required=True)


class Consistency(Schema):
    """The log of `second` events begins with the first `first` of them, unchanged."""

    first = fields.Integer(required=True)
    second = fields.Integer(required=True)
    path = fields.List(fields.String(), required=True)
    first_checkpoint = fields.String(required=True)
    second_checkpoint = fields.String(required=True)


class Query(Paged):
    """Which page, and which fields of each."""

    fields_ = chosen(Checkpoint)


class InclusionQuery(Schema):
    """Under which checkpoint; else the first that covers the event."""

    size = whole_text(1, load_default=None)


class ConsistencyQuery(Schema):
    """The size of the earlier checkpoint."""

    from_ = whole_text(1, data_key="from", required=True)


@blueprint.route("/audit/checkpoints")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, Checkpoints)
def listed(query: dict[str, Any]) -> Response:
    """Every checkpoint, newest first."""
    (before,) = paging.after(query["cursor"]) or [None]
    found, following = house().checkpoints.page(query["limit"], before)
    keys = {name: public_pem(key) for name, key in house().trusted_keys.all().items()}
    items = [checkpoint.as_data() for checkpoint in found]
    return paging.listed(items, following and [following], query["fields"], keys=keys)


@blueprint.route("/audit/checkpoints/<size>/consistency")
@blueprint.arguments(ConsistencyQuery, location="query")
@blueprint.response(200, Consistency)
def consistency(query: dict[str, Any], size: str) -> Response:
    """The proof that this checkpoint's log goes on where the earlier one's ended."""
    return answer(house().proofs.of_checkpoints(query["from_"], _number(size, "unknown_checkpoint")))


@blueprint.route("/audit/events/<position>/proof")
@blueprint.arguments(InclusionQuery, location="query")
@blueprint.response(200, Inclusion)
def inclusion(query: dict[str, Any], position: str) -> Response:
    """The proof that the event at this position is in the log that was signed."""
    return answer(house().proofs.of_event(_number(position, "unknown_event"), query["size"]))


def _number(text: str, unknown: str) -> int:
    """A number in a path; what is none names nothing."""
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_BIGINT):
        raise DomainError(unknown)
    return int(text)
