"""The admin panel: pages over the same use cases and queries as the API, for those who would rather look than read.

Server-rendered; a page works without its scripts, but for what is live on it. No page asks another host for anything.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from flask import Flask, g, url_for

from app.panel import (
    access,
    audit,
    audit_checkpoints,
    audit_events,
    audit_readings,
    context,
    errors,
    expired,
    formats,
    home,
    jobs,
    login,
    members,
    orders,
    products,
    products_file,
    readings,
    rules,
    sessions,
    transactions,
)
from app.web import compression, headers
from app.wiring import House

MOUNT = "/panel"
"""Where the site has it; its cookie goes nowhere else."""

NOUNS = (
    login,
    home,
    members,
    transactions,
    orders,
    rules,
    products,
    products_file,
    expired,
    jobs,
    audit,
    audit_checkpoints,
    audit_events,
    audit_readings,
)

PAGES = (
    ("home.shown", "Home"),
    ("members.listed", "Members"),
    ("transactions.listed", "Transactions"),
    ("orders.listed", "Orders"),
    ("rules.listed", "Rules"),
    ("products.listed", "Products"),
    ("expired.listed", "Expired"),
    ("jobs.listed", "Scheduler"),
    ("audit.shown", "Audit"),
)
"""What the bar on top leads to."""

A_YEAR_S = 365 * 24 * 3600
"""How long a browser keeps a static file: its address changes with what it holds."""


def create_app(house: House) -> Flask:
    """A Flask app over `house`, to be mounted under /panel."""
    app = Flask(__name__)
    app.extensions[context.HOUSE] = house
    app.session_interface = sessions.Sessions(house.panel_users)
    app.config.update(
        SESSION_COOKIE_NAME="miles_panel",
        SESSION_COOKIE_PATH=MOUNT,
        SESSION_COOKIE_SAMESITE="Lax",
        SEND_FILE_MAX_AGE_DEFAULT=A_YEAR_S,
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,  # a file of products; everything else is small
    )
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["asset"] = _assets(app)
    app.context_processor(lambda: {"user": g.get("user"), "is_admin": _is_admin(), "pages": PAGES})
    formats.install(app, house.settings.currency, house.settings.zone)
    for noun in NOUNS:
        app.register_blueprint(noun.blueprint)
    errors.install(app)
    compression.install(app)
    access.install(app)
    headers.install(app)
    readings.install(app)
    return app


def _is_admin() -> bool:
    return bool(g.get("user")) and context.is_admin()


def _assets(app: Flask) -> object:
    """A function from a static file's name to an address that changes with the file."""
    folder, known = Path(app.static_folder or ""), {}

    def asset(name: str) -> str:
        if name not in known:
            known[name] = sha256((folder / name).read_bytes()).hexdigest()[:12]
        return url_for("static", filename=name, v=known[name])

    return asset
