"""GET /healthz, /readyz, /metrics: for whoever keeps the house running."""

from __future__ import annotations

from eventsourcing.persistence import PersistenceError
from flask import Response
from marshmallow import Schema, fields

from app.api.bodies import answer
from app.api.context import house
from app.api.documents import Blueprint
from app.telemetry.logging import logger
from app.telemetry.metrics import exposition
from app.wiring import why_not_ready

blueprint = Blueprint("operations", __name__, description="Health and metrics.", any_query=True)

_log = logger("api")


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
        # Anybody may ask: where the database is and as whom we call it goes into the log alone.
        _log.error("the database cannot be reached", error=str(error))
        reason = "the database cannot be reached"
    return answer({"status": "not ready", "reason": reason}, 503) if reason else answer({"status": "ready"})


@blueprint.route("/metrics")
@blueprint.response(200, {"type": "string"}, content_type="text/plain")
def metrics() -> Response:
    """Counters and timings for Prometheus, and how far the report is behind the log."""
    text = exposition(house().settings.metrics_dir, _gauges())
    return Response(text, content_type="text/plain; version=0.0.4; charset=utf-8")


def _gauges() -> dict[str, tuple[str, float]]:
    """What only the database knows; nothing while it is gone, for just then the rest must be readable."""
    try:
        last, counted = house().log.max_notification_id() or 0, house().daily.position()
        waiting, for_review = house().unsettled.counts(house().clock())
    except PersistenceError as error:
        _log.error("the log's position cannot be read", error=str(error))
        return {}
    return {
        "miles_log_position": ("Position of the last event.", float(last)),
        "miles_daily_lag_events": ("Events that the daily report has yet to count.", float(last - counted)),
        "miles_orders_unsettled": ("Orders whose charge or refund nobody knows the end of yet.", float(waiting)),
        "miles_orders_for_review": ("Orders that a person should look at.", float(for_review)),
    }
