"""What the use cases need from the world, as roles; wiring chooses who plays them.

Also the plain facts that are written beside events, in their transaction. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


class Forgotten(NamedTuple):
    """What forgetting somebody took: texts about them, and places where other texts named them."""

    account_id: UUID
    texts_blanked: int
    texts_changed: int


class Directory(Protocol):
    """Who is who: the only place that knows both a user id and an account id."""

    def account_of(self, user_id: str) -> UUID | None:
        """The account id that stands for a user, or None for one never seen."""

    def accounts_of(self, user_ids: Sequence[str]) -> dict[str, UUID]:
        """The account ids of those users that were seen before."""

    def reasons_of(self, reason_ids: Sequence[UUID]) -> dict[UUID, str]:
        """The texts of those reasons that were recorded and have not been blanked."""

    def has_reason(self, reason_id: UUID) -> bool:
        """Whether an adjustment of this reason id was recorded."""

    def forget(self, user_id: str, at: datetime) -> Forgotten | None:
        """Forget who an account is and every text about them, in one transaction; None for one never seen."""


class DueAccounts(Protocol):
    """A hint at which accounts hold lapsed lots. The account itself decides."""

    def due(self, at: datetime, after: UUID | None, limit: int) -> list[UUID]:
        """Up to `limit` accounts with something lapsed at `at`, in order of id, past `after`."""


class Unsettled(NamedTuple):
    """An order whose charge or refund nobody knows the end of; `asked` is how often recovery has asked by now."""

    order_id: UUID
    asked: int


class UnsettledOrders(Protocol):
    """A hint at which orders wait for news of the gateway's. The order itself decides."""

    def due(self, at: datetime, after: UUID | None, limit: int, *, is_all: bool = False) -> list[Unsettled]:
        """Up to `limit` orders, in order of id, past `after`, whose time to be asked about has come by `at`."""

    def waiting_of(self, account_id: UUID) -> int:
        """How many orders of an account wait."""


class Recoveries(Protocol):
    """How far recovery has come with an order, and why a person should look at it."""

    def asked(self, order_id: UUID, waiting_since: datetime, next_at: datetime, answer: str) -> None:
        """The gateway was asked and does not know what is waited for; it will be asked again."""

    def review(self, order_id: UUID, reason: str) -> None:
        """Something contradicts the order: up for review, with each reason once, until a person clears it."""

    def settled(self, order_id: UUID) -> None:
        """The gateway knew: nothing is left to recover. What is up for review stays there."""


class OrderEntry(NamedTuple):
    """What our books say of an order's money; `charge_id` is None where the gateway took nothing."""

    order_id: UUID
    status: str
    charge_id: str | None
    cash_due_minor: int
    cash_refunded_minor: int
    currency: str
    is_waiting: bool


class OrderBooks(Protocol):
    """Our orders, for comparison with the gateway's books."""

    def entries(self, order_ids: Sequence[UUID]) -> dict[UUID, OrderEntry]:
        """What stands there about these orders."""

    def charged(self, gateway: str, since: datetime) -> Iterator[OrderEntry]:
        """Every order placed since then that a charge at this gateway paid for."""


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


@dataclass(frozen=True)
class ReasonTexts:
    """Beside events: many of them, which are written together."""

    reasons: Sequence[ReasonText]


POSITION = "\x01"
"""In a receipt's body, stands for the position of the last event appended, which nobody knows before.
JSON text holds no raw control character, so nothing that a client sent can be taken for it."""


@dataclass(frozen=True)
class Claim:
    """An idempotency key that a request has for itself, or is to have: beside events, it is taken with them.

    That fails where somebody else has it. `fingerprint` is a digest of the request.
    """

    claim_id: bytes
    fingerprint: bytes
    lease: UUID


@dataclass(frozen=True)
class Receipt:
    """Beside events: the answer that a claimed idempotency key will be given from now on. `body` is JSON.

    `only_under` is the lease without which nothing may be written: for work that has no id of its own to meet a second
    try by.
    """

    claim_id: bytes
    status: int
    body: str
    only_under: UUID | None = None


Beside = DirectoryEntry | ReasonText | ReasonTexts | Claim | Receipt
