"""The model's gateway: what its books hold, and what became of a request on the way there and back.

It must import nothing from the app.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID


class Way(Enum):
    """How a request to the gateway goes."""

    ANSWERED = "done and answered"
    NO_ANSWER = "done, the answer is lost"
    LOST = "lost on the way there"
    LATE = "no answer; it arrives when nobody waits for it any more"
    REFUSED = "refused by the gateway for good"


ARRIVES = (Way.ANSWERED, Way.NO_ANSWER)


@dataclass
class Books:
    """What each order id and refund id has come to, for good. A name that is not there was never heard of."""

    charges: dict[UUID, str] = field(default_factory=dict)
    refunds: dict[str, str] = field(default_factory=dict)
    late_charges: list[tuple[UUID, bool]] = field(default_factory=list)
    late_refunds: list[str] = field(default_factory=list)

    def charge(self, order_id: UUID, is_good: bool, way: Way) -> str | None:
        """`charged` or `declined`; None where no answer comes."""
        if way is Way.LATE:
            self.late_charges.append((order_id, is_good))
        if way not in ARRIVES:
            return None
        stands = self.charges.setdefault(order_id, "charged" if is_good else "declined")
        return stands if way is Way.ANSWERED else None

    def outcome(self, order_id: UUID, way: Way, void_way: Way) -> str | None:
        """What recovery learns: where nothing stands, the void that it asks for then is what stands."""
        if way is not Way.ANSWERED:
            return None
        return self.charges.get(order_id) or self.charge(order_id, False, void_way)

    def refund(self, name: str, way: Way) -> str | None:
        """`made` or `refused`; None where no answer comes."""
        if way is Way.LATE:
            self.late_refunds.append(name)
        if way in (Way.LOST, Way.LATE):
            return None
        stands = self.refunds.setdefault(name, "refused" if way is Way.REFUSED else "made")
        return None if way is Way.NO_ANSWER else stands

    def deliver(self) -> None:
        """What was under way arrives; the answers go nowhere."""
        for order_id, is_good in self.late_charges:
            self.charge(order_id, is_good, Way.NO_ANSWER)
        for name in self.late_refunds:
            self.refund(name, Way.NO_ANSWER)
        self.late_charges, self.late_refunds = [], []
