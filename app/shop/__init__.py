"""The storefront: a reference for those who build one. Static pages that speak only the public HTTP contract.

Beyond the contract it has one thing, signing in by name, and that only where the house is there for trying out.
"""

from __future__ import annotations

from flask import Flask

from app.shop import pages, sign_in
from app.web import compression, headers
from app.wiring import House

MAX_BODY_BYTES = 4096
"""The one body that it reads holds a user id of at most 128 characters."""


def create_app(house: House) -> Flask:
    """A Flask app over `house`, to be mounted under /shop."""
    app = Flask(__name__, template_folder="pages", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    pages.install(app)
    sign_in.install(app, house)
    compression.install(app)
    headers.install(app)
    return app
