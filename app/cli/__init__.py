"""The command line: `miles …`. Exit status 0 only on success; errors are one line on standard error."""

from __future__ import annotations

import sys

import click
from eventsourcing.persistence import PersistenceError

from app.audit import AuditError
from app.auth.tokens import KeysUnavailable
from app.cli import audit, catalog, databases, imports, panel, payments, points, programme, projections, server
from app.cli import tokens as token_commands
from app.collector import collect_seldom
from app.config import VERSION, BadSetting
from app.domain.errors import DomainError
from app.embedded import CannotStart, NotInitialised
from app.telemetry.logging import configure


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, message="%(version)s")
def cli() -> None:
    """Miles Plus Cash: a points ledger and checkout."""
    configure()
    collect_seldom()


for group in (
    server,
    token_commands,
    points,
    payments,
    projections,
    audit,
    catalog,
    imports,
    programme,
    panel,
    databases,
):
    for command in group.COMMANDS:
        cli.add_command(command)


def main() -> None:
    """Run a command; what it refuses or cannot do is one line, not a stack trace."""
    try:
        cli(prog_name="miles", standalone_mode=False)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    except click.Abort:
        sys.exit(130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        sys.exit(2)
    except click.ClickException as error:
        _fail(error.format_message(), 2 if isinstance(error, click.UsageError) else 1)
    except (AuditError, BadSetting, CannotStart, KeysUnavailable, NotInitialised) as error:
        _fail(str(error), 1)
    except DomainError as error:
        _fail("; ".join([error.code, *(f"{name}: {value}" for name, value in error.facts.items())]), 1)
    except (PersistenceError, OSError) as error:
        _fail(str(error), 1)


def _fail(message: str, status: int) -> None:
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    click.echo(f"miles: {'; '.join(lines) or 'failed'}", err=True)
    sys.exit(status)
