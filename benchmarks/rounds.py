"""Sides that take turns on one machine, and the ratio between them: the only figure that means something.

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
    """One of those that are compared. `run` does a round of about so many seconds, starting afresh."""

    name: str
    run: Callable[[float], Facts]


@dataclass(frozen=True)
class Goal:
    """What is expected of a ratio: at least so much, or at most."""

    bound: float
    is_ceiling: bool = False

    def is_met(self, ratio: float) -> bool:
        """Whether a ratio is as good as is expected."""
        return ratio <= self.bound if self.is_ceiling else ratio >= self.bound

    def __str__(self) -> str:
        return f"{'at most' if self.is_ceiling else 'at least'} {self.bound:g}"


@dataclass(frozen=True)
class Line:
    """One comparison. `sides` makes all sides ready, ours first, and clears up after them.

    The last side is what each of ours is held against; where ours are several, the worst of them is the line's.
    """

    name: str
    about: str
    sides: Callable[[Arena], AbstractContextManager[tuple[Side, ...]]]
    goal: Goal | None = None
    facts: tuple[str, str] = ("per_second", "per_second")
    """The figure of ours, and the one of the other side that it is divided by."""
    is_timed: bool = True
    """Whether a round is so many seconds long; one that takes as long as it takes has no warm-up."""
    rounds: int | None = None
    """So many in place of the plan's."""
    ceilings: tuple[tuple[str, float], ...] = ()
    """What no side of ours may tell more of, in any round."""


@dataclass
class Result:
    """The rounds of one line, in the order in which they were run. `reason` says why there are none."""

    line: Line
    reason: str | None = None
    rounds: dict[str, list[Facts]] = field(default_factory=dict)

    def median(self, side: str, fact: str) -> float:
        """The middle of what `side` told of `fact`."""
        return median(float(told[fact]) for told in self.rounds[side])

    def ratios(self, side: str) -> list[float]:
        """A side of ours over the other one, of each two rounds that were run in a row."""
        fact, others = self.line.facts
        # The other side had a round for each of ours, in their order.
        beside = self.rounds[self.other][self.ours.index(side) :: len(self.ours)]
        return [ours[fact] / other[others] for ours, other in zip(self.rounds[side], beside, strict=True)]

    @property
    def ours(self) -> list[str]:
        """The names of our sides."""
        return list(self.rounds)[:-1]

    @property
    def other(self) -> str:
        """The name of the side that they are held against."""
        return list(self.rounds)[-1]

    @property
    def worst(self) -> str:
        """That one of ours which stands worst."""
        choose = max if self.line.goal and self.line.goal.is_ceiling else min
        return choose(self.ours, key=lambda side: median(self.ratios(side)))

    @property
    def ratio(self) -> float:
        """The middle of `ratios`: two rounds run in a row met the same machine, two medians may not have."""
        return median(self.ratios(self.worst))

    @property
    def is_met(self) -> bool | None:
        """Whether all that is expected is so; None where nothing is, or nothing was measured."""
        if self.reason or not self.line.goal:
            return None
        told = [(facts[name], most) for name, most in self.line.ceilings for s in self.ours for facts in self.rounds[s]]
        return self.line.goal.is_met(self.ratio) and all(figure <= most for figure, most in told)


def measure(line: Line, arena: Arena) -> Result:
    """Run one line: each of our sides next to a round of the other. Who goes first changes from round to round."""
    result, plan = Result(line), arena.plan
    try:
        with line.sides(arena) as sides:
            for side in sides if line.is_timed else ():
                side.run(plan.warm_up_s)
            rounds: dict[str, list[Facts]] = {side.name: [] for side in sides}
            for number in range(line.rounds or plan.rounds):
                for ours in sides[:-1]:
                    pair = ours, sides[-1]
                    for side in pair if number % 2 == 0 else reversed(pair):
                        rounds[side.name].append(side.run(plan.seconds))
            result.rounds = rounds
    except NotMeasured as why:
        result.reason = str(why)
    return result
