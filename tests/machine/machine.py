"""The state machine: gives the house and the model the same commands, and compares all that they say after each.

The house is the real one, on PostgreSQL, with the sandbox as its gateway at the end of a bad line.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from app.usecases.expire_points import Sweep
from tests.machine import choices
from tests.machine.admin import Admin
from tests.machine.checks import check_everything, check_the_end, same
from tests.machine.customer import Customer
from tests.machine.ledger import Account
from tests.machine.model import Model
from tests.machine.money import Way
from tests.machine.terms import Terms
from tests.machine.world import USERS, World


class Machine(Customer, Admin):
    """Everybody's doings, and time."""

    @initialize(zone=choices.zones, start=choices.starts, terms=choices.terms)
    def open_the_shop(self, zone: str, start: datetime, terms: Terms) -> None:
        """An empty house somewhere on earth, at an odd instant, under some rules."""
        self.zone = ZoneInfo(zone)
        self.house = self.world.start(zone, start.replace(tzinfo=self.zone))
        self.model = Model(self.zone, {user: Account(self.world.account_ids[user]) for user in USERS})
        self.purchases, self.refunds = {}, []
        self.set_rules(terms, None, None)
        self.give(USERS[0], 100, None)

    @rule(pause=choices.pauses)
    def wait(self, pause: timedelta) -> None:
        """Time goes by."""
        self.world.clock.at += pause

    @rule(pick=choices.picks, off=choices.offsets)
    def wait_until_something_happens(self, pick: int, off: timedelta) -> None:
        """To the very instant, or just before or after it."""
        self.world.clock.at = max(self.at, choices.next_instant(self.model, self.at, pick) + off)

    @rule()
    def sweep(self) -> None:
        """Take what lapsed."""
        self.both(
            "swept",
            lambda: (sum(account.sweep(self.at) for account in self.model.accounts.values()), []),
            lambda: _swept(self.house.expire_points()),
        )

    @rule(is_all=st.booleans(), way=choices.ways, void_way=choices.ways, refund_way=choices.refund_ways)
    def recover(self, is_all: bool, way: Way, void_way: Way, refund_way: Way) -> None:
        """Ask about everything that waits, or what is due: nothing twice within seconds, everything within the hour."""
        at, since, last = self.at, self._waiting_since(), dict(self.last_asked)
        asked = self._recover(is_all, way, void_way, refund_way)
        if is_all:
            same("asked about", asked, sorted(since))
            return
        for order_id, began in since.items():
            quiet = at - max(began, last.get(order_id, began))
            assert order_id in asked or quiet < timedelta(hours=1), "not asked for an hour"
            assert order_id not in asked or quiet >= timedelta(seconds=15), "asked again within seconds"

    @precondition(lambda self: self.model.orders)
    @rule(pick=choices.picks, way=choices.ways)
    def give_up(self, pick: int, way: Way) -> None:
        """A person will not wait any longer."""
        order = self.order_that_waits(pick)
        with self.going({"void": way, "refund": way}):
            self.both(
                "given up",
                lambda: self.model.give_up(self.at, order, way),
                lambda: self.house.recover_payments.give_up(order.id),
            )
        self.last_asked |= dict.fromkeys(self.world.line.asked, self.at)

    @precondition(lambda self: self.model.books.late_charges or self.model.books.late_refunds)
    @rule()
    def late_requests_arrive(self) -> None:
        """What nobody waits for any more reaches the gateway."""
        with self.going({}):
            self.model.books.deliver()
            self.world.line.deliver()

    @invariant()
    def house_and_model_agree(self) -> None:
        """After each step, in everything."""
        check_everything(self.world, self.house, self.model)
        self.is_sound = True

    def teardown(self) -> None:
        """At the end all is recovered and swept, and the log alone tells the same story."""
        if not self.is_sound:
            return
        self.late_requests_arrive()
        self.recover(True, Way.ANSWERED, Way.ANSWERED, Way.ANSWERED)
        self.sweep()
        self.house_and_model_agree()
        same("what still waits", self.model.unsettled(), [])
        check_the_end(self.house, self.model)

    def _waiting_since(self) -> dict[UUID, datetime]:
        return {order.id: order.waits_since for order in self.model.orders.values() if order.waits_since}

    def _recover(self, is_all: bool, way: Way, void_way: Way, refund_way: Way) -> list[UUID]:
        with self.going({"outcome": way, "void": void_way, "refund": refund_way}):
            recovery = self.house.recover_payments(is_all=is_all)
        asked = list(self.world.line.asked)
        self.model.recover(self.at, asked, way, void_way, refund_way)
        self.last_asked |= dict.fromkeys(asked, self.at)
        waiting = len(set(asked) & set(self.model.unsettled()))
        settled = sum(recovery.settled.values())
        same("recovered", (settled, recovery.waiting, recovery.failures), (len(asked) - waiting, waiting, []))
        return asked


def _swept(sweep: Sweep) -> tuple[int, list[tuple[UUID, str]]]:
    return sweep.points, sweep.failures


def machine_in(world: World) -> type[Machine]:
    """The machine over this world."""
    return type("Machine", (Machine,), {"world": world})
