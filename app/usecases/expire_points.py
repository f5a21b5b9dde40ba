"""The sweep: take what lapsed lots still hold, many accounts in one append."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from app.domain.point_account import PointAccount
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Clock, DueAccounts

BATCH = 500
"""Accounts an append: past some hundreds the round trips no longer count, and an append takes a tenth of a second."""


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
            self._sweep(accounts, sweep)
            after = accounts[-1]
        return sweep

    def _sweep(self, accounts: Sequence[UUID], sweep: Sweep) -> None:
        """Sweep them in one append; where that cannot be, in halves, down to the one account that is to blame."""
        is_one = len(accounts) == 1
        try:
            # Many are not fought for: whoever is in the way is in the way of few of them.
            taken = self._loyalty.deciding(
                lambda: self._expire(accounts), on=accounts[0] if is_one else None, for_s=None if is_one else 0
            )
        except Exception as error:
            if is_one:
                # Whatever is wrong with this account, the next one is not to blame. The run reports it.
                sweep.failures.append((accounts[0], f"{type(error).__name__}: {error}"))
                return
            middle = len(accounts) // 2
            self._sweep(accounts[:middle], sweep)
            self._sweep(accounts[middle:], sweep)
            return
        sweep.accounts += len(taken)
        sweep.points += sum(taken)

    def _expire(self, account_ids: Sequence[UUID]) -> list[int]:
        """What was taken from each that had something to take, in order of the ids: no two sweeps wait in a ring."""
        at = self._clock()
        accounts = self._loyalty.load(*((PointAccount, account_id) for account_id in account_ids))
        taken = {account: account.expire(at) for account in accounts}
        lapsed = [account for account, points in taken.items() if points]
        if lapsed:
            self._loyalty.record(*lapsed)
        return [taken[account] for account in lapsed]
