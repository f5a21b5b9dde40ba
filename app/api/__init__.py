"""The HTTP API: `create_app(house)`. It turns requests into use cases and queries, and refusals into problem+json."""

from __future__ import annotations

from flask import Flask
from flask_compress import Compress

from app.api import (
    admin_accounts,
    admin_orders,
    admin_products,
    admin_reports,
    admin_rules,
    admin_transactions,
    checkout,
    context,
    documents,
    guards,
    operations,
    orders,
    points,
    problems,
    products,
)
from app.wiring import House

MAX_BODY_BYTES = 64 * 1024
"""The largest body but for imports: a hundred lines of an order fit ten times over."""

COMPRESS_FROM_BYTES = 1024
"""Below this a packed answer saves nothing."""

RESOURCES = (
    products,
    checkout,
    orders,
    points,
    admin_transactions,
    admin_accounts,
    admin_orders,
    admin_rules,
    admin_reports,
    admin_products,
    operations,
)


def create_app(house: House) -> Flask:
    """A Flask app over `house`."""
    app = Flask(__name__)
    app.extensions[context.HOUSE] = house
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    app.config["COMPRESS_MIN_SIZE"] = COMPRESS_FROM_BYTES
    # Named, because its own choice leaves gzip out for streams: many a reader of exports has nothing else.
    app.config["COMPRESS_ALGORITHM"] = app.config["COMPRESS_ALGORITHM_STREAMING"] = ["zstd", "br", "gzip"]
    app.config["COMPRESS_MIMETYPES"] = [
        "application/json",
        "application/problem+json",
        "application/x-ndjson",
        "text/csv",
        "text/html",
        "text/css",
        "text/javascript",
    ]
    app.config["COMPRESS_EVALUATE_CONDITIONAL_REQUEST"] = True
    # Else /products would be answered by a redirect with a page of HTML.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    api = documents.install(app)
    for resource in RESOURCES:
        api.register_blueprint(resource.blueprint)
    problems.install(app)
    Compress(app)
    guards.install(app)
    return app
