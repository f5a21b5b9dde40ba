"""miles serve and miles scheduler: the long-running commands."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import click

from app.cli import supervisor
from app.cli.opening import running_database
from app.cli.panel import local_link
from app.config import from_environment
from app.embedded import EmbeddedPostgres
from app.scheduler.runner import Runner
from app.story import load_sample
from app.wiring import build, tokens


@click.command()
@click.option("--scheduler/--no-scheduler", "with_scheduler", default=True, help="Also run the scheduler here.")
def serve(with_scheduler: bool) -> None:
    """Serve the API, with the embedded database and the scheduler where they are ours. Ctrl-C ends it."""
    settings = from_environment()
    tokens(settings).check()
    with supervisor.told_to_stop() as stopping, running_database(settings) as opened:
        if opened.sample_data and load_sample(opened):
            click.echo("Loaded the sample catalogue and a short story.")
        revive = EmbeddedPostgres(settings.home).revive if settings.is_embedded else None
        link = local_link(opened) if settings.is_embedded else None
        supervisor.run(opened, with_scheduler=with_scheduler, stopping=stopping, revive=revive, panel_link=link)


@click.command()
def scheduler() -> None:
    """Run the schedule, if nobody else does; wait for one's turn if somebody does."""
    with running_database() as settings:
        house = build(settings)
        runner = Runner(house)

        def stop(number: int, frame: FrameType | None) -> None:
            # A handler must not wait; the runner sees it within moments.
            threading.Thread(target=runner.stop).start()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        try:
            runner.run()
        finally:
            house.close()


COMMANDS = (serve, scheduler)
