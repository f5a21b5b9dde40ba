"""Adjust points: an admin gives or takes, with a reason and under their own name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4, uuid5
from zoneinfo import ZoneInfo

from app.domain import calendar
from app.domain.errors import invalid
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Beside, Clock, Directory, DirectoryEntry, ReasonText, Receipt


@dataclass(frozen=True)
class Adjustment:
    """`points` to give, or below zero to take, under the actor's `key`. Without `expires_at` the rule's holds."""

    user_id: str
    points: int
    reason: str
    actor: str
    key: str
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Adjusted:
    """What it came to. The adjustment's id is that of its reason, which is derived from actor and key.

    `expires_at` is when points that were given lapse, None where points were taken; `debt_repaid` of them went to debt.
    """

    user_id: str
    points: int
    available: int
    adjustment_id: UUID
    expires_at: datetime | None = None
    debt_repaid: int = 0


class AdjustPoints:
    """One adjustment a key: a second one meets the first by its reason's id."""

    def __init__(self, loyalty: Loyalty, directory: Directory, clock: Clock, zone: ZoneInfo) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._clock = clock
        self._zone = zone

    def __call__(
        self, adjustment: Adjustment, make_receipt: Callable[[Adjusted], Receipt] | None = None
    ) -> tuple[Adjusted, int]:
        """Adjust, opening the account if need be. Gives the outcome and the event's position.

        Raises `insufficient_points`, `invalid_request`, `try_again`.
        """
        return self._loyalty.deciding(lambda: self._adjust(adjustment, make_receipt), on=adjustment.user_id)

    def preview(self, adjustment: Adjustment) -> Adjusted:
        """What it would come to now. Nothing is written; it raises what adjusting would."""
        return self._decide(adjustment)[0]

    def is_made(self, actor: str, key: str) -> bool:
        """Whether an actor's adjustment under this key stands already."""
        actor_id = self._directory.account_of(actor)
        return actor_id is not None and self._directory.has_reason(uuid5(actor_id, key))

    def _adjust(
        self, adjustment: Adjustment, make_receipt: Callable[[Adjusted], Receipt] | None
    ) -> tuple[Adjusted, int]:
        outcome, account, beside = self._decide(adjustment)
        if make_receipt:
            beside.append(make_receipt(outcome))
        return outcome, self._loyalty.record(account, beside=beside)

    def _decide(self, adjustment: Adjustment) -> tuple[Adjusted, PointAccount, list[Beside]]:
        """The outcome, the account that decided it, and what to write beside its events."""
        if adjustment.points < 0 and adjustment.expires_at is not None:
            raise invalid(expires_at="Only points that are given can expire.")
        at = self._clock()
        beside: list[Beside] = []
        actor_id = self._id_of(adjustment.actor, beside)
        account_id = actor_id if adjustment.user_id == adjustment.actor else self._id_of(adjustment.user_id, beside)
        account, programme = self._loyalty.load((PointAccount, account_id), (Programme, PROGRAMME_ID))
        account = account or PointAccount.open(account_id, at)
        rule = (programme or Programme()).in_effect(at).rule
        reason_id = uuid5(actor_id, adjustment.key)
        expires_at = adjustment.expires_at or calendar.expiry(at, rule.expiry_months, self._zone)
        owed = account.debt
        account.adjust(at, adjustment.points, reason_id, actor_id, expires_at)
        beside.append(ReasonText(reason_id, account_id, adjustment.reason))
        lapses_at = expires_at if adjustment.points > 0 else None
        outcome = Adjusted(
            adjustment.user_id,
            adjustment.points,
            account.available(at),
            reason_id,
            lapses_at,
            owed - account.debt,
        )
        return outcome, account, beside

    def _id_of(self, user_id: str, beside: list[Beside]) -> UUID:
        known = self._directory.account_of(user_id)
        if known:
            return known
        new = uuid4()
        beside.append(DirectoryEntry(new, user_id))
        return new
