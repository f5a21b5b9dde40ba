"""Where a user id may stand in words: texts that people wrote, what an error said, what a client once sent.

Only the directory is meant to know user ids. These texts are free, so a person who is forgotten is looked for in them.
Never in words and numbers of ours: there an id such as `500` or `order` means something else, and what is known by such
a text would be known no longer. So recoveries are left alone: they hold our words, and the gateway's codes and ids.
"""

from __future__ import annotations

import re
from typing import Any

FORGOTTEN = "(forgotten)"
"""Stands in a text where a user id stood."""

SHORTEST = 3
"""An id of one or two characters is left alone: as a word it almost always means something else, and taking it out
would spoil other people's texts for good."""

TEXTS = (
    ("reasons", "body", r"^(?:Opening balance of [0-9]+ points(?: until \S+)?|Imported order) \(reference "),
    ("job_runs", "detail", r"^(?:Failed: )?[^:]*(?:: |$)"),
    ("sandbox_charges", "payment_method", r"^"),
)
"""Table and column of every such text, and how much of its beginning is ours: before an import's reference; before
what an error said, which is all of it where nothing failed; nothing."""


def removals(user_id: str) -> list[tuple[str, dict[str, Any]]]:
    """Statements that put FORGOTTEN where `user_id` stands as a word of its own, not as a part of a longer one."""
    if len(user_id) < SHORTEST:
        return []
    return [_removal(user_id, table, column, ours) for table, column, ours in TEXTS]


def _removal(user_id: str, table: str, column: str, ours: str) -> tuple[str, dict[str, Any]]:
    begin = f"coalesce(substring({column} FROM %(ours)s), '')"
    rest = f"substr({column}, length({begin}) + 1)"
    return (
        f"UPDATE {table} SET {column} = {begin} || regexp_replace({rest}, %(word)s, %(instead)s, 'g')"
        # The cheap look first: a regular expression over every text there is takes its time.
        f" WHERE strpos({column}, %(user)s) > 0 AND {rest} ~ %(word)s",
        {"user": user_id, "word": _word(user_id), "instead": FORGOTTEN, "ours": ours},
    )


def _word(user_id: str) -> str:
    """The pattern of an id as a word; where it begins or ends with what no word holds (`+49`), that is its bound."""
    before = r"(?<!\w)" if re.match(r"\w", user_id) else ""
    after = r"(?!\w)" if re.match(r"\w", user_id[-1]) else ""
    # What Python escapes PostgreSQL reads as itself, too: a backslash before what is neither letter nor digit.
    return f"{before}{re.escape(user_id)}{after}"
