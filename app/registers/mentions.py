"""Where a user id may stand in words: texts that people wrote, and what jobs and gateways said.

Only the directory is meant to know user ids. These texts are free, so a person who is forgotten is looked for in them.
"""

from __future__ import annotations

import re
from typing import Any

FORGOTTEN = "(forgotten)"
"""Stands in a text where a user id stood."""

SHORTEST = 3
"""An id of one or two characters is left alone: as a word it almost always means something else, and taking it out
would spoil other people's texts for good."""

TEXTS = (("reasons", "body"), ("recoveries", "review_reason"), ("recoveries", "last_answer"), ("job_runs", "detail"))
"""Table and column of every such text."""


def removals(user_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Statements that put FORGOTTEN where `user_id` stands as a word of its own, not as a part of a longer one."""
    if len(user_id) < SHORTEST:
        return []
    # What Python escapes PostgreSQL reads as itself, too: a backslash before what is neither letter nor digit.
    parameters = {"user": user_id, "word": rf"(?<!\w){re.escape(user_id)}(?!\w)", "instead": FORGOTTEN}
    return [
        (
            f"UPDATE {table} SET {column} = regexp_replace({column}, %(word)s, %(instead)s, 'g')"
            # The cheap look first: a regular expression over every text there is takes its time.
            f" WHERE strpos({column}, %(user)s) > 0 AND {column} ~ %(word)s",
            parameters,
        )
        for table, column in TEXTS
    ]
