"""What all rules stand on: the house, the model, the clock and the line to the gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis.stateful import RuleBasedStateMachine

from app.domain.errors import DomainError
from app.wiring import House
from tests.machine import choices
from tests.machine.checks import same
from tests.machine.meanwhile import Meanwhile, pass_in_house
from tests.machine.model import Model
from tests.machine.money import Way
from tests.machine.terms import Refused
from tests.machine.world import World


class Stage(RuleBasedStateMachine):
    """A command is given to the model first, then to the house, and both must say the same."""

    world: World
    house: House
    model: Model
    zone: ZoneInfo

    def __init__(self) -> None:
        super().__init__()
        self.is_sound = False
        """Whether the last step was compared to the end: a run that has failed is not looked at again."""
        self.last_asked: dict[UUID, datetime] = {}
        self._keys = 0

    @property
    def at(self) -> datetime:
        return self.world.clock.at

    def key(self) -> str:
        """A key that was never used."""
        self._keys += 1
        return f"k{self._keys}"

    def both(self, what: str, by_model: Callable[[], Any], by_house: Callable[[], Any]) -> None:
        """Give a command to both; a refusal is an outcome, too."""
        self.is_sound = False
        expected = code_of(by_model, Refused)
        same(what, code_of(by_house, DomainError), expected)

    @contextmanager
    def going(
        self,
        ways: dict[str, Way],
        meanwhile: Meanwhile = Meanwhile.NOTHING,
        afterwards: Callable[[], object] | None = None,
    ) -> Iterator[datetime]:
        """Inside, requests to the gateway go these ways. Gives the time that it is after what happens meanwhile."""
        self.is_sound = False
        until = choices.next_instant(self.model, self.at) if meanwhile is Meanwhile.TIME else self.at

        def happen() -> None:
            pass_in_house(meanwhile, self.house)
            self.world.clock.at = until

        line = self.world.line
        line.asked = []
        line.ways, line.meanwhile, line.afterwards = ways, happen, afterwards
        yield until
        line.ways, line.meanwhile, line.afterwards = {}, None, None


def code_of(command: Callable[[], Any], refusal: type[Refused] | type[DomainError]) -> Any:
    """What a command comes to, or the code with which it is refused."""
    try:
        return command()
    except refusal as refused:
        return refused.code
