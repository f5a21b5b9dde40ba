"""The headers of every page that a browser shows: it may load what we serve, and nothing else."""

from __future__ import annotations

from flask import Flask, Response

POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"
"""No other host, no inline script or style; nobody may put our pages into a frame of theirs."""


def install(app: Flask) -> None:
    """Send them with whatever `app` answers."""
    app.after_request(_add)


def _add(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    return response
