"""The admin panel: pages over the same use cases and queries as the API, for those who would rather look than read."""

from __future__ import annotations

from flask import Flask

from app.web import compression, headers
from app.wiring import House


def create_app(house: House) -> Flask:
    """A Flask app over `house`, to be mounted under /panel."""
    app = Flask(__name__)
    compression.install(app)
    headers.install(app)
    return app
