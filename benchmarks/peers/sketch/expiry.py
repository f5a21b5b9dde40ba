"""The sketch's nightly command: member by member, in a transaction each, the row locked, what lapsed is taken.

As a benchmark it makes so many members with two lapsed lots each, untimed, and then times the command.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime, timedelta
from uuid import uuid4

import django

django.setup()

from django.db import transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from benchmarks.peers.sketch.models import Member, Transaction  # noqa: E402

LOTS, POINTS = 2, 50


def expire(now: datetime) -> int:
    """Take what has lapsed by now; gives how many lots that was."""
    due = Transaction.objects.filter(remaining__gt=0, expires_at__lte=now)
    swept = 0
    for member_id in due.values_list("member_id", flat=True).distinct().order_by("member_id").iterator():
        with transaction.atomic():
            member = Member.objects.select_for_update().get(pk=member_id)
            lots = list(member.transaction_set.filter(remaining__gt=0, expires_at__lte=now).only("id", "remaining"))
            points = sum(lot.remaining for lot in lots)
            member.transaction_set.filter(pk__in=[lot.pk for lot in lots]).update(remaining=0)
            Transaction.objects.create(member=member, type="expire", points=-points, created_at=now)
            member.balance -= points
            member.expired += points
            member.save(update_fields=["balance", "expired"])
        swept += len(lots)
    return swept


def _make(members: int, now: datetime) -> None:
    made = Member.objects.bulk_create([Member(user_id=str(uuid4()), balance=LOTS * POINTS) for _ in range(members)])
    lapsed = {"type": "earn", "points": POINTS, "remaining": POINTS, "expires_at": now - timedelta(days=7)}
    earned_at = now - timedelta(days=372)
    lots = (Transaction(member=member, created_at=earned_at, **lapsed) for member in made for _ in range(LOTS))
    Transaction.objects.bulk_create(lots, batch_size=1000)


def main() -> None:
    """Read a job, tell what was measured. Raises RuntimeError where points were left."""
    members = json.load(sys.stdin)["members"]
    now = timezone.now()
    _make(members, now)
    began = time.perf_counter()
    lots = expire(now)
    seconds = time.perf_counter() - began
    left = Member.objects.exclude(balance=0).count() + Transaction.objects.filter(remaining__gt=0).count()
    if lots != members * LOTS or left:
        raise RuntimeError(f"{lots} lots of {members * LOTS} were swept, {left} rows were left")
    json.dump({"per_second": lots / seconds, "lots": lots}, sys.stdout)


if __name__ == "__main__":
    main()
