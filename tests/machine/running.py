"""How the machine is run: alone, as a test does it, or in a process of its own on another copy of the app.

    python -m tests.machine.running ADDRESS OWNER_ADDRESS HOME RUNS

looks for the first failure in so many runs, over whatever `app` stands first on the path. It exits with FOUND and says
what it found, or with 0. Anything else is trouble of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

from eventsourcing.persistence import PersistenceError
from hypothesis import HealthCheck, Phase, Verbosity, settings
from hypothesis.stateful import run_state_machine_as_test

import app
from tests.machine.machine import machine_in
from tests.machine.world import World, world

STEPS = 40
FOUND = 9
"""An exit status that neither Python nor a signal gives."""


def run(world: World, runs: int, phases: Iterable[Phase]) -> None:
    """Run the machine so often, in new histories each time. Raises what it found.

    The usual engine makes five of six histories by copying pieces within another one: in 100 runs it made no refund at
    all, where as many by plain chance made dozens. So this one leaves all to chance. A failure is told as the fewest
    commands that show it, with a line that repeats it where it decorates what `machine_in` gives.
    """
    how = settings(
        backend="hypothesis-urandom",
        max_examples=runs,
        stateful_step_count=STEPS,
        phases=tuple(phases),
        deadline=None,
        database=None,
        derandomize=False,
        print_blob=True,
        verbosity=Verbosity.normal,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine_in(world), settings=how)


def main(arguments: list[str]) -> int:
    """Hunt; gives the exit status."""
    address, owner_address, home, runs = arguments
    assert Path(app.__file__ or "").is_relative_to(Path.cwd()), "this is not the app that was changed"
    with world(address, owner_address, Path(home)) as made:
        try:
            run(made, int(runs), [Phase.generate])
        except (AssertionError, PersistenceError) as found:
            print(f"{type(found).__name__}: {found}")
            return FOUND
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
