"""Change the rules: a new version of the programme, whole."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

from app.domain.programme import RuleVersion
from app.domain.rules import Rule
from app.usecases.loyalty import Loyalty
from app.usecases.ports import Clock, Directory, DirectoryEntry, Receipt


class ChangeRules:
    """Nothing that exists is touched: orders keep the version they were placed under."""

    def __init__(self, loyalty: Loyalty, directory: Directory, clock: Clock) -> None:
        self._loyalty = loyalty
        self._directory = directory
        self._clock = clock

    def __call__(
        self,
        rule: Rule,
        effective_from: datetime | None,
        actor: str,
        make_receipt: Callable[[RuleVersion], Receipt | None] = lambda version: None,
        *,
        newest: int | None = None,
    ) -> RuleVersion:
        """Add `rule` as the newest version; where `newest` is given, only if that is the number of the last one.

        Raises `invalid_request` for a rule that cannot work, `rules_changed` where another version came in between,
        `try_again`.
        """
        return self._loyalty.deciding(lambda: self._decide(rule, effective_from, actor, make_receipt, newest))

    def _decide(
        self,
        rule: Rule,
        effective_from: datetime | None,
        actor: str,
        make_receipt: Callable[[RuleVersion], Receipt | None],
        newest: int | None,
    ) -> RuleVersion:
        known = self._directory.account_of(actor)
        actor_id = known or uuid4()
        programme = self._loyalty.programme()
        version = programme.change(self._clock(), rule, effective_from, actor_id, newest)
        entry = None if known else DirectoryEntry(actor_id, actor)
        facts = (entry, make_receipt(version))
        self._loyalty.record(programme, beside=[fact for fact in facts if fact])
        return version
