"""The stable name of every event and snapshot ever written. Append to this table; never rename what stands in it.

A name is no `module:Class`: moving a class orphans nothing. A new shape gets a new name (`Earned.v2`) and the old
one an upcast.
"""

from __future__ import annotations

from app.domain import order, point_account, programme

EVENTS: dict[str, type] = {
    "Opened.v1": point_account.Opened,
    "Earned.v1": point_account.Earned,
    "Redeemed.v1": point_account.Redeemed,
    "Restored.v1": point_account.Restored,
    "Expired.v1": point_account.Expired,
    "Adjusted.v1": point_account.Adjusted,
    "OrderPlaced.v1": order.OrderPlaced,
    "OrderPaid.v1": order.OrderPaid,
    "PaymentFailed.v1": order.PaymentFailed,
    "RulesChanged.v1": programme.RulesChanged,
}

SNAPSHOTS: dict[str, type] = {
    "PointAccountState.v1": point_account.PointAccountState,
}
