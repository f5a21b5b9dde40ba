"""Many threads that do the same thing as fast as they can, and how often it was done.

It needs the standard library alone, so that a rival's environment measures with the very same loop.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

Measured = dict[str, float]


class _Window:
    """The time in which things count, by `time.perf_counter`. It closes early where a thread runs out of work."""

    def __init__(self, warm_up_s: float, seconds: float) -> None:
        self.opens = time.perf_counter() + warm_up_s
        self.closes = self.opens + seconds


def hammer(
    do: Callable[[Any], object], supplies: Sequence[Sequence[Any]], *, warm_up_s: float, seconds: float
) -> Measured:
    """Call `do` with each thing of each supply, a thread a supply, until time is up or a supply is spent.

    Gives what was done a second, and this process's own CPU a thing in microseconds. What `do` raises is raised.
    """
    # What was prepared is not garbage: looking through it again and again would be counted as work.
    gc.freeze()
    ready = threading.Barrier(len(supplies) + 1)
    window = _Window(0, 0)

    def run(supply: Sequence[Any]) -> int:
        ready.wait()
        ready.wait()
        done = 0
        for thing in supply:
            do(thing)
            now = time.perf_counter()
            if now > window.closes:
                return done
            done += now > window.opens
        window.closes = min(window.closes, time.perf_counter())
        return done

    with ThreadPoolExecutor(len(supplies)) as pool:
        threads = [pool.submit(run, supply) for supply in supplies]
        ready.wait()
        window = _Window(warm_up_s, seconds)
        ready.wait()
        time.sleep(warm_up_s)
        cpu = time.process_time()
        done = sum(thread.result() for thread in threads)
    elapsed = window.closes - window.opens
    if elapsed < seconds / 2:
        raise RuntimeError("the work was spent before half of the time was up: prepare more")
    return {"per_second": done / elapsed, "cpu_us": (time.process_time() - cpu) / done * 1e6}
