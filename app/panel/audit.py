"""The audit's first page: verify the log now, and take a copy of it that proves itself.

All of it is read with GET, for auditors may do no more; so nothing here seals, which would write.
"""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import Any

from flask import Blueprint, Response, render_template, request

from app.audit import AuditError
from app.audit.findings import Finding
from app.panel.context import house
from app.panel.inputs import Filters, choice
from app.panel.turns import turn

blueprint = Blueprint("audit", __name__)

VERIFIED_PER_S = 20_000
"""Events: what docs/performance.md measured on two cores, a little less. It only tells how long to wait."""

CHUNK = 1024 * 1024
"""Bytes of an export that are sent at a time."""


class Wanted(Filters):
    """How much of the log."""

    since = choice("Verify", {"checkpoint": "what came since the last checkpoint"}, "everything")


@blueprint.get("/audit")
def shown() -> str:
    """What can be verified and taken along, and how long it takes."""
    last, position = house().checkpoints.latest(), house().log.max_notification_id() or 0
    since = position - last.position if last else position
    return render_template(
        "audit.html",
        form=Wanted(request.args),
        last=last,
        events={"all": position, "since": since},
        seconds={"all": _seconds(position), "since": _seconds(since)},
    )


@blueprint.get("/audit/verified")
def verified() -> str:
    """Verify now, as `miles audit verify` does. What is wrong is an answer, and no error of ours."""
    verdict = _verdict(is_since=request.args.get("since") == "checkpoint")
    is_part = request.headers.get("HX-Request") == "true"
    return render_template("audit_verdict.html" if is_part else "audit_verified.html", **verdict)


@blueprint.get("/audit/export")
def exported() -> Response:
    """The log up to the last checkpoint, as `miles audit export` writes it: whole before its first byte is sent."""
    checkpoint = house().export.checkpoint(None)
    file = TemporaryFile()  # noqa: SIM115 - closed, and so deleted, when the answer is
    try:
        with turn():
            house().export(checkpoint, file)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    response = Response(iter(lambda: file.read(CHUNK), b""), content_type="application/x-ndjson; charset=utf-8")
    response.call_on_close(file.close)
    name = f"miles-log-{house().clock():%Y-%m-%d}-{checkpoint.size}.ndjson"
    response.headers["Content-Disposition"] = f"attachment; filename={name}"
    return response


def _verdict(*, is_since: bool) -> dict[str, Any]:
    """The report; or else the finding; or else why nothing can be said."""
    last = house().checkpoints.latest() if is_since else None
    since = last.size if last else 0
    try:
        with turn():
            return {"since": since, "report": house().verify(house().trusted_keys, since)}
    except Finding as finding:
        return {"since": since, "finding": finding}
    except AuditError as error:
        return {"since": since, "refusal": str(error)}


def _seconds(events: int) -> int:
    return -(-events // VERIFIED_PER_S) or 1
