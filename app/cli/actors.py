"""In whose name a command is run: what the feed, or the record of readings, will say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from app.auth.principals import MAX_USER_ID, is_user_id


def acting_as(default: str, about: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The option `--as`, a user id, which the command gets as `actor`."""
    return click.option("--as", "actor", default=default, show_default=True, callback=_checked, help=about)


def _checked(context: click.Context, parameter: click.Parameter, actor: Any) -> str:
    if not is_user_id(actor):
        raise click.UsageError(f"--as must be 1 to {MAX_USER_ID} printable characters without a slash")
    return str(actor)
