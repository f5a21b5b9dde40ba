"""The storefront: a reference for those who build one. Static pages that speak only the public HTTP contract."""

from __future__ import annotations

from flask import Flask

from app.web import compression, headers
from app.wiring import House


def create_app(house: House) -> Flask:
    """A Flask app over `house`, to be mounted under /shop."""
    app = Flask(__name__)
    compression.install(app)
    headers.install(app)
    return app
