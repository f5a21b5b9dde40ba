"""The log itself: its latest events, one to the letter, and the proof that it is in what was signed."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response, abort, render_template

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
    """One event as it is stored, and whether a checkpoint covers it."""
    event, last = house().logged_events.find(position), house().checkpoints.latest()
    if event is None:
        abort(404)
    return render_template(
        "audit_event.html",
        event=event,
        data=bytes(event["data"]).decode(),
        metadata=bytes(event["metadata"]).decode(),
        is_sealed=last is not None and position <= last.position,
        last=last,
    )


@blueprint.get("/audit/events/<int:position>/proof")
def proof(position: int) -> Response:
    """What `miles audit prove` writes: it shows, with a public key and nothing of ours, that the event was signed."""
    return attachment(msgspec.to_builtins(house().proofs.of_event(position)), f"proof-of-event-{position}.json")
