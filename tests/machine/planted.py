"""Mistakes that the app does not make, each as the smallest change of its text that makes it.

Most are those of the first sketch of this system. A change names the file below `app`, what stands there once, and what
is put in its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Change:
    """`old` stands exactly once in `file`."""

    file: str
    old: str
    new: str

    def apply(self, app: Path) -> None:
        """Change the file below `app`."""
        path = app / self.file
        text = path.read_text(encoding="utf-8")
        assert text.count(self.old) == 1, f"{self.file} has {text.count(self.old)} of: {self.old}"
        path.write_text(text.replace(self.old, self.new), encoding="utf-8")


ACCOUNT, LOTS, CALENDAR, ORDER, RULES = (
    f"domain/{name}.py" for name in ("point_account", "lots", "calendar", "order", "rules")
)
CHECK_OUT, SETTLE, RECOVER, HEAR, IMPORT = (
    f"usecases/{name}.py"
    for name in ("check_out", "settle_payment", "recover_payments", "hear_from_gateway", "import_orders")
)

BUGS: dict[str, tuple[Change, ...]] = {
    "the same points expire on every run": (
        Change(
            ACCOUNT,
            "self.parts = lots.without(self.parts, event.taken)\n        self.lifetime.expired",
            "self.lifetime.expired",
        ),
    ),
    "spent points expire": (
        Change(
            ACCOUNT,
            "taken = tuple(lots.lapsed(self.parts, at))",
            "taken = tuple(Part(part.lot, part.lot.points) for part in lots.lapsed(self.parts, at))",
        ),
    ),
    "a month has 30 days": (
        Change(
            CALENDAR,
            "months_after(earned_at.astimezone(zone).date(), months)",
            "earned_at.astimezone(zone).date() + timedelta(days=30 * months)",
        ),
    ),
    "a day ends when it does in Greenwich": (
        Change(CALENDAR, "months_after(earned_at.astimezone(zone).date()", "months_after(earned_at.date()"),
    ),
    "points are spendable until the sweep": (
        Change(LOTS, "if not part.lot.is_pending(at) and not part.lot.is_lapsed(at)", "if not part.lot.is_pending(at)"),
    ),
    "points are spendable before they ripen": (
        Change(LOTS, "if not part.lot.is_pending(at) and not part.lot.is_lapsed(at)", "if not part.lot.is_lapsed(at)"),
    ),
    "a negative redemption mints points": (
        Change(RULES, "if points < 0:", "if points < -1_000_000:"),
        Change(ACCOUNT, 'if points < 0:\n            raise invalid(points_to_use="Must not be negative.")', ""),
        Change(ORDER, "        assert placed.points_used == lots.total(placed.taken)\n", ""),
    ),
    "the redemption cap is not enforced": (
        Change(RULES, "if points > self.max_redeem_per_order:", "if points > 1_000_000:"),
    ),
    "points burn in the order of earning": (
        Change(LOTS, "(self.expires_at, self.earned_at, self.id)", "(self.earned_at, self.expires_at, self.id)"),
    ),
    "a failed order earns": (
        Change(
            SETTLE,
            "order.fail(at, news.reason)\n",
            "order.fail(at, news.reason)\n"
            "        until = calendar.expiry(at, rule.expiry_months, self._zone)\n"
            "        account.earn(at, order.id, order.placed.points_promised, 1, at, until)\n",
        ),
    ),
    "news that is heard twice earns twice": (
        Change(
            SETTLE,
            'if order.status != "pending":\n',
            'if order.status != "pending":\n'
            "                until = calendar.expiry(at, 1, self._zone)\n"
            "                account.earn(at, order.id, order.placed.points_promised, 1, at, until)\n"
            "                if account.has_news:\n"
            "                    self._loyalty.record(account)\n",
        ),
    ),
    "new rules reach orders that stand": (
        Change(SETTLE, "programme.numbered(placed.rule_version).rule", "programme.in_effect(at).rule"),
    ),
    "each part of a refund is rounded by itself": (
        Change(
            ORDER,
            "return whole * (before + amount_minor) // total - whole * before // total",
            "return whole * amount_minor // total if before is not None else 0",
        ),
    ),
    "what lapsed meanwhile comes back to its own lot": (
        Change(ACCOUNT, "returned=tuple(lots.unlapsed(rest, at))", "returned=tuple(rest)"),
        Change(ACCOUNT, "made=tuple(made)", "made=()"),
    ),
    "what lapsed meanwhile does not come back": (Change(ACCOUNT, "made=tuple(made)", "made=()"),),
    "debt is never repaid": (Change(ACCOUNT, "return min(self.debt, points)", "return 0"),),
    "a revoke takes back the other orders' points first": (
        Change(ACCOUNT, "(part.lot.id != lot_id, not part.lot.is_pending(at))", "part.lot.id == lot_id"),
    ),
    "points that expired are asked for again": (
        Change(ORDER, "self.points_revoked - expired)", "self.points_revoked)"),
    ),
    "no answer is taken for a decline": (
        Change(
            CHECK_OUT,
            "return self._unknown(placed.outcome, news)",
            "return self._settle(account.id, order.id, Declined(news.reason), make_receipt)",
        ),
        Change(CHECK_OUT, "import ActionNeeded, ", "import ActionNeeded, Declined, "),
    ),
    "what is not found is taken for declined, unvoided": (
        Change(RECOVER, "news = self._gateway.void(bill)", 'news = Declined("absent")'),
    ),
    "recovery charges again": (
        Change(RECOVER, "self._gateway.outcome(bill)", 'self._gateway.charge(bill, "pm_card_visa")'),
    ),
    "a refund without an answer is made again": (
        Change(RECOVER, "refund.refund_id, refund.cash_minor", "uuid4(), refund.cash_minor"),
        Change(RECOVER, "from uuid import UUID", "from uuid import UUID, uuid4"),
    ),
    "news in another currency makes an order paid": (
        Change(HEAR, "(news.amount_minor, news.currency) != (bill.amount_minor, bill.currency)",
               "news.amount_minor != bill.amount_minor"),
    ),
    "an imported purchase earns as of today": (
        Change(IMPORT, "batch.programme, line.paid_at, None", "batch.programme, now, None"),
    ),
}  # fmt: skip
