"""The whole site over one house: the API at the root, the panel under /panel, the storefront under /shop.

Each is a Flask app of its own: they share the house and nothing else, so no page answers in JSON and no cookie opens
the API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.middleware.dispatcher import DispatcherMiddleware

from app import api, panel, shop
from app.wiring import House

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication


def whole(house: House) -> DispatcherMiddleware:
    """A WSGI app over `house`."""
    faces: dict[str, WSGIApplication] = {"/panel": panel.create_app(house), "/shop": shop.create_app(house)}
    return DispatcherMiddleware(api.create_app(house), faces)
