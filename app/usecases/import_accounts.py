"""Import accounts: the balances that members bring along, each a grant with a reason and an actor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from app.domain import calendar
from app.domain.point_account import PointAccount
from app.domain.programme import PROGRAMME_ID, Programme
from app.domain.rules import Rule
from app.usecases.importing import OTHER_VALUES, Members, Outcome, Refused, Report, import_key, import_lines, load
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Clock, Directory, ReasonText, ReasonTexts


class OpeningBalance(NamedTuple):
    """`points` to begin with, or 0 for an account alone; without `expires_at` (in UTC) they live as earned ones do."""

    user_id: str
    points: int
    expires_at: datetime | None
    reference: str

    @property
    def values(self) -> str:
        """How its reason begins: all values, which tell another balance under the same reference.

        These are words of ours. From the reference after them a person's name may have been taken out.
        """
        until = f" until {self.expires_at.isoformat()}".replace("+00:00", "Z") if self.expires_at else ""
        return f"Opening balance of {self.points} points{until} (reference "

    @property
    def reason(self) -> str:
        """What the feed says about it."""
        return f"{self.values}{self.reference})"


class ImportAccounts:
    """One balance a user and reference, however often it is imported: a second one meets the first by its reason."""

    def __init__(self, loyalty: Loyalty, directory: Directory, clock: Clock, zone: ZoneInfo) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._clock = clock
        self._zone = zone

    def __call__(self, lines: Iterable[tuple[int, OpeningBalance | Refused]], actor: str) -> Report:
        """Import numbered lines on behalf of `actor`, a user id. Each opens the account if need be."""
        return import_lines(self._loyalty, lines, lambda some: self._decide(some, actor))

    def _decide(self, lines: Sequence[OpeningBalance], actor: str) -> list[Outcome]:
        batch = _Batch(self._loyalty, self._directory, lines, actor)
        now = self._clock()
        rule = batch.programme.in_effect(now).rule
        outcomes = [self._decide_one(batch, line, now, rule) for line in lines]
        batch.record()
        return outcomes

    def _decide_one(self, batch: _Batch, line: OpeningBalance, now: datetime, rule: Rule) -> Outcome:
        account_id, reason_id = batch.ids_of(line)
        known = batch.reasons.get(reason_id)
        if known is not None:
            return "known" if known.startswith(line.values) else OTHER_VALUES
        account = batch.accounts.get(account_id)
        if account and not line.points:
            return "known"
        if line.expires_at and line.expires_at <= now:
            return Refused("expires_at: must lie ahead")
        account = account or PointAccount.open(account_id, now)
        if line.points:
            expires_at = line.expires_at or calendar.expiry(now, rule.expiry_months, self._zone)
            account.adjust(now, line.points, reason_id, batch.actor_id, expires_at)
        batch.add(account, reason_id, line.reason)
        return "imported"


class _Batch:
    """The accounts that some lines are about: what was found, and what is to be recorded."""

    def __init__(self, loyalty: Loyalty, directory: Directory, lines: Sequence[OpeningBalance], actor: str) -> None:
        self._loyalty = loyalty
        self._members = Members(directory, [actor, *(line.user_id for line in lines)])
        self.actor_id = self._members.ids[actor]
        old = [self.ids_of(line) for line in lines if line.user_id in self._members.known]
        self.accounts = load(
            loyalty, [*((PointAccount, account_id) for account_id, _ in old), (Programme, PROGRAMME_ID)]
        )
        self.programme: Programme = self.accounts.pop(PROGRAMME_ID, None) or Programme()
        self.reasons = directory.reasons_of([reason_id for _, reason_id in old])
        self._news: dict[UUID, PointAccount] = {}
        self._reasons: list[ReasonText] = []

    def ids_of(self, line: OpeningBalance) -> tuple[UUID, UUID]:
        """The ids of a line's account and of its reason."""
        account_id = self._members.ids[line.user_id]
        return account_id, uuid5(account_id, f"balance {import_key(line.reference)}")

    def add(self, account: PointAccount, reason_id: UUID, reason: str) -> None:
        """Keep what a line did, for the lines after it and for the append."""
        self.accounts[account.id] = self._news[account.id] = account
        self.reasons[reason_id] = reason
        self._reasons.append(ReasonText(reason_id, account.id, reason))

    def record(self) -> None:
        """Append all news, in order of the accounts, so that two imports never wait for each other in a ring."""
        if self._news:
            accounts = [account for _, account in sorted(self._news.items())]
            entries = self._members.entries([*self._news, self.actor_id])
            self._loyalty.record(*accounts, beside=[*entries, ReasonTexts(self._reasons)])
