"""An order's story: each of its events in a sentence or a few."""

from __future__ import annotations

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from app.audit.order_story import Named, ids_named, order_story, waiting
from app.audit.statement import Days
from app.domain.account_events import Restored, Revoked
from app.domain.aggregate import Recorded
from app.domain.lots import Part
from app.domain.order import Order
from app.domain.order_events import OrderPaid, OrderRefunded, PaymentFailed, RefundFailed, RefundRequested
from tests.domain.samples import ADMIN, DAY, MEMBER, NOW, ORDER, REFUND, lot, placed

EARNED = lot(2, 50, earned=0)
ASKED = RefundRequested(
    at=NOW + DAY, refund_id=REFUND, amount_minor=25_000, cash_minor=23_500, reason_id=REFUND, actor_id=ADMIN
)
NAMED = Named({REFUND: "The cap was “cracked”\n<b>"}, {MEMBER: "ann", ADMIN: "desk@example.com"})


def paid(**changes: Any) -> OrderPaid:
    facts: dict[str, Any] = {"at": NOW, "charge_id": "ch_1", "cash_minor": 47_000, "points_earned": 50, "lot": EARNED}
    return OrderPaid(**facts | changes)


def refunded(**changes: Any) -> OrderRefunded:
    facts: dict[str, Any] = {
        "at": NOW + DAY,
        "refund_id": REFUND,
        "amount_minor": 25_000,
        "left_minor": 25_000,
        "cash_minor": 23_500,
        "points_restored": 15,
        "points_revoked": 25,
        "expired": 0,
        "gateway_refund_id": "re_1",
    }
    return OrderRefunded(**facts | changes)


def recorded(*events: Any) -> list[Recorded]:
    return [Recorded(ORDER if Order.folds(event) else MEMBER, n, event) for n, event in enumerate(events, 1)]


def told(*events: Any, named: Named = NAMED) -> list[str]:
    return [each.text for each in order_story(recorded(*events), named, Days(ZoneInfo("Asia/Kolkata")))]


def last(*events: Any, named: Named = NAMED) -> str:
    return told(*events, named=named)[-1]


def test_an_order_that_was_paid() -> None:
    story = order_story(recorded(placed(), paid()), NAMED, Days(ZoneInfo("Asia/Kolkata")))
    assert [each.at for each in story] == [NOW, NOW]
    assert [each.text for each in story] == [
        "Placed for 30 points and ₹470.00 by card. 50 points are promised once it is paid, under rule version 1.",
        "The card was charged ₹470.00, as ch_1. 50 points were earned, spendable until 15 January 2027 at 12:00.",
    ]


def test_an_order_that_points_alone_paid_for() -> None:
    free = {"points_used": 500, "cash_due_minor": 0, "gateway": None, "points_promised": 1}
    assert told(placed(**free), paid(charge_id=None, cash_minor=0, points_earned=0, lot=None)) == [
        "Placed for 500 points. 1 point is promised once it is paid, under rule version 1.",
        "Nothing was left to pay. It earned no points.",
    ]


def test_an_order_that_was_imported() -> None:
    named = Named({ORDER: "Imported order (reference S-1)"}, {})
    elsewhere = {"points_used": 0, "taken": (), "cash_due_minor": 50_000, "gateway": None, "lines": ()}
    assert told(placed(**elsewhere), paid(charge_id=None, cash_minor=50_000), named=named) == [
        "Placed for ₹500.00. “Imported order (reference S-1)”. 50 points are promised once it is paid, under rule"
        " version 1.",
        "₹500.00 was paid elsewhere. 50 points were earned, spendable until 15 January 2027 at 12:00.",
    ]


def test_points_that_ripen_later_and_points_that_repaid_debt() -> None:
    said = last(placed(), paid(lot=lot(2, 40, earned=0, ripens=9, lapses=100)))
    assert said.endswith(
        "50 points were earned, to be spent from 24 January 2026 at 12:00 on, spendable until 25 April 2026 at 12:00."
        " 10 of them repaid debt."
    )


def test_an_order_whose_card_was_declined() -> None:
    back = Restored(at=NOW, balance=0, order_id=ORDER, refund_id=None, points=30, returned=(), made=(), debt_repaid=30)
    failed = PaymentFailed(at=NOW, reason="card_declined", points_restored=30)
    assert last(placed(), back, failed) == (
        "The card was not charged; the gateway says card_declined. 30 points came back. 30 of those that came back"
        " repaid debt."
    )
    failed = PaymentFailed(at=NOW, reason="voided. All is well", points_restored=0)
    assert last(placed(), failed) == "The card was not charged; the gateway says “voided. All is well”."


def test_a_refund_in_part() -> None:
    assert told(placed(), paid(), ASKED, refunded())[2:] == [
        "A refund of ₹250.00 was asked for by desk@example.com, because “The cap was 'cracked' <b>”.",
        "₹235.00 went back to the card, 15 points were restored and 25 points were revoked. ₹250.00 of the order is"
        " left to be refunded.",
    ]


def test_a_refund_of_the_rest_that_moves_little() -> None:
    assert last(placed(), paid(), ASKED, refunded(left_minor=0, points_restored=0, points_revoked=1)) == (
        "₹235.00 went back to the card and 1 point was revoked. Nothing is left of it to be refunded."
    )
    assert last(placed(), paid(), ASKED, refunded(cash_minor=0, points_restored=0, points_revoked=0)).startswith(
        "Neither cash nor points moved. "
    )


def test_a_refund_whose_points_had_lapsed_or_been_spent() -> None:
    grace = lot(3, 15, earned=0, lapses=14)
    back = Restored(
        at=NOW, balance=0, order_id=ORDER, refund_id=REFUND, points=15, returned=(), made=(grace,), debt_repaid=0
    )
    gone = Revoked(
        at=NOW, balance=0, order_id=ORDER, refund_id=REFUND, points=25, taken=(Part(EARNED, 5),), debt_added=20
    )
    said = last(placed(), paid(), ASKED, back, gone, refunded())
    assert "20 of those revoked had been spent, and became debt." in said
    assert "15 of those that came back had lapsed, and can be spent until 29 January 2026 at 12:00." in said


def test_a_refund_that_the_gateway_refuses() -> None:
    failed = RefundFailed(at=NOW, refund_id=REFUND, reason="charge_disputed")
    assert last(placed(), paid(), ASKED, failed) == (
        "The payment gateway gives nothing back; it says charge_disputed. No points were moved."
    )


def test_whoever_and_whatever_was_forgotten_is_not_named() -> None:
    forgotten = Named({}, {ADMIN: None})
    assert last(placed(), paid(), ASKED, named=forgotten) == (
        "A refund of ₹250.00 was asked for by somebody who was forgotten."
    )


def test_an_id_that_could_be_read_as_more_than_a_name_is_quoted() -> None:
    named = Named({}, {ADMIN: "root. Nothing else happened"})
    assert "by “root. Nothing else happened”." in last(placed(), paid(), ASKED, named=named)


@pytest.mark.parametrize(
    ("events", "at", "said"),
    [
        ((placed(),), NOW, "whether the card was charged"),
        ((placed(), paid()), None, ""),
        ((placed(), paid(), ASKED), NOW + DAY, "whether the payment gateway gave the ₹235.00 back"),
        ((placed(), paid(), ASKED, refunded()), None, ""),
    ],
)
def test_what_it_waits_for(events: tuple[Any, ...], at: Any, said: str) -> None:
    order = Order.replay(None, recorded(*events))
    assert order is not None
    waits = waiting(order)
    assert (waits.at if waits else None) == at
    assert said in (waits.text if waits else "")


def test_the_ids_that_a_story_needs_named() -> None:
    reasons, people = ids_named(recorded(placed(), paid(), ASKED))
    assert (set[UUID](reasons), set[UUID](people)) == ({ORDER, REFUND}, {MEMBER, ADMIN})
