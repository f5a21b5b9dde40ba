"""What the use cases need from the world, as roles; wiring chooses who plays them.

Also the plain facts that are written beside events, in their transaction. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import UUID

Clock = Callable[[], datetime]
"""The present moment, aware, in UTC. Only use cases ask for it; the domain gets it as an argument."""


class Priced(NamedTuple):
    """A product as the catalogue sells it now; the price is in minor units."""

    product_id: int
    name: str
    unit_price_minor: int
    currency: str


class PriceList(Protocol):
    """The catalogue's own prices."""

    def prices(self, product_ids: Sequence[int]) -> dict[int, Priced]:
        """The active products among `product_ids`, by id; what is not sold is left out."""


@dataclass(frozen=True)
class Charged:
    """The card was charged, once, under this id of the gateway's."""

    charge_id: str


@dataclass(frozen=True)
class Declined:
    """The card was refused, for good; `reason` is the gateway's own code."""

    reason: str


@dataclass(frozen=True)
class Unknown:
    """No answer came: the charge may have happened or not."""

    reason: str


Outcome = Charged | Declined | Unknown


class PaymentGateway(Protocol):
    """Whoever charges cards. The order id is its idempotency key: two charges under one id are one charge."""

    def charge(self, order_id: UUID, amount_minor: int, currency: str, payment_method: str) -> Outcome:
        """Ask for the money. Never raises for what the network did: that is Unknown."""


class Directory(Protocol):
    """Who is who: the only place that knows both a user id and an account id."""

    def account_of(self, user_id: str) -> UUID | None:
        """The account id that stands for a user, or None for one never seen."""


class DueAccounts(Protocol):
    """A hint at which accounts hold lapsed lots. The account itself decides."""

    def due(self, at: datetime, after: UUID | None, limit: int) -> list[UUID]:
        """Up to `limit` accounts with something lapsed at `at`, in order of id, past `after`."""


@dataclass(frozen=True)
class DirectoryEntry:
    """Beside events: from now on `account_id` stands for `user_id`. Fails where either is taken."""

    account_id: UUID
    user_id: str


@dataclass(frozen=True)
class ReasonText:
    """Beside events: the text that an adjustment's `reason_id` stands for, about one account."""

    reason_id: UUID
    account_id: UUID
    text: str


POSITION = "\x01"
"""In a receipt's body, stands for the position of the last event appended, which nobody knows before.
JSON text holds no raw control character, so nothing that a client sent can be taken for it."""


@dataclass(frozen=True)
class Receipt:
    """Beside events: the answer that a claimed idempotency key will be given from now on. `body` is JSON."""

    claim_id: bytes
    status: int
    body: str


Beside = DirectoryEntry | ReasonText | Receipt
