"""Pages of lists: where the next one begins stands in its address, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from flask import request, url_for

ROWS = 50
"""Lines a page: what fits on a desk's screen twice over."""


MAX_POSITION = 2**63 - 1
"""What the database takes."""


def after() -> int | None:
    """The position that the page goes on after; None on the first page, and for what is no position."""
    position = request.args.get("after", type=int)
    return position if position and 0 < position <= MAX_POSITION else None


def older(key: list[Any] | None) -> str | None:
    """The address of the next page, as this one but after `key`; None on the last."""
    return here(after=str(key[0])) if key else None


def here(**changes: str | None) -> str:
    """This page's address with some parameters changed, and those that are None left out."""
    return address(request.endpoint or "home.shown", {**request.args.to_dict(), **changes})


def address(endpoint: str, parameters: Mapping[str, str | None]) -> str:
    """A page's address. The parameters may have any names, those of url_for's own arguments among them."""
    asked = urlencode({name: value for name, value in parameters.items() if value})
    return f"{url_for(endpoint)}?{asked}" if asked else url_for(endpoint)
