"""Two sides that take turns on one machine, and the ratio between them: the only figure that means something.

It knows nothing of what the sides do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.arena import Arena

Facts = dict[str, Any]
"""What a side tells of one round: `per_second`, and whatever else is worth keeping."""


class NotMeasured(Exception):
    """A side that cannot run here; the message says why, for the table."""


@dataclass(frozen=True)
class Side:
    """One of the two. `run` does a round of so many seconds, starting afresh."""

    name: str
    run: Callable[[float], Facts]


@dataclass(frozen=True)
class Line:
    """One comparison. `sides` makes ours and the other one ready, and clears up after them."""

    name: str
    about: str
    sides: Callable[[Arena], AbstractContextManager[tuple[Side, Side]]]
    rounds: int | None = None
    """So many in place of the plan's, and no warm-up, where a round takes as long as it takes."""


@dataclass(frozen=True)
class Plan:
    """How often and for how long. The warm-up is a round of each side that does not count.

    `events` is the length of the log for lines that need a long one.
    """

    rounds: int
    seconds: float
    warm_up_s: float
    events: int


QUICK = Plan(rounds=3, seconds=2.0, warm_up_s=1.0, events=50_000)
WHOLE = Plan(rounds=5, seconds=5.0, warm_up_s=3.0, events=1_000_000)


@dataclass
class Result:
    """The rounds of one line, in the order in which they were run. `reason` says why there are none."""

    line: str
    about: str
    reason: str | None = None
    rounds: dict[str, list[Facts]] = field(default_factory=dict)

    def median(self, side: str, fact: str = "per_second") -> float:
        """The middle of what `side` told of `fact`."""
        return median(float(told[fact]) for told in self.rounds[side])

    @property
    def ratio(self) -> float:
        """The middle of `ratios`: two rounds run in a row met the same machine, two medians may not have."""
        return median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        """Our rate over the other side's, of each two rounds that were run in a row."""
        ours, other = self.rounds.values()
        return [a["per_second"] / b["per_second"] for a, b in zip(ours, other, strict=True)]


def measure(line: Line, plan: Plan, arena: Arena) -> Result:
    """Run one line. Who goes first changes from round to round."""
    result = Result(line.name, line.about)
    try:
        with line.sides(arena) as sides:
            for side in sides if line.rounds is None else ():
                side.run(plan.warm_up_s)
            rounds: dict[str, list[Facts]] = {side.name: [] for side in sides}
            for number in range(line.rounds or plan.rounds):
                for side in sides if number % 2 == 0 else reversed(sides):
                    rounds[side.name].append(side.run(plan.seconds))
            result.rounds = rounds
    except NotMeasured as why:
        result.reason = str(why)
    return result
