"""miles recover and miles reconcile: what became of charges, and whether our books and the gateway's agree."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import click

from app.cli.opening import open_house
from app.usecases.payment_gateway import GatewayUnreachable

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@click.command()
@click.option("--give-up", type=click.UUID, metavar="ORDER", help="Void the charge of one pending order instead.")
def recover(give_up: UUID | None) -> None:
    """Ask the gateway about every pending charge and refund, now."""
    with open_house() as house:
        if give_up:
            click.echo(f"{give_up}: {house.recover_payments.give_up(give_up) or 'still unknown'}")
            return
        recovery = house.recover_payments(is_all=True)
        _, for_review = house.unsettled.counts(house.clock())
    for status, count in sorted(recovery.settled.items()):
        click.echo(f"{count} {status}")
    click.echo(f"{recovery.waiting} still unknown, {for_review} up for review")
    if recovery.failures:
        order_id, why = recovery.failures[0]
        raise click.ClickException(f"{len(recovery.failures)} orders failed, the first {order_id}: {why}")


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="Compare from this day (UTC) on; else all there is.")
def reconcile(since: datetime | None) -> None:
    """Compare our orders with the gateway's own list of charges; exit status 1 if they disagree."""
    with open_house() as house:
        try:
            result = house.reconcile(since.replace(tzinfo=UTC) if since else _EVER)
        except GatewayUnreachable as error:
            raise click.ClickException(f"the gateway's books cannot be read: {error}") from error
    for difference in result.differences:
        click.echo(f"{difference.order_id or difference.charge_id}: {difference.what}")
    click.echo(f"{result.charges} charges, {result.orders} orders compared, {len(result.differences)} differ")
    if result.differences:
        raise click.ClickException("our books and the gateway's disagree")


COMMANDS = (recover, reconcile)
