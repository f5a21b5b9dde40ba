"""miles token: a token for trying things out, where tokens are signed by the local secret."""

from __future__ import annotations

import click

from app.auth.principals import ROLES, is_user_id
from app.auth.tokens import LocalSecret, issue
from app.config import from_environment
from app.wiring import now


@click.command()
@click.argument("user")
@click.option(
    "--role", "roles", multiple=True, required=True, type=click.Choice(ROLES), help="May be given repeatedly."
)
def token(user: str, roles: tuple[str, ...]) -> None:
    """Print a token for USER, good for twelve hours."""
    settings = from_environment()
    if settings.jwt_jwks:
        raise click.ClickException("JWT_JWKS is set: tokens come from whoever signs them there")
    if not is_user_id(user):
        raise click.ClickException("USER must be 1 to 128 printable characters without a slash")
    click.echo(issue(LocalSecret(settings.home).read(), user, list(roles), now()))


COMMANDS = (token,)
