"""Checkpoints: the log's signed digests, newest first, each to take away as a file."""

from __future__ import annotations

import json

from flask import Blueprint, Response, abort, render_template

from app.panel.context import house
from app.panel.paging import ROWS, after, older

blueprint = Blueprint("audit_checkpoints", __name__)


@blueprint.get("/audit/checkpoints")
def listed() -> str:
    """A page of them."""
    found, following = house().checkpoints.page(ROWS, after())
    return render_template("audit_checkpoints.html", checkpoints=found, older=older([following] if following else None))


@blueprint.get("/audit/checkpoints/<int:size>")
def one(size: int) -> Response:
    """One as JSON, its signed note among it: the form that the API and the webhook have."""
    found = house().checkpoints.find(size)
    return attachment(found.as_data(), f"checkpoint-{size}.json") if found else abort(404)


def attachment(data: object, name: str) -> Response:
    """JSON as a file to keep."""
    response = Response(json.dumps(data, indent=2) + "\n", content_type="application/json")
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response
