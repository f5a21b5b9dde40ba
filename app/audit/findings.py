"""What a verification stops with: the first thing that is wrong, and where."""

from __future__ import annotations

from app.audit import AuditError

MAX_NUMBER = 2**63 - 1
"""The most that a column of a read model holds, and far more than there are points or paise."""


class Finding(AuditError):
    """`what` is wrong at `position` of the log, as a sentence without its end."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"position {position}: {what}")
        self.position, self.what = position, what


class Broken(Exception):
    """An event that does not fit those before it; the message says why. Whoever knows its position says where."""


def require(holds: bool, what: str) -> None:
    """Raise Broken with `what` is wrong, unless it `holds`."""
    if not holds:
        raise Broken(what)
