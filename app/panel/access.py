"""Before a page: who is asking, and whether they may. Forms need a token against requests from other sites."""

from __future__ import annotations

from flask import Flask, Response, abort, g, redirect, request, url_for
from flask_wtf import CSRFProtect
from werkzeug.wrappers import Response as AnyResponse

from app.auth.policy import PANEL, PUBLIC, READERS
from app.panel import sessions

READING = ("GET", "HEAD", "OPTIONS")


def install(app: Flask) -> None:
    """Guard every page of `app`. One that the policy does not name stops the program here, not in production."""
    unknown = {rule.endpoint for rule in app.url_map.iter_rules()} - PANEL.keys()
    if unknown:
        raise LookupError(f"app/auth/policy.py does not say who may reach {', '.join(sorted(unknown))}")
    app.config["WTF_CSRF_TIME_LIMIT"] = None  # a form lives as long as the session that it belongs to
    CSRFProtect(app)  # first: a form from elsewhere is refused whoever's browser sends it
    app.before_request(_guard)
    app.after_request(_keep_nothing)


def local_path(wanted: str | None) -> str:
    """Where to go after a login: a page of ours, and nobody else's."""
    home = url_for("home.shown")
    is_ours = wanted is not None and wanted.startswith(home) and not {"\\", "\r", "\n"} & set(wanted)
    return wanted if is_ours and wanted is not None else home


def _guard() -> AnyResponse | None:
    endpoint = request.endpoint
    if endpoint is not None and PANEL[endpoint] is PUBLIC:
        return None
    g.user = sessions.current()
    if g.user is None:
        return _ask_to_log_in()
    allowed = PANEL[endpoint] if endpoint else READERS
    if g.user.role not in allowed or not (g.user.role == "admin" or _changes_nothing()):
        abort(403)
    return None


def _changes_nothing() -> bool:
    return request.method in READING or request.endpoint == "login.ended"


def _ask_to_log_in() -> AnyResponse:
    """The login page, and back to where one was; a part of a page cannot show it, so the page goes there."""
    is_part = request.headers.get("HX-Request") == "true"
    back = request.full_path if request.method in READING and not is_part else None
    there = url_for("login.asked", next=request.script_root + back.rstrip("?") if back else None)
    if is_part:
        return Response(status=401, headers={"HX-Redirect": there})
    return redirect(there, 303)


def _keep_nothing(response: Response) -> Response:
    """Pages hold what people did; no cache on the way keeps them. Static files say themselves how long they last."""
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    elif "v" not in request.args:
        response.headers["Cache-Control"] = "no-cache"  # an address that does not change with what it holds
    return response
