"""The tables of the sketch: counters on the member, a row for each movement of points."""

from __future__ import annotations

import uuid

from django.db import models


class Member(models.Model):
    """Somebody with points; the counters are what is served."""

    user_id = models.CharField(max_length=255, unique=True)
    balance = models.BigIntegerField(default=0)
    earned = models.BigIntegerField(default=0)
    redeemed = models.BigIntegerField(default=0)
    expired = models.BigIntegerField(default=0)


class Product(models.Model):
    """What is sold; the price in minor units."""

    sku = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    brand = models.CharField(max_length=80)
    category = models.CharField(max_length=80)
    price = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    image_url = models.CharField(max_length=2048, default="")
    active = models.BooleanField(default=True)

    class Meta:
        """For the filters of the search."""

        indexes = (
            models.Index(fields=["category", "brand", "price"], name="products_by_category"),
            models.Index(fields=["brand", "price"], name="products_by_brand"),
            models.Index(fields=["price"], name="products_by_price"),
        )


class Order(models.Model):
    """A purchase."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    member = models.ForeignKey(Member, on_delete=models.PROTECT)
    status = models.CharField(max_length=20)
    items = models.JSONField()
    total = models.BigIntegerField()
    points_used = models.BigIntegerField()
    cash_due = models.BigIntegerField()
    points_earned = models.BigIntegerField(default=0)
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()


class Transaction(models.Model):
    """A movement of points. `remaining` is what is left of those that were earned."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False)
    order = models.ForeignKey(Order, on_delete=models.PROTECT, null=True)
    type = models.CharField(max_length=20)
    points = models.BigIntegerField()
    remaining = models.BigIntegerField(default=0)
    expires_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        """For the feed, the lots that are left, and the nightly loop."""

        indexes = (
            models.Index(fields=["member", "-id"], name="transactions_by_member"),
            models.Index(
                fields=["member", "expires_at"], name="transactions_open", condition=models.Q(remaining__gt=0)
            ),
            models.Index(fields=["expires_at", "member"], name="transactions_due", condition=models.Q(remaining__gt=0)),
        )


class IdempotencyKey(models.Model):
    """What was asked under a key, and what was answered."""

    member = models.ForeignKey(Member, on_delete=models.PROTECT, db_index=False)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    response = models.JSONField(null=True)

    class Meta:
        """One answer a key."""

        constraints = (models.UniqueConstraint(fields=["member", "key"], name="keys_of_members"),)


class Charge(models.Model):
    """The sandbox's own books."""

    order_id = models.UUIDField(primary_key=True)
    charge_id = models.CharField(max_length=64)
    amount = models.BigIntegerField()
    payment_method = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
