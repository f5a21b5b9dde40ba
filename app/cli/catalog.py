"""miles catalog import: products from a file."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from app.catalog.importing import import_products
from app.cli.opening import open_house


@click.group()
def catalog() -> None:
    """Keep the catalogue."""


@catalog.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(file: Path) -> None:
    """Create or replace products by sku, from NDJSON. Bad lines are reported and stop nothing; then the status is 1."""
    with open_house() as house, file.open("rb") as lines, _progress() as progress:
        task = progress.add_task("products", total=None)
        report = import_products(
            house.database,
            lines,
            house.settings.currency,
            progress=lambda count: progress.update(task, completed=count),
        )
    for rejected in report.rejected:
        reasons = "; ".join(f"{field}: {' '.join(messages)}" for field, messages in rejected["errors"].items())
        click.echo(f"line {rejected['line']}: {reasons}", err=True)
    if report.unlisted:
        click.echo(f"… and {report.unlisted} more", err=True)
    rejected_in_all = len(report.rejected) + report.unlisted
    click.echo(f"{report.created} created, {report.updated} updated, {rejected_in_all} rejected")
    if rejected_in_all:
        sys.exit(1)


def _progress() -> Progress:
    """A bar on standard error, where a person watches."""
    return Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)


COMMANDS = (catalog,)
