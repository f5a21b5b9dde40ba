"""miles programme backtest: what a proposed rule would have changed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime, time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from app.audit.backtest import Outcome, backtest
from app.audit.money import amount
from app.audit.simulation import terms
from app.audit.statement import as_name
from app.cli.actors import acting_as
from app.cli.opening import open_house
from app.cli.proposals import BadProposal, read_proposal

Row = tuple[str, str, str, str]


@click.group()
def programme() -> None:
    """Look after the programme's rules."""


@programme.command("backtest")
@click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="RULES.json")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Orders placed before this day go as they went.")
@click.option("--json", "is_json", is_flag=True, help="All figures as JSON.")
@acting_as("miles-programme", "The user id that the record of readings will name.")
def run_backtest(rules: Path, since: datetime | None, is_json: bool, actor: str) -> None:
    """Replay real history under proposed rules, and say what would have come of it. Nothing is written but who looked.

    RULES.json is what POST /admin/rules takes, without effective_from. Members are taken to do what they did, paying
    with as many points as the rules and their balance then allow.
    """
    try:
        rule = read_proposal(rules)
    except BadProposal as error:
        raise click.ClickException(f"{rules}: {error}") from error
    bar = Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True)
    with open_house() as house, bar:
        zone, currency = house.settings.zone, house.settings.currency
        start = datetime.combine(since, time.min, zone).astimezone(UTC) if since else None
        task = bar.add_task("accounts", total=None)
        outcome = backtest(
            house.database,
            house.mapper,
            terms(house.loyalty.programme(), rule, start, zone),
            house.clock(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
        # It names the members most affected: on record before it is shown, about none of them, like any list.
        detail = f"since={since:%Y-%m-%d}" if since else ""
        house.readings.record(house.clock(), actor, "miles programme backtest", detail=detail)
    if is_json:
        told = {"rule": rule, "currency": currency, **msgspec.to_builtins(outcome)}
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    for line in _told(outcome, currency):
        click.echo(line)


def _told(outcome: Outcome, currency: str) -> list[str]:
    """The figures as a table, and the members most affected."""
    figures, members = _figures(outcome, currency), _members(outcome)
    sizes = [max(map(len, column)) for column in zip(*figures, *members, strict=True)]
    lines = [
        f"{outcome.orders_affected:,} orders would have gone another way; {outcome.orders:,} go by the proposal",
        "",
        *(_line(row, sizes) for row in figures),
    ]
    if outcome.unswept:
        lines.append(f"expired counts {outcome.unswept:,} points that lapsed and wait for the next sweep")
    return [*lines, "", *(_line(row, sizes) for row in members)] if members else lines


def _figures(outcome: Outcome, currency: str) -> list[Row]:
    rows: list[Row] = [("points", "real", "proposed", "difference")]
    for name in outcome.real.__struct_fields__:
        real, proposed, difference = (
            getattr(figures, name) for figures in (outcome.real, outcome.proposed, outcome.difference)
        )
        if name == "liability":
            rows.append((name, _money(real, currency), _money(proposed, currency), _money(difference, currency, "+")))
        else:
            rows.append((name, f"{real:,}", f"{proposed:,}", f"{difference:+,}"))
    return rows


def _members(outcome: Outcome) -> list[Row]:
    """No row where nobody is affected."""
    rows = [
        (
            as_name(member.user) if member.user else str(member.account_id),
            f"{member.real:,}",
            f"{member.proposed:,}",
            f"{member.difference:+,}",
        )
        for member in outcome.members
    ]
    return [("balance less debt", "real", "proposed", "difference"), *rows] if rows else []


def _line(row: Row, sizes: Sequence[int]) -> str:
    (first, *others), (size, *widths) = row, sizes
    return "  ".join([first.ljust(size), *(cell.rjust(width) for cell, width in zip(others, widths, strict=True))])


def _money(minor: int, currency: str, plus: str = "") -> str:
    return (plus if minor >= 0 else "") + amount(minor, currency)


COMMANDS = (programme,)
