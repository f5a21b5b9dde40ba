"""miles audit explain: where a member's points came from and where they went, on paper."""

from __future__ import annotations

import json

import click
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.audit.explanation import Explanation, TracedLot
from app.cli.actors import acting_as
from app.cli.opening import open_house
from app.domain.errors import DomainError


@click.command()
@click.argument("user")
@acting_as("miles-audit", "The user id that the record of readings will name.")
@click.option("--json", "is_json", is_flag=True, help="The whole explanation as JSON.")
def explain(user: str, actor: str, is_json: bool) -> None:
    """Trace every point of USER (or of an account id) to its order or adjustment, and to where it went."""
    with open_house() as house:
        explanation = house.explanations.of(user)
        # As over HTTP: on record before it is shown, and so is what was asked in vain.
        account_id, detail = (explanation.account_id, "") if explanation else (None, "refused: unknown_account")
        house.readings.record(house.clock(), actor, "miles audit explain", account_id, detail)
        if explanation is None:
            raise DomainError("unknown_account")
    if is_json:
        # Escaped to ASCII: what members and admins wrote must not steer the terminal.
        click.echo(json.dumps(msgspec.to_builtins(explanation), indent=2))
        return
    if explanation.lots:
        Console().print(_table(explanation))
    for paragraph in explanation.statement:
        click.echo(f"\n{paragraph}")


def _table(explanation: Explanation) -> Table:
    table = Table(title=Text(explanation.user or str(explanation.account_id)))
    table.add_column("lot", justify="right")
    table.add_column("from")
    for column in ("points", "left"):
        table.add_column(column, justify="right")
    table.add_column("state")
    table.add_column("expires at")
    for lot in explanation.lots:
        expires_at = f"{lot.expires_at:%Y-%m-%d %H:%MZ}"
        table.add_row(str(lot.lot), _origin(lot), str(lot.points), str(lot.remaining), lot.state, expires_at)
    return table


def _origin(lot: TracedLot) -> Text:
    made = lot.trace[0]
    if made.parent is not None:
        return Text(f"lot {made.parent}, restored")
    return Text(f"order {str(made.order_id)[:8]}…" if made.order_id else "adjustment")


COMMANDS = (explain,)
