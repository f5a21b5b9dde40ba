"""miles accounts forget: a person's right to be forgotten."""

from __future__ import annotations

import sys

import click

from app.cli.opening import open_house
from app.domain.errors import DomainError


@click.command()
@click.argument("user")
@click.option("--yes", is_flag=True, help="Do not ask, where a person watches.")
@click.option("--even-so", is_flag=True, help="Though an order of theirs waits for the payment gateway.")
def forget(user: str, yes: bool, even_so: bool) -> None:
    """Forget a member: nothing here will say any more whose account it was. Nobody can undo it.

    Points, orders and totals stay, without a name. Texts about the member are blanked, and their user id is taken out
    of other texts. Backups, logs of the server and the payment gateway are not reached.
    """
    if sys.stdin.isatty() and not yes:
        click.confirm(f"Forget {user!r} for good?", abort=True, err=True)
    with open_house() as house:
        try:
            forgotten = house.forget_member(user, even_so=even_so)
        except (DomainError, UnicodeError) as error:  # what is not UTF-8 names nobody
            raise click.ClickException(_why(user, error)) from error
    click.echo(
        f"forgotten; texts about them blanked: {forgotten.texts_blanked},"
        f" other texts changed: {forgotten.texts_changed}"
    )


def _why(user: str, error: DomainError | UnicodeError) -> str:
    if isinstance(error, DomainError) and error.code == "orders_waiting":
        waiting = error.facts["orders"]
        return f"orders of {user!r} that wait for the payment gateway: {waiting}; `miles recover` first, or --even-so"
    return f"{user!r} is not known here; who was forgotten is not, either"
