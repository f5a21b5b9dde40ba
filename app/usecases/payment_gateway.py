"""The role of whoever charges cards, and the words in which it answers. Nothing here does anything.

Three rules make a charge safe whatever the network does. The order id is the gateway's idempotency key, so that asking
twice is asking once. An answer that did not come is `Unknown`, never a decline. And where no charge is found, that is
no proof while a request may still be under way: only a `void` makes sure that there never will be one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID


@dataclass(frozen=True)
class Bill:
    """What an order owes by card, in minor units of its currency. The gateway knows it by its order id."""

    order_id: UUID
    amount_minor: int
    currency: str
    placed_at: datetime


@dataclass(frozen=True)
class Charged:
    """The card was charged, once, under this id of the gateway's."""

    charge_id: str


@dataclass(frozen=True)
class Declined:
    """There is no charge and never will be; `reason` is the gateway's own code."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """No answer came: it may have happened or not. `is_for_review`: the gateway's books contradict the bill."""

    reason: str
    is_for_review: bool = False


@dataclass(frozen=True)
class ActionNeeded(Unknown):
    """The cardholder must act first (3-D Secure), with this secret; until then nobody knows."""

    client_secret: str = ""


@dataclass(frozen=True)
class Absent:
    """The gateway has no charge for the order just now; a request may still be under way."""


@dataclass(frozen=True)
class Refunded:
    """So much was given back, once, under this id of the gateway's."""

    gateway_refund_id: str


@dataclass(frozen=True)
class RefundRefused:
    """Nothing was given back and nothing will be under this refund's id."""

    reason: str


@dataclass(frozen=True)
class StatementLine:
    """A charge that succeeded, as the gateway's own books have it. `order_id` is None where it names none of ours."""

    order_id: UUID | None
    charge_id: str
    amount_minor: int
    refunded_minor: int
    currency: str
    at: datetime


class PaymentGateway(Protocol):
    """Whoever charges cards. No method raises for what the network or the gateway's servers did: that is Unknown."""

    name: str
    """By which orders remember whom their cash was asked of. It never changes."""

    def charge(self, bill: Bill, payment_method: str) -> Charged | Declined | Unknown:
        """Ask for the money. Two charges of one order are one charge, and give the same answer."""

    def outcome(self, bill: Bill) -> Charged | Declined | Absent | Unknown:
        """What has become of the order's charge so far. It changes nothing that could be charged."""

    def void(self, bill: Bill) -> Charged | Declined | Unknown:
        """Make sure that no charge of the order can succeed from now on; give what it has become for good."""

    def refund(
        self, bill: Bill, charge_id: str, refund_id: UUID, amount_minor: int
    ) -> Refunded | RefundRefused | Unknown:
        """Give back a part of a charge. Two refunds under one `refund_id` are one, however far apart."""

    def statement(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        """The charges made in `[since, until)`, for reconciliation. Raises GatewayUnreachable."""

    def close(self) -> None:
        """Hang up."""


class GatewayUnreachable(Exception):
    """The gateway's books cannot be read now."""
