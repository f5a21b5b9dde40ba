"""How shapes written long ago become today's: one small function a step, from plain data to plain data.

A step takes the decoded JSON of one version of an event and gives the next version's name and data. Steps are
chained until the name is current. What an old shape did not say is what was true when it was written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Upcast = Callable[[dict[str, Any]], tuple[str, dict[str, Any]]]


def _restored_v1(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """There were no refunds: whatever came back did so because a payment had failed."""
    return "Restored.v2", {**data, "refund_id": None}


def _order_placed_v1(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """There was one gateway."""
    return "OrderPlaced.v2", {**data, "gateway": "sandbox" if data["cash_due_minor"] else None}


UPCASTS: Mapping[str, Upcast] = {
    "Restored.v1": _restored_v1,
    "OrderPlaced.v1": _order_placed_v1,
}
"""Old name -> the step away from it."""


def upcast(topic: str, data: dict[str, Any], steps: Mapping[str, Upcast]) -> tuple[str, dict[str, Any]]:
    """Take `data` from `topic` to the current shape, step by step."""
    while topic in steps:
        topic, data = steps[topic](data)
    return topic, data
