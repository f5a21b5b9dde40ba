"""miles db …: the schema and the address of the database."""

from __future__ import annotations

import click

from app.cli.opening import migrate as bring_up_to_date
from app.cli.opening import running_database
from app.config import from_environment
from app.embedded import EmbeddedPostgres


@click.group()
def db() -> None:
    """The database."""


@db.command()
def migrate() -> None:
    """Bring the schema up to this code."""
    settings = from_environment()
    if settings.is_embedded:
        with running_database(settings):
            pass  # opening it migrates it
        click.echo("the schema is current")
        return
    applied = bring_up_to_date(settings)
    click.echo(f"applied {', '.join(applied)}" if applied else "the schema is current")


@db.command()
@click.option("--owner", is_flag=True, help="The address of the role that migrates.")
def url(owner: bool) -> None:
    """Print the database's address, alone."""
    settings = from_environment()
    if settings.is_embedded:
        embedded = EmbeddedPostgres(settings.home)
        click.echo(embedded.owner_url() if owner else embedded.app_url())
        return
    address = settings.database_owner_url if owner else settings.database_url
    if not address:
        raise click.ClickException("DATABASE_OWNER_URL is not set")
    click.echo(address)


COMMANDS = (db,)
