"""The stable name of every event and snapshot ever written. Append to this table; never rename what stands in it.

A name is no `module:Class`: moving a class orphans nothing. A new shape gets a new name (`Earned.v2`) and the old
one an upcast.
"""

from __future__ import annotations

from app.domain import account_events, order_events, programme

EVENTS: dict[str, type] = {
    "Opened.v1": account_events.Opened,
    "Earned.v1": account_events.Earned,
    "Redeemed.v1": account_events.Redeemed,
    "Restored.v2": account_events.Restored,
    "Expired.v1": account_events.Expired,
    "Adjusted.v1": account_events.Adjusted,
    "Revoked.v1": account_events.Revoked,
    "OrderPlaced.v2": order_events.OrderPlaced,
    "OrderPaid.v1": order_events.OrderPaid,
    "PaymentFailed.v1": order_events.PaymentFailed,
    "RefundRequested.v1": order_events.RefundRequested,
    "OrderRefunded.v1": order_events.OrderRefunded,
    "RefundFailed.v1": order_events.RefundFailed,
    "RulesChanged.v1": programme.RulesChanged,
}

SNAPSHOTS: dict[str, type] = {
    "PointAccountState.v1": account_events.PointAccountState,
}
