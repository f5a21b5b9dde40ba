"""Before a view runs: an id for the request, who is asking, and whether they may. After it: a line in the log."""

from __future__ import annotations

import re
import time
from functools import cache
from secrets import token_hex

from flask import Flask, Response, g, request
from prometheus_client import Counter, Histogram

from app.api import readings
from app.api.context import house
from app.api.problems import refusal
from app.auth.policy import POLICY, PUBLIC, is_allowed
from app.auth.tokens import BadToken
from app.telemetry.logging import logger
from app.telemetry.metrics import REQUEST_SECONDS, REQUESTS

# A client may send any word as a method, and each would be a metric of its own for ever.
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_log = logger("access")


def install(app: Flask) -> None:
    """Guard every route of `app`. One that the policy does not name stops the program here, not in production."""
    unknown = {rule.endpoint for rule in app.url_map.iter_rules()} - POLICY.keys()
    if unknown:
        raise LookupError(f"app/auth/policy.py does not say who may reach {', '.join(sorted(unknown))}")
    app.before_request(_begin)
    app.before_request(_guard)
    app.after_request(_finish)
    readings.install(app)


def _begin() -> None:
    given = request.headers.get("X-Request-ID", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else token_hex(16)
    g.began = time.perf_counter()


def _guard() -> Response | None:
    endpoint = request.endpoint
    if endpoint is None or POLICY[endpoint] is PUBLIC:
        return None  # no such route: Flask says so itself
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer" or not token:
            raise BadToken("Send Authorization: Bearer <token>.")
        principal = house().tokens.verify(token.strip())
    except BadToken as error:
        response = refusal("unauthenticated", str(error))
        response.headers["WWW-Authenticate"] = "Bearer"
        return response
    g.principal = principal
    return None if is_allowed(endpoint, principal.roles) else refusal("forbidden")


@cache
def _meters(method: str, route: str, status: int) -> tuple[Counter, Histogram]:
    """Looked up once each: methods, routes and statuses are few."""
    return REQUESTS.labels(method, route, status), REQUEST_SECONDS.labels(method, route)


def _finish(response: Response) -> Response:
    now, rule, endpoint, status = time.perf_counter(), request.url_rule, request.endpoint, response.status_code
    route = rule.rule if rule else "none"
    method = request.method if request.method in _METHODS else "other"
    request_id = g.get("request_id", "")
    counter, timer = _meters(method, route, status)
    counter.inc()
    timer.observe(now - g.get("began", now))
    response.headers["X-Request-ID"] = request_id
    response.headers["X-Content-Type-Options"] = "nosniff"
    if endpoint and POLICY[endpoint] is not PUBLIC:
        response.headers["Cache-Control"] = "no-store"
    if status >= 500:
        _log.warning("answered", method=method, route=route, status=status, id=request_id)
    return response
