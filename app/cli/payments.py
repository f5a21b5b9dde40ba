"""miles recover and miles reconcile: what became of charges, and whether our books and the gateway's agree."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import click

from app.cli.opening import open_house
from app.usecases.payment_gateway import GatewayUnreachable

_EVER = datetime(1970, 1, 1, tzinfo=UTC)


@click.command()
@click.option("--give-up", type=click.UUID, metavar="ORDER", help="Wait no longer for this one: void its charge.")
@click.option("--by-hand", is_flag=True, help="With --give-up: where nobody knows, the shop kept and gave no money.")
def recover(give_up: UUID | None, by_hand: bool) -> None:
    """Ask the gateway about every pending charge and refund, now: those of checkouts that are just under way, too.

    Where the gateway has no charge yet, it is voided, and the order fails.
    """
    if by_hand and not give_up:
        raise click.UsageError("--by-hand goes with --give-up ORDER")
    with open_house() as house:
        if give_up:
            status = house.recover_payments.give_up(give_up, by_hand=by_hand)
            if status is None:
                raise click.ClickException(f"{give_up}: still unknown; --by-hand settles it on your word")
            click.echo(f"{give_up}: {status}")
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
