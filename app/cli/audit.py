"""miles audit …: is the log what it was, in order and in sense, and a copy of it that proves itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import click
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from app.audit.exported import verify_export
from app.audit.keys import FOLDER, TrustedKeys
from app.audit.progress import Progress
from app.audit.walk import Report
from app.cli import audit_accounts, audit_checkpoints
from app.cli.opening import open_house
from app.config import from_environment


@click.group()
def audit() -> None:
    """Prove the history, and look into it."""


@audit.command()
@click.option(
    "--since",
    type=click.IntRange(1),
    metavar="SIZE",
    help="Only what came after the checkpoint over SIZE events. It says nothing of older events, but for those of"
    " streams that went on since, nor of what is served of other streams, nor of the daily report.",
)
@click.option(
    "--from-export",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Verify an export, without a database.",
)
@click.option(
    "--public-key",
    "keys",
    type=click.Path(exists=True, path_type=Path),
    multiple=True,
    metavar="PEM",
    help="Trust this key, or the keys of this folder, and not those in MILES_HOME/checkpoint-keys. Repeatable.",
)
def verify(since: int | None, file: Path | None, keys: tuple[Path, ...]) -> None:
    """Verify the whole log; stop with the first position where something is wrong, and exit status 1.

    One pass over all events: hashes, versions without holes, signed checkpoints (those of the file in MILES_HOME, too),
    whether each event can be read and makes sense. Then whether all that is served is what they say.
    """
    if file and since:
        raise click.UsageError("an export is verified whole: leave --since out")
    if file:
        trusted = TrustedKeys(*keys) if keys else TrustedKeys(from_environment().home / FOLDER)
        with file.open("rb") as lines, _bar("verifying") as progress:
            report = verify_export(lines, trusted, progress)
    else:
        with open_house() as house, _bar("verifying") as progress:
            trusted = TrustedKeys(*keys) if keys else house.trusted_keys
            report = house.verify(trusted, since or 0, progress)
    click.echo(_summary(report))


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option(
    "--checkpoint", "size", type=click.IntRange(1), metavar="SIZE", help="Up to the checkpoint over SIZE events."
)
def export(file: str, size: int | None) -> None:
    """Write the log as lines of JSON to FILE, or to standard output (-), after a manifest that is signed.

    What is new is sealed first. FILE must not exist; it appears when it is whole.
    """
    with open_house() as house:
        if size is None:
            house.seal()
        checkpoint = house.export.checkpoint(size)
        with _opened(file) as to, _bar("exporting") as progress:
            manifest = house.export(checkpoint, to, progress)
    told = f"exported {manifest.count} events, from position {manifest.first_position} to {manifest.last_position}"
    click.echo(told, err=file == "-")


def _summary(report: Report) -> str:
    if report.events == 0:
        return f"no event comes after position {report.position}: nothing is wrong"
    rate = report.events / max(report.seconds, 0.001)
    checkpoints = "1 checkpoint" if report.checkpoints == 1 else f"{report.checkpoints} checkpoints"
    return (
        f"verified {report.events} events of {report.streams} streams up to position {report.position},"
        f" under {checkpoints}, in {report.seconds:.1f} s ({rate:.0f}/s): nothing is wrong"
    )


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    """Standard output, or a draft that becomes `file` when it is whole and on the disk. Nothing is overwritten."""
    if file == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    if path.exists():
        raise click.ClickException(f"{file} exists, and an export overwrites nothing")
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("xb") as to:
            yield to
            to.flush()
            os.fsync(to.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _bar(does: str) -> Iterator[Progress]:
    """A bar on standard error where a person watches."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        task = bar.add_task(does, total=None)
        yield lambda position, last: bar.update(task, completed=position, total=last)


for module in (audit_accounts, audit_checkpoints):
    for command in module.COMMANDS:
        audit.add_command(command)

COMMANDS = (audit,)
