"""GET /admin/rules, GET /admin/rules/current, POST /admin/rules: the programme's terms, version by version."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Response
from marshmallow import Schema, fields, validate

from app.api import paging, schemas
from app.api.bodies import answer
from app.api.context import house, principal
from app.api.documents import Blueprint
from app.api.fields import Instant, Paged, chosen, whole
from app.api.idempotency import USER, Key, Reply, keyed
from app.domain.programme import RuleVersion
from app.domain.rules import BOUNDS, Rule
from app.usecases.ports import Receipt

blueprint = Blueprint("admin_rules", __name__, description="The programme's rules.")


def _number(field: str) -> fields.Integer:
    low, high = BOUNDS[field]
    return whole(low, high, load_default=getattr(Rule(), field))


class RulesBody(Schema):
    """A new version. What is left out takes the default, not the version before it."""

    earn_points = _number("earn_points")
    earn_per_amount = _number("earn_per_amount")
    point_value = _number("point_value")
    max_earn_per_order = _number("max_earn_per_order")
    max_redeem_per_order = _number("max_redeem_per_order")
    min_redeem_per_order = _number("min_redeem_per_order")
    expiry_months = _number("expiry_months")
    pending_days = _number("pending_days")
    earn_on = fields.String(load_default="total", validate=validate.OneOf(["total", "cash"]))
    restore_grace_days = _number("restore_grace_days")
    effective_from = Instant(load_default=None)


class RulesVersion(RulesBody):
    """A version. The first was made by nobody at no time."""

    version = fields.Integer(required=True)
    currency = fields.String(required=True)
    created_at = Instant(required=True, allow_none=True)
    created_by = fields.String(required=True, allow_none=True)


class RulesVersions(schemas.Page):
    """All versions, newest first."""

    items = fields.List(fields.Nested(RulesVersion), required=True)


class Query(Paged):
    """Which page, and which fields of each version."""

    fields_ = chosen(RulesVersion)


@blueprint.route("/admin/rules")
@blueprint.arguments(Query, location="query")
@blueprint.response(200, RulesVersions)
def listed(query: dict[str, Any]) -> Response:
    """Every version, newest first."""
    (after,) = paging.after(query["cursor"]) or [None]
    versions = [v for v in reversed(house().loyalty.programme().versions) if after is None or v.version < after]
    shown = versions[: query["limit"]]
    next_key = [shown[-1].version] if len(versions) > len(shown) else None
    return paging.listed(_shown(shown), next_key, query["fields"])


@blueprint.route("/admin/rules/current")
@blueprint.response(200, RulesVersion)
def current() -> Response:
    """The version in effect now."""
    (version,) = _shown([house().loyalty.programme().in_effect(house().clock())])
    return answer(version)


@blueprint.route("/admin/rules", methods=["POST"])
@blueprint.arguments(RulesBody)
@blueprint.response(201, RulesVersion)
@blueprint.keyed(is_required=False)
def changed(body: dict[str, Any]) -> Response:
    """Add a version. What was earned or ordered under another keeps it."""
    effective_from = body.pop("effective_from")

    def run(key: Key) -> Reply:
        def receipt(version: RuleVersion) -> Receipt | None:
            return key.receipt(_reply(version), is_guard=True)

        return _reply(house().change_rules(Rule(**body), effective_from, principal().user_id, receipt))

    return keyed(run, is_required=False, names=principal().user_id)


def _reply(version: RuleVersion) -> Reply:
    return Reply.of(201, _as_data(version, msgspec.Raw(USER.encode())))


def _shown(versions: list[RuleVersion]) -> list[dict[str, Any]]:
    users = house().directory.users_of([v.created_by for v in versions if v.created_by])
    return [_as_data(v, users.get(v.created_by) if v.created_by else None) for v in versions]


def _as_data(version: RuleVersion, created_by: str | msgspec.Raw | None) -> dict[str, Any]:
    return {
        "version": version.version,
        **msgspec.structs.asdict(version.rule),
        "effective_from": version.effective_from,
        "currency": house().settings.currency,
        "created_at": version.created_at,
        "created_by": created_by,
    }
