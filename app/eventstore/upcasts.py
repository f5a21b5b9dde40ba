"""How shapes written long ago become today's: one small function a step, from plain data to plain data.

A step takes the decoded JSON of one version of an event and gives the next version's name and data. Steps are
chained until the name is current. There is none yet: every event still has its first shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Upcast = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]

UPCASTS: Mapping[str, Upcast] = {}
"""Old name -> the step away from it."""


def upcast(topic: str, data: dict[str, Any], steps: Mapping[str, Upcast]) -> tuple[str, dict[str, Any]]:
    """Take `data` from `topic` to the current shape, step by step."""
    while topic in steps:
        topic, data = steps[topic](data)
    return topic, data
