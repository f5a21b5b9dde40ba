"""Change the rules: a new version of the programme, whole."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from app.domain.programme import RuleVersion
from app.domain.rules import Rule
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Clock, Directory, DirectoryEntry


class ChangeRules:
    """Nothing that exists is touched: orders keep the version they were placed under."""

    def __init__(self, loyalty: Loyalty, directory: Directory, clock: Clock) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._clock = clock

    def __call__(self, rule: Rule, effective_from: datetime | None, actor: str) -> RuleVersion:
        """Add `rule` as the newest version. Raises `invalid_request` for one that cannot work, `try_again`."""
        return self._loyalty.deciding(lambda: self._decide(rule, effective_from, actor))

    def _decide(self, rule: Rule, effective_from: datetime | None, actor: str) -> RuleVersion:
        known = self._directory.account_of(actor)
        actor_id = known or uuid4()
        programme = self._loyalty.programme()
        version = programme.change(self._clock(), rule, effective_from, actor_id)
        self._loyalty.record(programme, beside=[] if known else [DirectoryEntry(actor_id, actor)])
        return version
