"""The sweep: take what lapsed lots still hold, account by account."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from app.domain.point_account import PointAccount
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Clock, DueAccounts

BATCH = 500
"""Accounts asked for at a time."""


@dataclass
class Sweep:
    """What a sweep did. `failures` names each account that it could not do, and why."""

    accounts: int = 0
    points: int = 0
    failures: list[tuple[UUID, str]] = field(default_factory=list)


class ExpirePoints:
    """Run it twice, in parallel, late or after a crash: what lapsed is taken once."""

    def __init__(self, loyalty: Loyalty, due: DueAccounts, clock: Clock) -> None:
        self._loyalty = loyalty
        self._due = due
        self._clock = clock

    def __call__(self) -> Sweep:
        """Sweep everything that has lapsed by now. One account's failure never stops another's."""
        at = self._clock()
        sweep = Sweep()
        after: UUID | None = None
        while accounts := self._due.due(at, after, BATCH):
            for account_id in accounts:
                self._sweep_one(account_id, sweep)
            after = accounts[-1]
        return sweep

    def _sweep_one(self, account_id: UUID, sweep: Sweep) -> None:
        try:
            points = self._loyalty.deciding(lambda: self._expire(account_id), on=account_id)
        except Exception as error:
            # Whatever is wrong with this account, the next one is not to blame. The run reports it.
            sweep.failures.append((account_id, f"{type(error).__name__}: {error}"))
            return
        if points:
            sweep.accounts += 1
            sweep.points += points

    def _expire(self, account_id: UUID) -> int:
        (account,) = self._loyalty.load((PointAccount, account_id))
        points: int = account.expire(self._clock())
        if points:
            self._loyalty.record(account)
        return points
