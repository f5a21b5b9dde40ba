"""Python's collector of cycles, told to look less often: a command runs in a process of its own."""

from __future__ import annotations

import gc

YOUNG = 50_000
"""Objects made and not yet gone, at which the collector goes over them.

A batch of a log, or of an import, is tens of thousands of objects that live a while and are in no cycle. At Python's
700 a verification spent a sixth of its time on them, at this a thirtieth, and it takes no more memory.
"""


def collect_seldom() -> None:
    """For the rest of the process."""
    gc.set_threshold(YOUNG)
