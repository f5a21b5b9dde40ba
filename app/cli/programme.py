"""miles programme backtest: what a proposed rule would have changed."""

from __future__ import annotations

import sys
from datetime import datetime, time
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress

from app.audit.backtest import Outcome, backtest
from app.audit.money import amount
from app.audit.simulation import terms
from app.cli.opening import open_house
from app.cli.proposals import BadProposal, read_proposal

LINE = "{:<24}{:>18}{:>18}{:>18}"


@click.group()
def programme() -> None:
    """Look after the programme's rules."""


@programme.command("backtest")
@click.argument("rules", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="RULES.json")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Orders placed before this day go as they went.")
@click.option("--json", "is_json", is_flag=True, help="All figures as JSON.")
def run_backtest(rules: Path, since: datetime | None, is_json: bool) -> None:
    """Replay real history under proposed rules, and say what would have come of it. Nothing is written.

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
        start = datetime.combine(since, time.min, zone) if since else None
        task = bar.add_task("accounts", total=None)
        outcome = backtest(
            house.database,
            house.mapper,
            terms(house.loyalty.programme(), rule, start, zone),
            house.clock(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if is_json:
        told = {"rule": rule, "currency": currency, **msgspec.to_builtins(outcome)}
        click.echo(msgspec.json.format(msgspec.json.encode(told)).decode())
        return
    for line in _told(outcome, currency):
        click.echo(line)


def _told(outcome: Outcome, currency: str) -> list[str]:
    """The figures as a table, and the members most affected."""
    lines = [
        f"{outcome.orders_affected:,} orders would have gone another way; {outcome.orders:,} go by the proposal",
        "",
    ]
    lines.append(LINE.format("points", "real", "proposed", "difference"))
    for name in outcome.real.__struct_fields__:
        real, proposed, difference = (
            getattr(figures, name) for figures in (outcome.real, outcome.proposed, outcome.difference)
        )
        if name == "liability":
            cells = [_money(minor, currency) for minor in (real, proposed)]
            lines.append(LINE.format(name, *cells, _money(difference, currency, "+")))
        else:
            lines.append(LINE.format(name, f"{real:,}", f"{proposed:,}", f"{difference:+,}"))
    if outcome.unswept:
        lines.append(f"expired counts {outcome.unswept:,} points that lapsed and wait for the next sweep")
    if outcome.members:
        lines += ["", LINE.format("balance less debt", "real", "proposed", "difference")]
    for member in outcome.members:
        who = member.user or str(member.account_id)
        lines.append(LINE.format(who, f"{member.real:,}", f"{member.proposed:,}", f"{member.difference:+,}"))
    return lines


def _money(minor: int, currency: str, plus: str = "") -> str:
    return (plus if minor >= 0 else "") + amount(minor, currency)


COMMANDS = (programme,)
