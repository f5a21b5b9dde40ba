"""miles audit seal, prove and check-proof: signed digests of the log, and proofs to take away."""

from __future__ import annotations

import json
from pathlib import Path

import click
import msgspec

from app.audit.keys import TrustedKeys
from app.audit.proofs import check
from app.cli.opening import open_house


@click.command()
@click.option("--anew", is_flag=True, help="First make the sealed tree again from the log, where it was damaged.")
def seal(anew: bool) -> None:
    """Sign a checkpoint over the log as it is now, and ship it."""
    with open_house() as house:
        if anew:
            made = house.seal.anew()
            click.echo(f"the sealed tree was made again; it leads to what was signed over {made.size} events")
        try:
            sealed = house.seal()
        finally:
            shipped = house.shipping()
    if sealed:
        click.echo(f"sealed {sealed.size} events up to position {sealed.position}: {sealed.root.hex()}")
    else:
        click.echo("nothing was appended since the last checkpoint")
    if shipped.failures:
        raise click.ClickException(f"not shipped: {'; '.join(shipped.failures)}")


@click.command()
@click.argument("position", type=click.IntRange(1), required=False)
@click.option("--size", type=click.IntRange(1), help="The checkpoint's size; else the first that covers the event.")
@click.option(
    "--consistency", nargs=2, type=click.IntRange(1), metavar="FIRST SECOND", help="Prove two checkpoints consistent."
)
def prove(position: int | None, size: int | None, consistency: tuple[int, int] | None) -> None:
    """Write a proof as JSON: that the event at POSITION is in the log, or that it was only ever added to."""
    if (position is None) == (consistency is None) or (size and consistency):
        raise click.UsageError("name either a POSITION, with --size if need be, or --consistency FIRST SECOND")
    with open_house() as house:
        if consistency:
            proof: msgspec.Struct = house.proofs.of_checkpoints(*consistency)
        else:
            assert position is not None
            proof = house.proofs.of_event(position, size)
    click.echo(json.dumps(msgspec.to_builtins(proof), indent=2))


@click.command("check-proof")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--public-key",
    "keys",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    required=True,
    help="A PEM file, or a folder of them, that you trust. May be given more than once.",
)
def check_proof(file: Path, keys: tuple[Path, ...]) -> None:
    """Check a proof with nothing but FILE and a public key; exit status 1 if it proves nothing."""
    click.echo(check(file.read_bytes(), TrustedKeys(*keys)))


COMMANDS = (seal, prove, check_proof)
