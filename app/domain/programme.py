"""The programme: every version of the rule, each whole, never changed once written.

Invariants (each has a test of this name):
- an empty programme has the default rule as version 1
- an order goes by the newest version in effect when it was placed
- a new version never touches what exists
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from app.domain.aggregate import Aggregate, Event
from app.domain.errors import DomainError, invalid
from app.domain.rules import Rule

PROGRAMME_ID = UUID("6d696c65-7370-4c75-8363-617368000001")
"""The one programme's stream; "milespluscash" in ASCII. Fixed for ever: events stand under it."""

BACKDATING_TOLERANCE = timedelta(minutes=1)
"""How far `effective_from` may lie in the past: clocks differ, intentions do not (DOMAIN rule 10)."""


class RulesChanged(Event, frozen=True, kw_only=True):
    """Version `version` is `rule`, whole, in effect from `effective_from`; `by` is the admin's directory id."""

    version: int
    rule: Rule
    effective_from: datetime
    by: UUID


class RuleVersion(NamedTuple):
    """A rule with its place in the history; version 1 was made by nobody at no time."""

    version: int
    rule: Rule
    effective_from: datetime
    created_at: datetime | None
    created_by: UUID | None


DEFAULT = RuleVersion(1, Rule(), datetime(1970, 1, 1, tzinfo=UTC), None, None)


class Programme(Aggregate, events=(RulesChanged,)):
    """All versions, oldest first."""

    def __init__(self, programme_id: UUID = PROGRAMME_ID) -> None:
        super().__init__(programme_id)
        self.versions: list[RuleVersion] = [DEFAULT]

    @property
    def newest(self) -> RuleVersion:
        """The last version that was made, in effect or not."""
        return self.versions[-1]

    def in_effect(self, at: datetime) -> RuleVersion:
        """The newest version in effect at `at`; before all of them, the first."""
        return next((v for v in reversed(self.versions) if v.effective_from <= at), self.versions[0])

    def numbered(self, version: int) -> RuleVersion:
        """The version of this number; it exists, since an event named it."""
        return self.versions[version - 1]

    def change(
        self, at: datetime, rule: Rule, effective_from: datetime | None, by: UUID, newest: int | None = None
    ) -> RuleVersion:
        """Add a version, in effect at once unless `effective_from` says later.

        Raises `rules_changed` where `newest`, if given, is not the number of the last one, and `invalid_request`.
        """
        if newest not in (None, self.newest.version):
            raise DomainError("rules_changed", newest=self.newest.version)
        rule.refuse_if_unworkable()
        if effective_from is not None and effective_from < at - BACKDATING_TOLERANCE:
            raise invalid(effective_from="Must not lie in the past.")
        self._trigger(
            RulesChanged(at=at, version=len(self.versions) + 1, rule=rule, effective_from=effective_from or at, by=by)
        )
        return self.newest

    def _apply_rules_changed(self, event: RulesChanged) -> None:
        self.versions.append(RuleVersion(event.version, event.rule, event.effective_from, event.at, event.by))
