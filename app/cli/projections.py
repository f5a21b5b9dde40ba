"""miles projections …: do the read models say what the log says, and how far is the report?"""

from __future__ import annotations

import click

from app.cli.opening import open_house
from app.projections.verify import read_models
from app.projections.verify import verify as differences_from_log


@click.group()
def projections() -> None:
    """Look after the read models."""


@projections.command()
def verify() -> None:
    """Fold the whole log afresh and compare; exit status 1 if anything differs."""
    with open_house() as house:
        house.daily.catch_up()
        differences = differences_from_log(house.database, house.mapper, read_models(house.settings.zone))
        last = house.log.max_notification_id() or 0
    for difference in differences:
        click.echo(difference)
    if differences:
        raise click.ClickException("the read models do not say what the log says")
    click.echo(f"all read models equal their fold of the log up to position {last}")


@projections.command()
def status() -> None:
    """Show the log's last position and how far each read model is."""
    with open_house() as house:
        last = house.log.max_notification_id() or 0
        daily = house.daily.position()
    click.echo(f"log          {last}")
    for name in ("balances", "lots", "orders", "transactions"):
        click.echo(f"{name:<12} {last}  (written with the events)")
    click.echo(f"daily        {daily}  ({last - daily} behind)")


COMMANDS = (projections,)
