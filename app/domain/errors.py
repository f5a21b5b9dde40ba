"""Refusals. The domain raises them, nothing in between catches them, the API's one table gives each a status."""

from __future__ import annotations

from typing import Any


class DomainError(Exception):
    """A command that was refused and changed nothing.

    `code` is stable and snake_case: what clients switch on. `retryable` says that the same command may succeed
    if it is simply sent again. `facts` are the numbers behind the refusal.
    """

    def __init__(self, code: str, *, retryable: bool = False, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable
        self.facts = facts


def invalid(**errors: str) -> DomainError:
    """An `invalid_request`: field -> what is wrong with it."""
    return DomainError("invalid_request", errors={field: [message] for field, message in errors.items()})
