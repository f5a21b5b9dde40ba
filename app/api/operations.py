"""GET /healthz, /readyz, /metrics: for whoever keeps the house running."""

from __future__ import annotations

from eventsourcing.persistence import PersistenceError
from flask import Response
from marshmallow import Schema, fields

from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.telemetry.metrics import exposition
from app.wiring import why_not_ready

blueprint = Blueprint("operations", __name__, description="Health and metrics.")


class Health(Schema):
    """How it stands, and where it does not stand, why."""

    status = fields.String(required=True)
    reason = fields.String()


@blueprint.route("/healthz")
@blueprint.response(200, Health)
def alive() -> Response:
    """The process answers. It asks nobody else."""
    return answer({"status": "alive"})


@blueprint.route("/readyz")
@blueprint.response(200, Health)
@blueprint.alt_response(503, schema=Health)
def ready() -> Response:
    """Database reachable, migrations current, projections level."""
    try:
        reason = why_not_ready(house())
    except PersistenceError as error:
        reason = f"the database cannot be reached: {error}"
    return answer({"status": "not ready", "reason": reason}, 503) if reason else answer({"status": "ready"})


@blueprint.route("/metrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain")
def metrics() -> Response:
    """Counters and timings for Prometheus, and how far the report is behind the log."""
    last, counted = house().log.max_notification_id() or 0, house().daily.position()
    gauges = {
        "miles_log_position": ("Position of the last event.", float(last)),
        "miles_daily_lag_events": ("Events that the daily report has yet to count.", float(last - counted)),
    }
    text = exposition(house().settings.metrics_dir, gauges)
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")
