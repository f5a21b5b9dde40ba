"""miles accounts import, miles orders import: what members bring along from before."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import click
from rich.console import Console
from rich.progress import Progress

from app.catalog.importing import read_lines
from app.cli.actors import acting_as
from app.cli.csv_lines import Row, WrongHeader, rows
from app.cli.forgetting import forget
from app.cli.import_lines import BALANCE_COLUMNS, ORDER_COLUMNS, opening_balances, past_orders
from app.cli.opening import open_house
from app.usecases.importing import Refused, Report

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def accounts() -> None:
    """Keep the members' accounts."""


accounts.add_command(forget)


@click.group()
def orders() -> None:
    """Keep the orders."""


@accounts.command("import")
@click.argument("file", type=_FILE)
@acting_as("miles-import", "The user id that the feed will name.")
def import_accounts(file: Path, actor: str) -> None:
    """Give members their opening balances, from CSV with the columns user,points,expires_at,reference.

    `points` 0 only opens the account; without `expires_at` points live as long as earned ones. A line is known by user
    and reference, and imported once. Bad lines are reported and stop nothing; then the status is 1.
    """
    with _opened(file, BALANCE_COLUMNS) as given, open_house() as house:
        report = house.import_accounts(opening_balances(given), actor)
    _tell(report)


@orders.command("import")
@click.argument("file", type=_FILE)
def import_orders(file: Path) -> None:
    """Book paid purchases from before, from CSV with the columns user,reference,paid_at,amount (in minor units).

    Each earns as of when it was paid, by the rules of then. A line is known by user and reference, and imported once.
    Bad lines are reported and stop nothing; then the status is 1.
    """
    with _opened(file, ORDER_COLUMNS) as given, open_house() as house:
        report = house.import_orders(past_orders(given))
    _tell(report)


@contextmanager
def _opened(file: Path, columns: Sequence[str]) -> Iterator[Iterator[tuple[int, Row | Refused]]]:
    """The rows of a file, under a bar on standard error where a person watches."""
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    with bar, bar.open(file, "rb", buffering=0, description=file.name) as stream:
        try:
            given = rows(read_lines(cast(io.RawIOBase, stream)), columns)
        except WrongHeader as error:
            raise click.ClickException(f"{file}: {error}") from error
        yield given


def _tell(report: Report) -> None:
    """Say what was refused, line by line, and what came of the rest; with anything refused the status is 1."""
    for number, why in report.rejected:
        click.echo(f"line {number}: {why}", err=True)
    if report.unlisted:
        click.echo(f"and {report.unlisted} more", err=True)
    refused = len(report.rejected) + report.unlisted
    click.echo(f"{report.imported} imported, {report.known} known, {refused} rejected")
    if refused:
        sys.exit(1)


COMMANDS = (accounts, orders)
