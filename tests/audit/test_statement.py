"""The statement: plain sentences, days of the programme, money as its currency writes it, nothing that steers."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest

from app.audit.history import Moment
from app.audit.money import amount
from app.audit.statement import printable
from app.config import Settings
from app.domain.rules import Rule
from app.usecases.adjust_points import Adjustment
from app.wiring import House, build
from tests.audit.lives import USERS, lived
from tests.audit.pasts import DAY
from tests.support.clock import Clock
from tests.support.imports import bought, import_orders
from tests.support.refunds import refund
from tests.support.shop import DECLINED, LOST, TIMEOUT, Shop


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


def stated(shop: Shop, user: str = "ann") -> list[str]:
    """The member's statement, in paragraphs."""
    explanation = shop.house.explanations.of(user)
    assert explanation is not None
    return explanation.statement


def test_an_order_s_points_are_told_from_earning_to_what_is_left(shop: Shop, clock: Clock) -> None:
    first = shop.buy(price=100_000).order_id
    clock.move(days=3)
    second = shop.buy(points=30, price=3_000, method=None).order_id
    shop.give(points=-20, reason="A mistake.")
    assert stated(shop)[:2] == [
        "As of 18 January 2026 at 12:00 (Asia/Kolkata), ann can spend 53 points.",
        f"Lot 1: 100 points were earned on 15 January 2026 with order {first} of ₹1,000.00: 1 point for each ₹10.00 of"
        f" the total, under rule version 1. 30 paid for order {second} on 18 January 2026. 20 were taken by root on 18"
        " January 2026 (“A mistake.”). 50 are left and lapse at the end of 15 January 2027.",
    ]


def test_caps_cash_and_imports_are_named(shop: Shop, clock: Clock) -> None:
    import_orders(shop.house, bought(paid_at=clock() - 30 * DAY))
    shop.house.change_rules(Rule(earn_points=2, earn_on="cash", max_earn_per_order=20), None, "root")
    order = shop.buy(points=50, price=20_000).order_id
    _, imported, earned = stated(shop)
    assert "of ₹500.00 (“Imported order (reference S-1)”): 1 point for each ₹10.00 of the total, under" in imported
    assert (
        f"20 points were earned on 15 January 2026 with order {order} of ₹200.00: 2 points for each ₹10.00 of the"
        " ₹150.00 that points did not pay, but no more than 20 an order, under rule version 2."
    ) in earned


def test_gifts_returns_refunds_and_expiry_are_told_by_their_days(shop: Shop, clock: Clock) -> None:
    order = shop.buy(price=20_000).order_id
    shop.give(points=40, expires_at=clock() + 2 * DAY, reason="Sorry!")
    failed = shop.buy(points=30, method="pm_sandbox_lost").order_id
    clock.move(days=5)
    shop.house.recover_payments(is_all=True)
    shop.house.expire_points()
    refund(shop, order, 5_000)
    _, earned, given, restored = stated(shop)
    assert f"5 were taken back on 20 January 2026, when order {order} was refunded (“It had a dent.”)." in earned
    assert given == (
        f"Lot 2: 40 points were given by root on 15 January 2026 (“Sorry!”). 30 went to order {failed} on 15 January"
        " 2026. 10 lapsed on 17 January 2026 at 12:00. Nothing is left."
    )
    assert restored == (
        f"Lot 3: 30 points came back on 20 January 2026, when order {failed} was not paid. They had been taken from lot"
        " 2, which had lapsed by then. 30 are left and lapse at the end of 3 February 2026."
    )


def test_what_is_pending_lapsed_or_owed_is_said(shop: Shop, clock: Clock) -> None:
    shop.give(points=1, expires_at=clock() + DAY)
    clock.move(days=2)
    shop.house.change_rules(Rule(pending_days=9), None, "root")
    shop.buy(price=1_000)
    account, lapsed, pending = stated(shop)
    assert account.endswith("ann can spend 0 points. 1 more is pending. 1 more has lapsed, yet to be swept.")
    assert lapsed.endswith("1 is left, which lapsed on 16 January 2026 at 12:00 and waits to be swept.")
    assert pending.endswith(
        "1 is left, can be spent from 26 January 2026 at 12:00 on and lapses at the end of 17 January 2027."
    )


def test_debt_is_a_paragraph_of_its_own(shop: Shop) -> None:
    order = shop.buy().order_id
    shop.buy(points=50, price=5_000, method=None)
    refund(shop, order)
    shop.give(points=7, reason="a gift")
    owed = shop.points()["debt"]
    assert stated(shop)[0].endswith(f"{owed} points are owed.")
    assert stated(shop)[-1] == (
        f"Debt: {owed + 7} became owed on 15 January 2026, when order {order} was refunded (“It had a dent.”), which"
        " had earned them. 7 were repaid on 15 January 2026 by what root gave (“a gift”)."
        f" {owed} points are owed."
    )


def test_points_go_to_an_order_that_is_pending_or_failed_and_pay_for_one_that_is_paid(shop: Shop) -> None:
    shop.give(points=30)
    pending = shop.buy(points=10, method=TIMEOUT).order_id
    failed = shop.buy(points=10, method=DECLINED).order_id
    paid = shop.buy(points=10, price=1_000, method=None).order_id
    given = stated(shop)[1]
    assert f"10 went to order {pending} on 15 January 2026." in given
    assert (
        f"10 went to order {failed} on 15 January 2026. 10 came back on 15 January 2026, when order {failed}" in given
    )
    assert f"10 paid for order {paid} on 15 January 2026." in given
    shop.house.recover_payments(is_all=True)
    assert f"10 paid for order {pending} on 15 January 2026." in stated(shop)[1], "the card had been charged"


def test_one_point_is_spoken_of_as_one(shop: Shop, clock: Clock) -> None:
    shop.give(points=1, expires_at=clock() + 2 * DAY)
    shop.buy(points=1, method=LOST)
    clock.move(days=5)
    shop.house.recover_payments(is_all=True)
    assert "1 point came back on 20 January 2026, when " in stated(shop)[2]
    assert " It had been taken from lot 1, which had lapsed by then. 1 is left and lapses at " in stated(shop)[2]
    order = shop.buy("bob", price=1_000)
    shop.give("bob", -1)
    refund(shop, order.order_id)
    owing = stated(shop, "bob")
    assert owing[0].endswith("bob can spend 0 points. 1 point is owed.")
    assert "Debt: 1 became owed on 20 January 2026, when order " in owing[-1]
    assert owing[-1].endswith(" was refunded (“It had a dent.”), which had earned it. 1 point is owed.")
    shop.give("bob", 2, reason="a gift")
    assert owing[-1].removesuffix("1 point is owed.") in stated(shop, "bob")[-1]
    assert stated(shop, "bob")[-1].endswith(
        " 1 was repaid on 20 January 2026 by what root gave (“a gift”). 0 points are owed."
    )


def test_what_repaid_a_debt_before_it_arose_is_said_to_have(shop: Shop, clock: Clock) -> None:
    order = shop.buy()
    shop.buy(points=50, price=5_000, method=None)
    clock.move(days=1)
    refund(shop, order.order_id)
    owed, paid_at = shop.points()["debt"], clock() - 60 * DAY
    import_orders(shop.house, bought(paid_at=paid_at))
    then, now = (shop.house.explanations.of("ann", Moment(as_of=at)) for at in (paid_at, clock()))
    assert then is not None and now is not None
    assert (then.debt, [change.points for change in then.debts]) == (0, [-owed])
    assert then.statement[-1].endswith(f"0 points are owed. {owed} of what was repaid became owed only later.")
    assert now.statement[-1].endswith("0 points are owed.")


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ("ann.b+c@d-e_9", "ann.b+c@d-e_9 can spend 5 points."),
        ("Żółć", "Żółć can spend 5 points."),
        ("ann lee", "“ann lee” can spend 5 points."),
        (
            "bob can spend 900 points. As for mallory, she",
            "“bob can spend 900 points. As for mallory, she” can spend 5 points.",
        ),
        ("x” can spend 9 points. “y", "“x' can spend 9 points. 'y” can spend 5 points."),
    ],
)
def test_an_id_that_could_pass_for_words_of_ours_is_quoted(shop: Shop, user: str, said: str) -> None:
    shop.house.adjust_points(Adjustment(user, 5, "welcome", user, "k"))
    account, given = stated(shop, user)
    assert account == f"As of 15 January 2026 at 12:00 (Asia/Kolkata), {said}"
    assert f"5 points were given by {said.removesuffix(' can spend 5 points.')} on 15 January 2026 (“welcome”)" in given


def test_an_account_without_a_name_or_points_is_told_in_a_sentence(shop: Shop) -> None:
    shop.give(points=5)
    account_id: UUID = shop.account()
    shop.house.database.execute("UPDATE directory SET user_id = NULL")
    account, given = stated(shop, str(account_id))
    assert f"the account {account_id} can spend 5 points" in account
    assert "given by somebody who was forgotten on" in given


def test_days_are_the_programme_s_and_money_its_currency_s(settings: Settings, clock: Clock) -> None:
    house = build(replace(settings, timezone="America/New_York", currency="KWD"), clock=clock)
    shop = Shop(house)
    clock.move(hours=-3)
    shop.buy()
    account, earned = stated(shop)
    assert account.startswith("As of 14 January 2026 at 22:30 (America/New_York), ")
    assert "earned on 14 January 2026 with" in earned
    assert "of KWD 50.000: 1 point for each KWD 1.000 of the total" in earned
    assert earned.endswith("lapse at the end of 14 January 2027.")
    house.close()


@pytest.mark.parametrize("seed", range(3))
def test_every_lot_of_a_random_history_has_its_paragraph_and_its_numbers(shop: Shop, clock: Clock, seed: int) -> None:
    for _ in lived(shop, clock, seed):
        pass
    for user in USERS:
        explanation = shop.house.explanations.of(user)
        if explanation is None:
            continue
        paragraphs = explanation.statement[1:]
        for lot, said in zip(explanation.lots, paragraphs, strict=False):
            assert said.startswith(
                f"Lot {lot.lot}: {lot.trace[0].points if lot.trace[0].parent is None else lot.points} "
            )
            assert all(f" {abs(move.points)} " in said for move in lot.movements)
            assert (f"{lot.remaining} " in said) if lot.remaining else said.endswith("Nothing is left.")
        assert len(paragraphs) == len(explanation.lots) + bool(explanation.debts)


STEERING = {
    "an escape": "\x1b[31mred\x1b[0m",
    "a one-byte escape": "\x9b31mred",
    "a bell and a backspace": "ding\x07\b",
    "a return over the line": "paid\rnot paid",
    "a text turned around": "\u202ediap",
    "a line of its own": "fine\n\nLot 9: 1,000 points were given.",
    "a separator": "a\u2028b",
    "deleted": "a\x7fb",
    "a quotation that ends": "fine”). 900 points are left.",
}


@pytest.mark.parametrize("what", STEERING)
def test_a_reason_cannot_steer_a_terminal_or_open_a_paragraph(shop: Shop, what: str) -> None:
    shop.give(points=5, reason=STEERING[what])
    given = stated(shop)[1]
    assert given.isprintable()
    assert given.startswith("Lot 1: 5 points were given by root on 15 January 2026 (“")
    assert given.count("”") == 1
    assert given.endswith("”). 5 are left and lapse at the end of 15 January 2027.")


def test_what_can_be_printed_is_left_as_it_is() -> None:
    assert printable("Café 水筒 👋 [bold] “x”") == "Café 水筒 👋 [bold] “x”"
    assert printable("a\tb\x1b\u202e") == "a b\\x1b\\u202e"


@pytest.mark.parametrize(
    ("minor", "currency", "written"),
    [
        (100_000, "INR", "₹1,000.00"),
        (9_999_999, "INR", "₹99,999.99"),
        (10_000_000, "INR", "₹1,00,000.00"),
        (-12_345_678_905, "INR", "-₹12,34,56,789.05"),
        (5, "INR", "₹0.05"),
        (0, "EUR", "€0.00"),
        (-150, "INR", "-₹1.50"),
        (123_456_789, "USD", "USD 1,234,567.89"),
        (1_000, "JPY", "JPY 1,000"),
        (1_234, "KWD", "KWD 1.234"),
        (12_345, "CLF", "CLF 1.2345"),
        (150, "EGP", "EGP 1.50"),
        (10**15, "GBP", "£10,000,000,000,000.00"),
    ],
)
def test_money_has_the_decimals_of_its_currency(minor: int, currency: str, written: str) -> None:
    assert amount(minor, currency) == written
