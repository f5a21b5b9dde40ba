"""Forget a member: the directory no longer knows who an account is, and the texts about them are gone.

No event is touched, since events know account ids alone: the log verifies as before, every total stays, and what is
under way for the account (a charge, a refund, an expiry) is brought to its end. Nobody can undo it.
"""

from __future__ import annotations

from app.domain.errors import DomainError
from app.usecases.ports import Clock, Directory, Forgotten


class ForgetMember:
    """For members, admins and auditors alike. Who comes back is somebody new."""

    def __init__(self, directory: Directory, clock: Clock) -> None:
        self._directory = directory
        self._clock = clock

    def __call__(self, user_id: str) -> Forgotten:
        """Forget `user_id`. Raises `unknown_account` for one never seen, or forgotten before."""
        forgotten = self._directory.forget(user_id, self._clock())
        if forgotten is None:
            raise DomainError("unknown_account", user=user_id)
        return forgotten
