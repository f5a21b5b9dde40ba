"""Refusals and mishaps as pages: what happened, and what to do about it."""

from __future__ import annotations

from uuid import uuid4

from eventsourcing.persistence import OperationalError
from flask import Flask, Response, g, make_response, render_template, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.audit import AuditError
from app.domain.errors import DomainError
from app.eventstore.chain import Unreadable
from app.panel.turns import Busy
from app.panel.words import sentence
from app.telemetry.logging import logger

PAGES = {
    400: ("That request cannot be read", "Go back, reload the page and try again."),
    403: ("You may not do that", "Your role may look at this panel, but not change this. Ask an admin to do it."),
    404: ("There is nothing here", "The address may be mistyped, or what it named was never there."),
    405: ("That cannot be done here", "Go back and use the buttons of the page."),
    413: ("That file is too large", "Split it, or import it with bin/miles catalog import FILE."),
    500: (
        "Something went wrong on our side",
        "Nothing half-done is left behind. Try again; if it stays, tell an operator.",
    ),
    503: (
        "The database does not answer",
        "Wait a moment and reload the page. What was sent may have been done: look first.",
    ),
}
"""Status -> title, and what to do."""

NO_COOKIE = (
    "This form has run out",
    "Your session ended, or your browser did not send our cookie back; over plain HTTP from another machine it does"
    " not: use HTTPS. Log in and try again. Nothing was changed.",
)

_log = logger("panel")


def install(app: Flask) -> None:
    """Turn whatever is raised in a page into one of these."""
    app.register_error_handler(CSRFError, lambda error: page(403, *NO_COOKIE))
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(AuditError, _unproven)
    app.register_error_handler(Unreadable, _unproven)
    app.register_error_handler(Busy, _busy)
    app.register_error_handler(OperationalError, _unavailable)
    app.register_error_handler(Exception, _crashed)


def page(status: int, title: str, what_to_do: str, *, request_id: str = "") -> Response:
    """An error page; of a part of a page, just the words."""
    if request.headers.get("HX-Request") == "true":
        return Response(render_template("part_error.html", title=title, what_to_do=what_to_do), status)
    told = {"title": title, "what_to_do": what_to_do, "request_id": request_id}
    return make_response(render_template("error.html", **told), status)


def _http(error: HTTPException) -> Response:
    if error.response is not None or (error.code or 500) < 400:
        return error.get_response()  # type: ignore[return-value]
    status = error.code if error.code in PAGES else 400
    response = page(status, *PAGES[status])
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _refused(error: DomainError) -> Response:
    is_missing = error.code.startswith("unknown_")
    return page(404 if is_missing else 409, sentence(error), "Go back, look at how things stand now, and try again.")


def _unproven(error: Exception) -> Response:
    return page(409, "This cannot be proven", f"{error}. Verify the log under Audit: it says where something is wrong.")


def _busy(error: Exception) -> Response:
    response = page(
        503,
        "Another long reading is under way",
        "Verifications, exports and backtests take turns, so that members do not have to wait. Try again in a minute.",
    )
    response.headers["Retry-After"] = "60"
    return response


def _unavailable(error: Exception) -> Response:
    _log.error("what the page needs is unavailable", error=str(error))
    g.user = None  # what the bar would show may need the database, too
    return page(503, *PAGES[503])


def _crashed(error: Exception) -> Response:
    request_id = uuid4().hex
    _log.exception("page failed", exc_info=error, id=request_id, route=str(request.url_rule))
    return page(500, *PAGES[500], request_id=request_id)
