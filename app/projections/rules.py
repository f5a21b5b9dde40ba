"""rules: one row a version that somebody wrote, whole; the first, of which no event tells, has none."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from app.domain.programme import RulesChanged
from app.eventstore.merging import Merge, Merges
from app.projections.folding import Positioned

_COLUMNS = {
    "version": "bigint",
    "position": "bigint",
    "rule": "text",
    "effective_from": "timestamptz",
    "created_at": "timestamptz",
    "created_by": "uuid",
}

_MERGE = Merge(
    "rules_merge",
    _COLUMNS,
    "INSERT INTO rules SELECT version, $1 + position, rule, effective_from, created_at, created_by"
    " FROM {rows} AS r ORDER BY version",
)


def fold(events: Sequence[Positioned]) -> Merges:
    """A row a version."""
    rows = [
        (event.version, position, msgspec.json.encode(event.rule).decode(), event.effective_from, event.at, event.by)
        for position, _, event in events
        if isinstance(event, RulesChanged)
    ]
    return [(_MERGE, rows)]
