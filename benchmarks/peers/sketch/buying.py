"""The sketch's checkout: place and take points, charge, settle; two transactions, the member's row locked in each."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from benchmarks.peers.sketch.models import Charge, IdempotencyKey, Member, Order, Product, Transaction

EARN_PER, EARN_MOST, POINT_VALUE = 1000, 500, 100
LIVES = timedelta(days=365)


class Refused(Exception):
    """A purchase that cannot be: the message is its code."""


def buy(user_id: str, key: str, fingerprint: str, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to a purchase: a new one, or the one that was given under this key before."""
    with transaction.atomic():
        member, _ = Member.objects.select_for_update().get_or_create(user_id=user_id)
        known, is_new = IdempotencyKey.objects.get_or_create(
            member=member, key=key, defaults={"fingerprint": fingerprint}
        )
        if known.fingerprint != fingerprint:
            raise Refused("idempotency_key_reused")
        if not is_new:
            return dict(known.response or {})
        order = _place(member, body)
    Charge.objects.create(
        order_id=order.id,
        charge_id=f"ch_{order.id.hex}",
        amount=order.cash_due,
        payment_method=body["payment_method"],
    )
    return _settle(member.pk, order.id, known.pk)


def _place(member: Member, body: dict[str, Any]) -> Order:
    wanted = {item["product_id"]: item["quantity"] for item in body["items"]}
    products = Product.objects.filter(active=True).only("id", "name", "price").in_bulk(list(wanted))
    if len(products) != len(wanted):
        raise Refused("unknown_product")
    total = sum(products[product_id].price * quantity for product_id, quantity in wanted.items())
    points = body["points_to_use"]
    if not 0 <= points <= min(member.balance, total // POINT_VALUE, EARN_MOST):
        raise Refused("insufficient_points")
    order = Order.objects.create(
        member=member,
        status="pending",
        items=[{"product_id": i, "name": products[i].name, "quantity": n} for i, n in wanted.items()],
        total=total,
        points_used=points,
        cash_due=total - points * POINT_VALUE,
        currency="INR",
        created_at=timezone.now(),
    )
    if points:
        _take(member, order, points)
    return order


def _take(member: Member, order: Order, points: int) -> None:
    """Those that lapse first go first."""
    lots, left = [], points
    for lot in member.transaction_set.filter(remaining__gt=0).order_by("expires_at").only("id", "remaining"):
        taken = min(left, lot.remaining)
        lot.remaining -= taken
        left -= taken
        lots.append(lot)
        if not left:
            break
    Transaction.objects.bulk_update(lots, ["remaining"])
    Transaction.objects.create(member=member, order=order, type="use", points=-points, created_at=order.created_at)
    member.balance -= points
    member.redeemed += points
    member.save(update_fields=["balance", "redeemed"])


@transaction.atomic
def _settle(member_id: int, order_id: UUID, key_id: int) -> dict[str, Any]:
    member = Member.objects.select_for_update().get(pk=member_id)
    order = Order.objects.get(pk=order_id)
    now = timezone.now()
    earned = min(order.total // EARN_PER, EARN_MOST)
    Transaction.objects.create(
        member=member,
        order=order,
        type="earn",
        points=earned,
        remaining=earned,
        expires_at=now + LIVES,
        created_at=now,
    )
    member.balance += earned
    member.earned += earned
    member.save(update_fields=["balance", "earned"])
    order.status, order.points_earned = "paid", earned
    order.save(update_fields=["status", "points_earned"])
    answer = {
        "order_id": str(order.id),
        "status": "paid",
        "total": order.total,
        "points_used": order.points_used,
        "cash_due": order.cash_due,
        "points_earned": earned,
        "available": member.balance,
        "currency": order.currency,
        "created_at": order.created_at.isoformat(),
    }
    IdempotencyKey.objects.filter(pk=key_id).update(response=answer)
    return answer
