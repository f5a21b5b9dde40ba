"""What may happen while a request to the gateway is under way: the same in the house and in the model."""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from app.domain.rules import Rule
from app.wiring import House
from tests.machine.model import Model
from tests.machine.money import Way
from tests.machine.terms import Terms
from tests.machine.world import ADMIN

NEW_TERMS = Terms(
    earn_points=2, earn_per_amount=500, max_earn_per_order=300, expiry_months=3, pending_days=2, restore_grace_days=5
)


class Meanwhile(Enum):
    """The gateway takes its time."""

    NOTHING = "nothing happens"
    RECOVERY = "recovery asks about everything"
    RULES = "the rules change"
    TIME = "what is next on the calendar comes"
    NEWS = "a webhook overtakes the answer"


def pass_in_model(meanwhile: Meanwhile, model: Model, at: datetime, until: datetime) -> datetime:
    """Let it happen in the model; gives what time it is then."""
    match meanwhile:
        case Meanwhile.RECOVERY:
            model.recover(at, model.unsettled(), Way.ANSWERED, Way.ANSWERED, Way.ANSWERED)
        case Meanwhile.RULES:
            model.change_rules(at, NEW_TERMS, None)
        case Meanwhile.TIME:
            return until
    return at


def pass_in_house(meanwhile: Meanwhile, house: House) -> None:
    """Let it happen in the house, whose clock is somebody else's."""
    match meanwhile:
        case Meanwhile.RECOVERY:
            house.recover_payments(is_all=True)
        case Meanwhile.RULES:
            house.change_rules(Rule(**vars(NEW_TERMS)), None, ADMIN)
