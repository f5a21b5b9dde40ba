"""miles panel …: who may use the admin panel."""

from __future__ import annotations

import sys
from contextlib import closing
from datetime import timedelta

import click

from app.auth.passwords import LONGEST, SHORTEST, hashed, is_password
from app.auth.principals import is_user_id
from app.cli.opening import open_house
from app.config import Settings
from app.wiring import House, build

LINK_LIVES = timedelta(hours=1)
"""A link lies about in terminals and messages: an hour is enough to click on it."""

LOCAL_ADMIN = "admin@localhost"
"""Whom the link lets in that bin/serve prints. Without a password: nobody guesses it."""


@click.group()
def panel() -> None:
    """Look after the users of the admin panel."""


@panel.command(name="add-user")
@click.argument("email")
@click.option("--role", type=click.Choice(["admin", "auditor"]), default="admin", show_default=True)
def add_user(email: str, role: str) -> None:
    """Let EMAIL use the panel; one who may already gets this role and password, and is logged out.

    The password is asked for, or read from standard input, one line.
    """
    user_id = email_of(email)
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not is_password(password):
        raise click.ClickException(f"a password has {SHORTEST} to {LONGEST} characters")
    with open_house() as house:
        is_new = house.panel_users.put(user_id, role, hashed(password), house.clock())
    click.echo(f"{user_id} may use the panel as {role}" if is_new else f"{user_id} is changed, and logged out")


@panel.command(name="remove-user")
@click.argument("email")
def remove_user(email: str) -> None:
    """Take EMAIL's access to the panel away, at once. What they did stays on record."""
    with open_house() as house:
        if not house.panel_users.remove(email_of(email)):
            raise click.ClickException(f"{email} does not use the panel")
    click.echo(f"{email_of(email)} may no longer use the panel")


@panel.command()
def users() -> None:
    """List who may use the panel."""
    with open_house() as house:
        found = house.panel_users.all()
    for user in found:
        click.echo(f"{user.user_id}  {user.role}  {'' if user.password_hash else '(by link alone)'}".rstrip())
    if not found:
        click.echo("nobody yet: miles panel add-user EMAIL")


@panel.command()
@click.argument("email")
def link(email: str) -> None:
    """Print a link that lets EMAIL in once, within an hour: for a password that was forgotten."""
    with open_house() as house:
        made = link_for(house, email_of(email), house.settings)
    if made is None:
        raise click.ClickException(f"{email} does not use the panel: miles panel add-user {email}")
    click.echo(made)


def local_link(settings: Settings) -> str:
    """A link for the admin of a house that somebody tries out, who is added if need be."""
    with closing(build(settings)) as house:
        if house.panel_users.find(LOCAL_ADMIN) is None:
            house.panel_users.put(LOCAL_ADMIN, "admin", None, house.clock())
        made = link_for(house, LOCAL_ADMIN, settings)
    assert made is not None
    return made


def link_for(house: House, user_id: str, settings: Settings) -> str | None:
    """A link that lets a user in once; None where there is no such user."""
    at = house.clock()
    token = house.panel_users.issue("link", user_id, at, at + LINK_LIVES)
    return f"{settings.local_address}/panel/enter/{token}" if token else None


def email_of(text: str) -> str:
    """The user id that an e-mail address is, in small letters. Raises click's error for what is none."""
    name, at, host = text.strip().lower().rpartition("@")
    if not (name and at and host and " " not in text.strip() and is_user_id(text)):
        raise click.ClickException(f"{text!r} is not an e-mail address")
    return f"{name}@{host}"


COMMANDS = (panel,)
