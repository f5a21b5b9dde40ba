"""GET /audit/accounts/<user> and …/explain: an account as it stood at any moment, and every point of it explained."""

from __future__ import annotations

from typing import Any

from flask import Response, request
from marshmallow import Schema, fields

from app.api import explanations, schemas
from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.api.fields import Instant
from app.audit.history import Moment
from app.domain.errors import DomainError

blueprint = Blueprint("audit_accounts", __name__, description="Members' accounts, at any moment.")

JSON, TEXT = "application/json", "text/plain"


class Query(Schema):
    """What had happened at `as_of`, by what was recorded up to `known_at`; each is now where it is left out."""

    as_of = Instant(load_default=None)
    known_at = Instant(load_default=None)


class Happened(Schema):
    """One event of the account; `at` is when it happened, `data` all that it says."""

    position = fields.Integer(required=True)
    version = fields.Integer(required=True)
    type = fields.String(required=True)
    at = Instant(required=True)
    recorded_at = Instant(required=True)
    data = fields.Raw(required=True, metadata={"type": "object"})


class AsItStood(schemas.Account):
    """What the member's own page said, with the lots and the events behind it. `user` is null for one forgotten."""

    user = fields.String(required=True, allow_none=True)
    as_of = Instant(required=True)
    known_at = Instant(required=True)
    events = fields.List(fields.Nested(Happened), required=True)


@blueprint.route("/audit/accounts/<user>")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, AsItStood)
def as_it_stood(query: dict[str, Any], user: str) -> Response:
    """An account as it stood, folded from its events alone. A forgotten member's goes by its account id."""
    found = house().history.as_it_stood(user, Moment(**query))
    if found is None:
        raise DomainError("unknown_account")
    return answer(found)


@blueprint.route("/audit/accounts/<user>/explain")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, explanations.Explanation)
@blueprint.alt_response(200, schema={"type": "string"}, content_type=TEXT, description="The statement alone.")
def explained(query: dict[str, Any], user: str) -> Response:
    """Where every point came from, and where every other one went. `Accept: text/plain` gives the statement alone."""
    explanation = house().explanations.of(user, Moment(**query))
    if explanation is None:
        raise DomainError("unknown_account")
    kinds = [JSON, TEXT, f"{TEXT}; charset=utf-8"]
    if request.accept_mimetypes.best_match(kinds, default=JSON) == JSON:
        response = answer(explanation)
    else:
        text = "\n\n".join(explanation.statement) + "\n"
        response = Response(text, content_type=f"{TEXT}; charset=utf-8")
    response.vary.add("Accept")
    return response
