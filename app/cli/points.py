"""miles expire: the sweep, by hand."""

from __future__ import annotations

import click

from app.cli.opening import open_house


@click.command()
def expire() -> None:
    """Take what lapsed lots still hold, now."""
    with open_house() as house:
        sweep = house.expire_points()
    click.echo(f"{sweep.points} points of {sweep.accounts} accounts expired")
    if sweep.failures:
        account_id, why = sweep.failures[0]
        raise click.ClickException(f"{len(sweep.failures)} accounts failed, the first {account_id}: {why}")


COMMANDS = (expire,)
