"""The parent of a serving house: it starts the server and the scheduler, tells when they are ready, ends them.

The embedded database lives in the parent, never in a worker. Children do not outlive it: after a kill -9 nothing of
ours holds the port, and the next start just works.
"""

from __future__ import annotations

import ctypes
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

import click

from app.config import PROJECT, Settings, child_environment

THREADS = 16
"""Blocking threads a worker. A charge holds one until the gateway answers, and meanwhile the others serve; for the work
itself four would do (checkouts: 446/s with 4, 442/s with 16, 16 clients)."""

DRAIN_S = 30
"""How long requests under way may take to end: longer than any gateway's answer."""

PORT_WAIT_S = 5.0
"""How long a port may still be held by the children of a parent that was killed."""

LOOK_S = 2.0
"""How often the parent looks whether all still stands."""

_PR_SET_PDEATHSIG = 1

# Past any http_proxy of the environment: this is our own machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, in place of ending the process where it stands."""
    stopping = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    settings: Settings,
    *,
    with_scheduler: bool,
    stopping: threading.Event,
    revive: Callable[[], None] | None,
    panel_link: str | None,
) -> None:
    """Serve until `stopping`, or until a child ends by itself, which is an error.

    `revive` brings the embedded database back should it have died; None where the database is not ours.
    `panel_link` lets whoever reads our output into the panel.
    """
    _wait_for_port(settings)
    # A folder for each server of a home: several may share it, on other ports or in other containers.
    metrics = settings.home / "metrics" / f"{socket.gethostname()}-{settings.port}"
    shutil.rmtree(metrics, ignore_errors=True)  # figures of processes that are gone
    metrics.mkdir(parents=True)
    assert settings.database_url
    environment = child_environment(
        DATABASE_URL=settings.database_url,
        MILES_HOME=str(settings.home),
        MILES_SUPERVISED="1",
        MILES_SIGN_IN_BY_NAME=str(int(settings.signs_in_by_name)),
        PROMETHEUS_MULTIPROC_DIR=str(metrics),
        PYTHONPATH=str(PROJECT),
        PYTHONSAFEPATH="1",  # a folder named `app` where the operator stands is not ours
    )
    commands = [_server(settings)]
    if with_scheduler:
        commands.append([sys.executable, "-m", "app", "scheduler"])
    # Children get no Ctrl-C of the terminal's: the parent ends them, in order.
    children = [
        # This process has no threads at this point, so running code between fork and exec is safe.
        subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=_die_with_parent)  # noqa: PLW1509
        for command in commands
    ]
    try:
        _watch(settings, children, stopping, revive, panel_link)
    finally:
        _end(children)


def _server(settings: Settings) -> list[str]:
    return [
        sys.executable, "-m", "granian", "--interface", "wsgi", "--host", settings.host, "--port", str(settings.port),
        "--workers", str(settings.workers), "--blocking-threads", str(THREADS), "--workers-kill-timeout", str(DRAIN_S),
        "--no-ws", "--respawn-failed-workers", "--log-level", "warning", "app.wsgi:app",
    ]  # fmt: skip


def _watch(
    settings: Settings,
    children: list[subprocess.Popen[bytes]],
    stopping: threading.Event,
    revive: Callable[[], None] | None,
    panel_link: str | None,
) -> None:
    is_announced = False
    while not stopping.wait(LOOK_S if is_announced else 0.1):
        for child in children:
            if child.poll() is not None:
                raise click.ClickException(f"a child process ended with status {child.returncode}")
        is_ready = _is_ready(settings)
        if is_ready and not is_announced:
            _announce(settings, is_embedded=revive is not None, panel_link=panel_link)
            is_announced = True
        elif not is_ready and is_announced and revive:
            revive()


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask all to end, let requests under way be answered, and insist after that."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + DRAIN_S + 5
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _wait_for_port(settings: Settings) -> None:
    deadline = time.monotonic() + PORT_WAIT_S
    family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
    while True:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise click.ClickException(
                        f"cannot listen on {settings.host} port {settings.port}: {error.strerror}; set PORT"
                    ) from error
        time.sleep(0.2)


def _is_ready(settings: Settings) -> bool:
    try:
        with _DIRECT.open(f"{settings.local_address}/readyz", timeout=2) as response:
            return bool(json.load(response)["status"] == "ready")
    except (OSError, urllib.error.URLError, ValueError):
        return False


def _announce(settings: Settings, *, is_embedded: bool, panel_link: str | None) -> None:
    base = settings.local_address
    lines = [
        f"Miles Plus Cash serves on {base}",
        f"  API documents   {base}/docs",
        f"  products        {base}/products/",
        f"  the storefront  {base}/shop/",
        f"  the panel       {panel_link}   (once, within the hour)"
        if panel_link
        else f"  the panel       {base}/panel/   (bin/miles panel add-user EMAIL)",
        f"  health          {base}/readyz",
    ]
    if settings.jwt_jwks is None:
        lines.append("  a token         bin/miles token ann --role customer   (or admin, auditor)")
    lines.append(f"  database        {'embedded, in ' + str(settings.home) if is_embedded else 'as DATABASE_URL says'}")
    lines.append("Ctrl-C ends it.")
    click.echo("\n".join(lines))
    sys.stdout.flush()


def _die_with_parent() -> None:
    """On Linux the kernel kills the child when the parent dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
