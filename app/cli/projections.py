"""miles projections …: do the read models say what the log says, how far are they, and make them anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
from rich.console import Console
from rich.progress import Progress

from app.cli.opening import open_house
from app.database import Database
from app.projections.rebuild import Watch, state
from app.projections.rebuild import rebuild as fold_anew
from app.projections.swapping import CannotRebuild
from app.projections.verify import read_models
from app.projections.verify import verify as differences_from_log


@click.group()
def projections() -> None:
    """Look after the read models."""


@projections.command()
def rebuild() -> None:
    """Fold the whole log into fresh tables beside the live ones, check them, and swap, while requests go on.

    Whatever ends it before the swap has changed nothing: run it again.
    """
    with open_house() as house, _watching() as watch:
        models = read_models(house.settings.zone)
        address = house.settings.database_owner_url or house.database.url
        with closing(Database(address, pool_size=1)) as owner:
            try:
                rebuilt = fold_anew(owner, house.mapper, models, watch=watch)
            except CannotRebuild as error:
                raise click.ClickException(str(error)) from error
    click.echo(
        f"{rebuilt.events} events folded into {len(models)} read models up to position {rebuilt.position}"
        f" in {rebuilt.seconds:.1f} s ({rebuilt.events / rebuilt.seconds:.0f} a second);"
        f" appends waited {rebuilt.longest_wait_s * 1000:.0f} ms at most"
    )


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
    """Show the log's last position, how far each read model is, and what there is of a rebuild."""
    with open_house() as house:
        last = house.log.max_notification_id() or 0
        daily = house.daily.position()
        models = read_models(house.settings.zone)
        rebuilding = state(house.database)
    click.echo(f"log          {last}")
    for model in models:
        reached, how = (daily, f"{last - daily} behind") if model.follower else (last, "written with the events")
        click.echo(f"{model.table:<12} {reached}  ({how})")
    if rebuilding:
        advice = "" if rebuilding == "under way" else "  (harmless; the next one clears it away)"
        click.echo(f"rebuild      {rebuilding}{advice}")


@contextmanager
def _watching() -> Iterator[Watch]:
    """A bar on standard error, where a person watches: one line, which tells the step and how far it is."""
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task("beginning", total=None)
        yield lambda step, done, whole: bar.update(task, description=step, completed=done, total=whole)


COMMANDS = (projections,)
