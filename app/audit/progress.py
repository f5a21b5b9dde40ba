"""How those who take long tell how far they are."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Told now and then which position was reached, and which is the last."""


def quiet(position: int, last: int) -> None:
    """Show no progress."""
