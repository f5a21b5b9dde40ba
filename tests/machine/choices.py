"""What hypothesis chooses from: few values each, picked for the edges that the programme has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import strategies as st

from tests.machine.ledger import MOST_BY_HAND, Account
from tests.machine.model import Model, Order
from tests.machine.money import Way
from tests.machine.terms import Terms, first_instant_after
from tests.machine.world import PRICES, USERS

ZONES = ("Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Africa/Cairo")

STARTS = (
    datetime(2027, 1, 31, 12),
    datetime(2028, 1, 30, 23, 59, 59, 999_999),
    datetime(2028, 2, 29, 0, 0),
    datetime(2026, 2, 28, 18, 29, 59),
    # A month before clocks change, forth and back: New York, London, Lord Howe, Cairo.
    datetime(2026, 2, 8, 2, 30),
    datetime(2026, 9, 30, 23, 30),
    datetime(2027, 2, 28, 1, 30),
    datetime(2026, 9, 25, 1, 30),
    datetime(2026, 3, 4, 1, 45),
    datetime(2026, 3, 23, 0, 0),
    datetime(2026, 12, 31, 23, 59, 59),
)
"""In local time."""

DAY = timedelta(days=1)
PAUSES = (
    timedelta(microseconds=1), timedelta(seconds=20), timedelta(seconds=100), timedelta(hours=1), timedelta(hours=11),
    DAY, 3 * DAY, 20 * DAY,
)  # fmt: skip

users = st.sampled_from((USERS[0], USERS[0], *USERS))
prices = st.sampled_from((50_000, 50_000, 10_000, *PRICES))
starts = st.sampled_from(STARTS)
zones = st.sampled_from(ZONES)
pauses = st.sampled_from(PAUSES)
offsets = st.sampled_from([timedelta(0), timedelta(0), timedelta(microseconds=-1), timedelta(microseconds=1)])
picks = st.integers(0, 1_000)
"""Which of so many, taken modulo their number."""

ways = st.sampled_from([Way.ANSWERED, Way.ANSWERED, Way.NO_ANSWER, Way.LOST, Way.LATE])
troubles = st.sampled_from([Way.NO_ANSWER, Way.LOST, Way.LATE])
refund_ways = st.sampled_from([*[Way.ANSWERED] * 4, Way.NO_ANSWER, Way.LOST, Way.LATE, Way.REFUSED])

terms = st.builds(
    Terms,
    earn_points=st.sampled_from([1, 1, 1, 3, 0]),
    earn_per_amount=st.sampled_from([1000, 1000, 333]),
    point_value=st.sampled_from([100, 100, 100, 150, 1]),
    max_earn_per_order=st.sampled_from([500, 500, 40]),
    max_redeem_per_order=st.sampled_from([500, 500, 45, 45]),
    min_redeem_per_order=st.sampled_from([1, 1, 1, 10]),
    expiry_months=st.sampled_from([1, 1, 2, 12, 13]),
    pending_days=st.sampled_from([0, 0, 0, 0, 1, 20]),
    earn_on=st.sampled_from(["total", "cash"]),
    restore_grace_days=st.sampled_from([14, 1, 0]),
)
mistakes = st.sampled_from([
    *[None] * 12, Terms(earn_per_amount=0), Terms(point_value=0), Terms(max_redeem_per_order=-1),
    Terms(expiry_months=0), Terms(earn_points=-1), Terms(earn_on="sometimes"),
])  # fmt: skip
"""What an admin sends instead of terms that can work."""
sinces = st.sampled_from(
    [None, None, None, timedelta(seconds=-59), timedelta(seconds=-61), timedelta(hours=1), 20 * DAY]
)

redemptions = st.sampled_from([
    "none", "some", "all", "all", "the whole price", "too many", "one too many", "above the cap", "negative",
])  # fmt: skip

spendings = st.sampled_from(["all", "all", "all", "above the cap", "some", "none"])


def points_of(choice: str, account: Account, at: datetime, price: int, rule: Terms) -> int:
    """How many points a member tries to pay with."""
    available, affordable = account.available(at), price // rule.point_value
    usable = min(available, affordable, rule.max_redeem_per_order)
    return {
        "none": 0,
        "some": (usable + 1) // 2,
        "all": usable,
        "the whole price": affordable,
        "too many": affordable + 1,
        "one too many": available + 1,
        "above the cap": rule.max_redeem_per_order + 1,
        "negative": -100,
    }[choice]


cards = st.sampled_from([True, True, True, True, False, None])
news = st.sampled_from([None, None, None, "ask", "refund_failed"])
"""None: what the gateway knows about the charge."""
lies = st.sampled_from(["amount", "currency", "charge", "order"])

amounts = st.sampled_from(["all that is left", "all that is left", "half", "a third", "a third", "one"])
any_amounts = st.sampled_from(["all that is left", "too much", "nothing"])


def is_refundable(order: Order) -> bool:
    """Whether a refund of the order has a chance."""
    return order.status in ("paid", "partially_refunded") and not order.is_imported and not order.pending_refund


def one_of(orders: Iterable[Order], pick: int) -> Order:
    """One of the orders, the newest for 0."""
    known = list(orders)
    return known[-1 - pick % len(known)]


def amount_of(choice: str, order: Order) -> int | None:
    """How much of an order somebody wants refunded."""
    left = order.total - order.refunded
    return {
        "all that is left": None,
        "half": (left + 1) // 2,
        "a third": order.total // 3 + 1,
        "one": 1,
        "too much": left + 1,
        "nothing": 0,
    }[choice]


grants = st.sampled_from([100, 100, 7, 45, 450, MOST_BY_HAND + 1])
lives = st.sampled_from([None, None, None, 9 * DAY, timedelta(hours=5), timedelta(microseconds=1), timedelta(0)])
corrections = st.sampled_from(["all", "half", "one", "one too many"])


def correction_of(choice: str, account: Account, at: datetime) -> int:
    """How many points an admin takes."""
    there = account.available(at) + account.pending(at)
    return {"one": 1, "half": (there + 1) // 2, "all": there, "one too many": there + 1}[choice]


class Past(NamedTuple):
    """A purchase from before: whose, under which reference, how long ago, for how much."""

    user: str
    reference: str
    ago: timedelta
    amount: int


class Balance(NamedTuple):
    """Points that a member brings along, and how long they live."""

    user: str
    reference: str
    points: int
    life: timedelta | None


references = st.sampled_from(["r1", "r2", "r3", "r4", "r5", "r6"])
purchases = st.builds(
    Past,
    users,
    references,
    st.sampled_from([timedelta(0), timedelta(seconds=-1), timedelta(hours=1), 27 * DAY, 31 * DAY, 366 * DAY]),
    prices,
)
balances = st.builds(Balance, users, references, st.sampled_from([3, 60]), lives)


def next_instant(model: Model, at: datetime, pick: int = 0) -> datetime:
    """One of the next few instants at which something ripens, lapses or comes into effect, or a day ends."""
    taken = [lot for order in model.orders.values() if order.waits_since for lot, _ in order.taken]
    lots = [lot for account in model.accounts.values() for lot in account.lots if lot.left] + taken
    instants = {lot.expires_at for lot in lots} | {lot.available_at for lot in lots}
    instants |= {since for _, since in model.versions}
    ahead = sorted(instant for instant in instants if instant > at)[:3]
    return ahead[pick % len(ahead)] if ahead else first_instant_after(at.astimezone(model.zone).date(), model.zone)
