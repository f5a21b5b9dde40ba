"""Books: every history that the aggregates wrote fits, and no event that breaks one of the ledger's laws does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.audit import ledger
from app.audit.account_book import AccountBook
from app.audit.agreement import SPAN, Agreement
from app.audit.findings import Broken, Finding
from app.audit.heads import Heads
from app.audit.ledger import Book
from app.audit.order_book import OrderBook
from app.domain.account_events import Adjusted, Earned, Expired, Opened, Redeemed, Restored, Revoked
from app.domain.aggregate import Recorded
from app.domain.lots import Part
from app.domain.order_events import OrderPaid, OrderRefunded, PaymentFailed, RefundFailed, RefundRequested
from app.domain.programme import PROGRAMME_ID, RulesChanged
from app.domain.rules import Rule
from app.eventstore.chain import GENESIS, LogEntry
from tests.domain.histories import Command, History, commands
from tests.domain.samples import ADMIN, MEMBER, NOW, ORDER, REASON, REFUND, lot, placed, whole
from tests.support.given import ID, numbered

OTHER = UUID("77777777-7777-4777-8777-777777777777")

FIRST, SECOND = lot(1, 100), lot(2, 50, lapses=10)
OPENED = Opened(at=NOW, balance=0)


def adjusted(points: int, balance: int, **facts: Any) -> Adjusted:
    """An adjustment that makes no lot and takes from none unless it is said."""
    usual: dict[str, Any] = {"reason_id": REASON, "actor_id": ADMIN, "lot": None, "taken": (), "debt_repaid": 0}
    return Adjusted(at=NOW, points=points, balance=balance, **usual | facts)


def earned(points: int, balance: int, **facts: Any) -> Earned:
    """An earning that makes no lot unless it is said."""
    usual: dict[str, Any] = {"order_id": ORDER, "lot": None, "rule_version": 1, "debt_repaid": 0}
    return Earned(at=NOW, points=points, balance=balance, **usual | facts)


def redeemed(points: int, balance: int, *taken: Part) -> Redeemed:
    """Points taken for ORDER."""
    return Redeemed(at=NOW, points=points, balance=balance, order_id=ORDER, taken=taken)


def restored(points: int, balance: int, **facts: Any) -> Restored:
    """Points given back of ORDER."""
    usual: dict[str, Any] = {"order_id": ORDER, "refund_id": None, "returned": (), "made": (), "debt_repaid": 0}
    return Restored(at=NOW, points=points, balance=balance, **usual | facts)


def revoked(points: int, balance: int, *taken: Part, debt_added: int = 0) -> Revoked:
    """Points taken back of ORDER."""
    return Revoked(
        at=NOW, points=points, balance=balance, order_id=ORDER, refund_id=REFUND, taken=taken, debt_added=debt_added
    )


TWO_LOTS = (OPENED, adjusted(100, 100, lot=FIRST), earned(50, 150, lot=SECOND))
IN_DEBT = (OPENED, earned(100, 100, lot=FIRST), redeemed(100, 0, whole(FIRST)), revoked(100, 0, debt_added=100))
SPENT = (OPENED, adjusted(100, 100, lot=FIRST), redeemed(60, 40, Part(FIRST, 60)))

BROKEN_ACCOUNTS: dict[str, tuple[Sequence[Any], Any, str]] = {
    "opened twice": (TWO_LOTS, OPENED, "an account is opened once"),
    "an order's event": (TWO_LOTS, placed(), "not an event of an account"),
    "a balance beside its lots": (TWO_LOTS, redeemed(30, 121, Part(FIRST, 30)), "it says a balance of 121"),
    "points beside its lots": (TWO_LOTS, redeemed(30, 121, Part(FIRST, 29)), "not the sum"),
    "points from nowhere": (TWO_LOTS, redeemed(-30, 180), "not the sum"),
    "more than a lot holds": (TWO_LOTS, redeemed(51, 99, Part(SECOND, 51)), "more from a lot than that holds"),
    "an unknown lot": (TWO_LOTS, redeemed(5, 145, Part(lot(3, 10), 5)), "a lot that holds nothing"),
    "a lot made otherwise": (TWO_LOTS, redeemed(5, 145, Part(lot(1, 101), 5)), "names a lot otherwise"),
    "a lot twice": (TWO_LOTS, redeemed(60, 90, Part(FIRST, 50), Part(FIRST, 10)), "points of one lot twice"),
    "less than nothing of a lot": (TWO_LOTS, redeemed(5, 145, Part(FIRST, 10), Part(SECOND, -5)), "nothing, or less"),
    "expired beside its lots": (TWO_LOTS, Expired(at=NOW, balance=150, points=1, taken=()), "not the sum"),
    "a lot's number again": (TWO_LOTS, adjusted(10, 160, lot=lot(2, 10)), "not the next in number"),
    "a lot's number left out": (TWO_LOTS, adjusted(10, 160, lot=lot(4, 10)), "not the next in number"),
    "a lot of nothing": (TWO_LOTS, adjusted(0, 150, lot=lot(3, 0)), "a lot of nothing"),
    "more than there can be": (TWO_LOTS, adjusted(2**63, 150 + 2**63, lot=lot(3, 2**63)), "more points than there can"),
    "give and take": (
        TWO_LOTS,
        adjusted(5, 155, lot=lot(3, 10), taken=(Part(FIRST, 5),)),
        "gives and takes at once",
    ),
    "debt beside a balance": (TWO_LOTS, revoked(10, 150, debt_added=10), "debt beside a balance"),
    "debt below nothing": (
        TWO_LOTS,
        revoked(10, 130, Part(FIRST, 20), debt_added=-10),
        "less than nothing to the debt",
    ),
    "debt not repaid": (IN_DEBT, earned(50, 50, lot=lot(2, 50)), "does not repay the debt"),
    "debt repaid in part": (IN_DEBT, earned(50, 20, lot=lot(2, 20), debt_repaid=30), "does not repay the debt"),
    "debt that is none": (TWO_LOTS, earned(50, 150, debt_repaid=50), "does not repay the debt"),
    "more returned than taken": (SPENT, restored(61, 101, returned=(Part(FIRST, 61),)), "more to a lot than"),
    "returned to no lot": (SPENT, restored(5, 45, returned=(Part(lot(2, 9), 5),)), "a lot that was never made"),
}
"""What was before, an event that breaks a law, and what is said of it."""


def followed(book: Book, events: Sequence[Any], stream: UUID = ID) -> None:
    """Let a book follow `events`."""
    for recorded in numbered(tuple(events)):
        book.follow(recorded._replace(originator_id=stream))


@given(commands)
def test_every_history_of_an_account_fits(history: list[Command]) -> None:
    played = History()
    for command in history:
        played.play(command)
    book = AccountBook()
    followed(book, [played.start, *played.events])
    assert book.state == played.account.state()


@given(commands, st.data())
def test_no_history_fits_in_which_points_came_from_nowhere(history: list[Command], data: st.DataObject) -> None:
    played = History()
    for command in history:
        played.play(command)
    events = [played.start, *played.events]
    nth, field = data.draw(st.integers(0, len(events) - 1)), data.draw(st.sampled_from(["points", "balance"]))
    field = field if hasattr(events[nth], field) else "balance"
    more = getattr(events[nth], field) + data.draw(st.sampled_from([-3, -1, 1, 2]))
    events[nth] = msgspec.structs.replace(events[nth], **{field: more})
    with pytest.raises(Broken):
        followed(AccountBook(), events)


@pytest.mark.parametrize("case", BROKEN_ACCOUNTS)
def test_an_account_event_that_breaks_a_law_does_not_fit(case: str) -> None:
    before, event, why = BROKEN_ACCOUNTS[case]
    book = AccountBook()
    followed(book, before)
    with pytest.raises(Broken, match=why):
        book.follow(Recorded(ID, len(before) + 1, event))


PLACED = placed()
PAID = OrderPaid(at=NOW, charge_id="ch", cash_minor=47_000, points_earned=50, lot=None)
FAILED = PaymentFailed(at=NOW, reason="no", points_restored=30)


def requested(amount: int = 25_000, cash: int = 23_500, refund_id: UUID = REFUND) -> RefundRequested:
    """Half of it, unless said otherwise."""
    return RefundRequested(
        at=NOW, refund_id=refund_id, amount_minor=amount, cash_minor=cash, reason_id=REASON, actor_id=ADMIN
    )


def refunded(**changes: Any) -> OrderRefunded:
    """What was requested."""
    facts: dict[str, Any] = {
        "at": NOW,
        "refund_id": REFUND,
        "amount_minor": 25_000,
        "left_minor": 25_000,
        "cash_minor": 23_500,
        "points_restored": 15,
        "points_revoked": 25,
        "expired": 0,
        "gateway_refund_id": "re",
    }
    return OrderRefunded(**facts | changes)


HALF = (PLACED, PAID, requested(), refunded())

BROKEN_ORDERS: dict[str, tuple[Sequence[Any], Any, str]] = {
    "placed twice": ((PLACED,), PLACED, "placed once"),
    "an account's event": ((PLACED,), OPENED, "not an event of an order"),
    "lines beside the total": ((), placed(total_minor=50_001), "do not sum to its total"),
    "points beside those taken": ((), placed(points_used=31), "does not use the points that were taken"),
    "less than nothing due": ((), placed(cash_due_minor=-1), "less than nothing"),
    "more than there can be": ((), placed(lines=(), total_minor=2**63), "more than there can be"),
    "paid twice": ((PLACED, PAID), PAID, "an order that is paid cannot be settled"),
    "failed and paid": ((PLACED, FAILED), PAID, "an order that is failed cannot be settled"),
    "paid something else": ((PLACED,), msgspec.structs.replace(PAID, cash_minor=1), "what was due"),
    "earned something else": ((PLACED,), msgspec.structs.replace(PAID, points_earned=51), "what was promised"),
    "kept points": ((PLACED,), msgspec.structs.replace(FAILED, points_restored=29), "what was used"),
    "refunded before it was paid": ((PLACED,), requested(), "an order that is pending cannot be refunded"),
    "two refunds at a time": ((PLACED, PAID, requested()), requested(refund_id=OTHER), "one refund at a time"),
    "more than is left": (HALF, requested(25_001, 23_500), "of 25000 that are left it refunds 25001"),
    "a refund of nothing": ((PLACED, PAID), requested(0, 0), "it refunds 0"),
    "cash out of proportion": ((PLACED, PAID), requested(cash=23_501), "its cash is not in proportion"),
    "a refund that nobody asked for": ((PLACED, PAID), refunded(), "not the refund that was requested"),
    "another refund": ((PLACED, PAID, requested()), refunded(refund_id=OTHER), "not the refund that was requested"),
    "another amount": ((PLACED, PAID, requested()), refunded(amount_minor=1), "not the refund that was requested"),
    "another rest": ((PLACED, PAID, requested()), refunded(left_minor=1), "it says that 1 are left, and 25000 are"),
    "too much restored": ((PLACED, PAID, requested()), refunded(points_restored=16), "restores is not in proportion"),
    "too little revoked": ((PLACED, PAID, requested()), refunded(points_revoked=24), "revokes is not in proportion"),
    "a failure that nobody asked for": ((PLACED, PAID), RefundFailed(at=NOW, refund_id=REFUND, reason="no"), "no such"),
}


@pytest.mark.parametrize("case", BROKEN_ORDERS)
def test_an_order_event_that_breaks_a_law_does_not_fit(case: str) -> None:
    before, event, why = BROKEN_ORDERS[case]
    book = OrderBook()
    followed(book, before)
    with pytest.raises(Broken, match=why):
        book.follow(Recorded(ID, len(before) + 1, event))


def test_an_order_refunded_in_parts_after_a_refund_that_failed_fits() -> None:
    book = OrderBook()
    failed = RefundFailed(at=NOW, refund_id=OTHER, reason="no")
    rest = refunded(left_minor=0, points_revoked=5, expired=20)
    followed(book, [PLACED, PAID, requested(refund_id=OTHER), failed, requested(), refunded(), requested(), rest])
    assert (book.status, book.refunded_minor, book.pending) == ("refunded", 50_000, None)


def test_rules_count_up_from_the_second_version_in_a_stream_of_their_own() -> None:
    def changed(version: int) -> RulesChanged:
        return RulesChanged(at=NOW, version=version, rule=Rule(), effective_from=NOW, by=ADMIN)

    book = ledger.begin(changed(2))
    followed(book, [changed(2), changed(3)], PROGRAMME_ID)
    with pytest.raises(Broken, match="it says version 5 of the rules, and 4 is due"):
        book.follow(Recorded(PROGRAMME_ID, 3, changed(5)))
    with pytest.raises(Broken, match="a stream of its own"):
        followed(ledger.begin(changed(2)), [changed(2)])


def test_a_stream_begins_with_an_event_that_begins_one() -> None:
    with pytest.raises(Broken, match="no stream begins with such an event"):
        ledger.begin(PAID)


def test_heads_leave_the_memory_and_come_back_as_they_were() -> None:
    book = AccountBook()
    followed(book, TWO_LOTS)
    with Heads() as heads:
        head = heads.begin(MEMBER)
        head.version, head.hash, head.position, head.book = 3, bytes(range(32)), 9, book
        heads.flush()
        assert heads._near == {}
        found = heads.find(MEMBER)
        assert found == head and found is not head
        assert heads.find(ORDER) is None
        assert len(heads) == 1


def test_a_disk_that_is_full_is_said_in_one_line() -> None:
    with (
        pytest.raises(OSError, match="the temporary file of the verification: database or disk is full"),
        Heads() as heads,
    ):
        heads._far.execute("PRAGMA max_page_count = 8")
        for number in range(1000):
            heads.begin(UUID(int=number))
        heads.flush()


def entry_at(position: int) -> LogEntry:
    """An event in its place; nothing else of it matters."""
    return LogEntry(position, MEMBER, 1, "", "", NOW, "", GENESIS)


def test_an_order_that_never_agrees_is_named_where_it_began_and_forgotten() -> None:
    agreement = Agreement()
    agreement.follow(entry_at(5), earned(50, 50), AccountBook())
    agreement.follow(entry_at(6), OPENED, AccountBook())
    for position in range(SPAN, 2 * SPAN, 1000):
        agreement.follow(entry_at(position), earned(50, 50, order_id=UUID(int=position)), AccountBook())
    assert agreement._open == {}
    with pytest.raises(Finding, match=f"position 5: the order {ORDER} says otherwise of its points"):
        agreement.finish(is_cut=True)
