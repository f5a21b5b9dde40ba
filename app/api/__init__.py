"""The HTTP API: `create_app(house)`. It turns requests into use cases and queries, and refusals into problem+json."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from app.api import (
    admin_accounts,
    admin_orders,
    admin_products,
    admin_reports,
    admin_reviews,
    admin_rules,
    admin_transactions,
    audit_accounts,
    audit_checkpoints,
    audit_events,
    audit_readings,
    bodies,
    checkout,
    context,
    documents,
    guards,
    operations,
    orders,
    payments,
    points,
    problems,
    products,
)
from app.web import compression
from app.wiring import House

RESOURCES = (
    products,
    checkout,
    orders,
    points,
    admin_transactions,
    admin_accounts,
    admin_orders,
    admin_reviews,
    admin_rules,
    admin_reports,
    admin_products,
    audit_events,
    audit_accounts,
    audit_readings,
    audit_checkpoints,
    payments,
    operations,
)


class Api(Flask):
    """None of our functions is a coroutine, so Flask need not look whether one is, ten times a request."""

    request_class = bodies.StrictRequest

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function as it is."""
        return func


def create_app(house: House) -> Flask:
    """A Flask app over `house`."""
    app = Api(__name__)
    app.extensions[context.HOUSE] = house
    app.config["MAX_CONTENT_LENGTH"] = bodies.MAX_BODY_BYTES + 1
    # Else /products would be answered by a redirect with a page of HTML.
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    api = documents.install(app)
    for resource in RESOURCES:
        api.register_blueprint(resource.blueprint)
    problems.install(app)
    compression.install(app)
    guards.install(app)
    return app
