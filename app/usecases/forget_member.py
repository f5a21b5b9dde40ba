"""Forget a member: the directory no longer knows who an account is, and the texts about them are gone.

No event is touched, since events know account ids alone: the log verifies as before, every total stays, and what is
under way for the account (a charge, a refund, an expiry) is brought to its end. Nobody can undo it.

What a client does not know yet, it may send again under its old key. The key is then another's, since it is the
account's, and buys once more: so nobody is forgotten unasked while an order of theirs waits for the gateway.
"""

from __future__ import annotations

from app.domain.errors import DomainError
from app.usecases.ports import Clock, Directory, Forgotten, UnsettledOrders


class ForgetMember:
    """For members, admins and auditors alike. Who comes back is somebody new."""

    def __init__(self, directory: Directory, unsettled: UnsettledOrders, clock: Clock) -> None:
        self._directory = directory
        self._unsettled = unsettled
        self._clock = clock

    def __call__(self, user_id: str, *, even_so: bool = False) -> Forgotten:
        """Forget `user_id`, with `even_so` though orders of theirs wait for the gateway.

        Raises `unknown_account` for one never seen, or forgotten before; `orders_waiting`, with how many.
        """
        account_id = self._directory.account_of(user_id)
        waiting = self._unsettled.waiting_of(account_id) if account_id else 0
        if waiting and not even_so:
            raise DomainError("orders_waiting", orders=waiting)
        forgotten = self._directory.forget(user_id, self._clock())
        if forgotten is None:
            raise DomainError("unknown_account", user=user_id)
        return forgotten
