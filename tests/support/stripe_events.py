"""Stripe's webhooks as it sends them: an event around an object, and the signature of its very bytes."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

SECRET = "whsec_loopback"


def event(kind: str, thing: dict[str, Any], event_id: str = "evt_00000000000001") -> bytes:
    """The body of a webhook."""
    about = {"id": event_id, "object": "event", "api_version": "2026-10-28.endive", "livemode": False}
    return json.dumps({**about, "created": 1, "type": kind, "data": {"object": thing}}).encode()


def signature(payload: bytes, at: datetime, secret: str = SECRET) -> str:
    """The `Stripe-Signature` header; made here by the published rule, not by the library that checks it."""
    stamp = int(at.timestamp())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest},v0={'0' * 64}"
