"""The pages and what they load, as files, and a readable page or problem for what fails. Never a stack trace."""

from __future__ import annotations

from pathlib import Path

import msgspec
from flask import Flask, Response, abort, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as BaseResponse

from app.telemetry.logging import logger

PAGES = {
    "/": "browse",
    "/product": "product",
    "/basket": "basket",
    "/points": "points",
    "/orders": "orders",
    "/sign-in": "sign-in",
}
"""Where each page stands. All lie in one folder, so that their links need not know where the shop is mounted."""

FOLDER = Path(__file__).parent
LOADED = {"shop.js": "text/javascript", "shop.css": "text/css", "icon.svg": "image/svg+xml"}

_WORDS = {
    404: ("There is no such page", "The address may be mistyped, or the page has moved."),
    405: ("That cannot be done here", "This address is only for reading."),
    500: ("Something went wrong on our side", "It has been noted. Try again in a moment."),
}

_log = logger("shop")


def install(app: Flask) -> None:
    """Serve the pages, and answer for what is none."""
    for path, name in PAGES.items():
        app.add_url_rule(path, name, _page, defaults={"name": name})
    app.add_url_rule("/static/<filename>", "static", _loaded)
    app.before_request(_into_the_folder)
    app.register_error_handler(HTTPException, _refused)
    app.register_error_handler(Exception, _crashed)


def problem(code: str, title: str, status: int, **members: object) -> Response:
    """A refusal in the form of the contract's (RFC 9457)."""
    body = {
        "type": f"urn:miles-plus-cash:problem:{code}",
        "title": title,
        "status": status,
        "detail": title,
        "code": code,
        **members,
    }
    return Response(msgspec.json.encode(body), status, content_type="application/problem+json")


def _page(name: str) -> Response:
    return _file(FOLDER / "pages" / f"{name}.html", "text/html")


def _loaded(filename: str) -> Response:
    return _file(FOLDER / "static" / filename, LOADED[filename]) if filename in LOADED else abort(404)


def _file(path: Path, mimetype: str) -> Response:
    response = Response(path.read_bytes(), content_type=f"{mimetype}; charset=utf-8")
    # Asked after each time (an ETag answers), so that a page never runs beside a script of another version.
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


def _into_the_folder() -> BaseResponse | None:
    """/shop is the folder without its slash: from there the pages' links would miss it."""
    if request.environ.get("PATH_INFO"):
        return None
    query = request.query_string.decode("latin-1")
    return redirect(url_for("browse") + (f"?{query}" if query else ""), 308)


def _refused(error: HTTPException) -> BaseResponse:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    status = error.code or 500
    title, advice = _WORDS.get(status, (error.name, "Go back and try it another way."))
    response = _said(status, title, advice)
    for name, value in error.get_headers():
        if name == "Allow":
            response.headers[name] = value
    return response


def _crashed(error: Exception) -> BaseResponse:
    _log.exception("request failed", exc_info=error)
    return _said(500, *_WORDS[500])


def _said(status: int, title: str, advice: str) -> Response:
    """A page for whoever reads pages; a problem for whoever sent something, for no page of ours posts a form."""
    if request.method not in ("GET", "HEAD"):
        return problem({404: "not_found", 405: "method_not_allowed"}.get(status, "refused"), title, status)
    page = render_template("error.html", title=title, advice=advice)
    return Response(page, status, content_type="text/html; charset=utf-8", headers={"Cache-Control": "no-store"})
