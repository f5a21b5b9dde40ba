"""The log itself: its latest events, one to the letter, and the proof that it is in what was signed."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Blueprint, Response, abort, render_template, request

from app.audit import AuditError
from app.domain.errors import DomainError
from app.eventstore.chain import Unreadable
from app.panel.audit_checkpoints import attachment
from app.panel.context import house
from app.panel.paging import ROWS, after, older

blueprint = Blueprint("audit_events", __name__)


@blueprint.get("/audit/events")
def listed() -> str:
    """Events, newest first."""
    page = house().logged_events.newest(ROWS, after())
    return render_template("audit_events.html", events=page.items, older=older(page.next))


@blueprint.get("/audit/events/<int:position>")
def one(position: int) -> str:
    """One event as it is stored. Whether it was signed is asked for apart, since that reads more than a page may."""
    event = house().logged_events.find(position)
    if event is None:
        abort(404)
    return render_template(
        "audit_event.html",
        event=event,
        data=bytes(event["data"]).decode(),
        metadata=bytes(event["metadata"]).decode(),
    )


@blueprint.get("/audit/events/<int:position>/included")
def included(position: int) -> str:
    """Whether this very event is in what was signed: proven here and now, or why not. A part of its page."""
    told: dict[str, Any] = {"position": position}
    try:
        told["proof"] = house().proofs.of_event(position)
    except DomainError as error:
        if error.code != "not_sealed_yet":
            raise
    except (AuditError, Unreadable) as error:
        told["wrong"] = str(error)
    is_part = request.headers.get("HX-Request") == "true"
    return render_template("audit_included.html" if is_part else "audit_event_included.html", **told)


@blueprint.get("/audit/events/<int:position>/proof")
def proof(position: int) -> Response:
    """What `miles audit prove` writes: it shows, with a public key and nothing of ours, that the event was signed."""
    return attachment(msgspec.to_builtins(house().proofs.of_event(position)), f"proof-of-event-{position}.json")
