"""Adjustments on the real stack: given, taken, once."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from app.database import Database
from app.domain import calendar
from app.domain.rules import Rule
from app.registers.receipts import Answered
from app.usecases.adjust_points import Adjustment
from app.usecases.ports import Claim, Receipt
from tests.support.clock import Clock
from tests.support.shop import Shop, refusal
from tests.support.tables import snapshot_of_tables


def test_an_adjustment_opens_an_account_and_says_who_and_why(shop: Shop) -> None:
    adjusted = shop.give(points=200, reason="We are sorry for the wait")
    assert (adjusted.user_id, adjusted.points, adjusted.available) == ("ann", 200, 200)
    [line] = shop.feed()
    assert (line["type"], line["points"], line["balance_after"]) == ("manual", 200, 200)
    assert (line["reason"], line["actor"]) == ("We are sorry for the wait", "root")
    assert line["reference"] == str(adjusted.adjustment_id)
    assert shop.names(shop.account()) == ["Opened", "Adjusted"]


def test_the_event_holds_no_word_of_the_reason_and_no_name(shop: Shop, owner: Database) -> None:
    shop.give(reason="Annabel asked")
    states = "".join(state for (state,) in owner.rows("SELECT state FROM events"))
    assert not any(word in states for word in ("Annabel", "ann", "root"))


def test_an_adjustment_gives_its_position(shop: Shop) -> None:
    _, position = shop.house.adjust_points(_adjustment(shop))
    assert position == shop.feed()[0]["id"] == shop.points()["position"] == shop.events()[-1][0]


def test_points_given_lapse_as_earned_ones_do(shop: Shop, clock: Clock) -> None:
    shop.house.change_rules(Rule(expiry_months=3), None, "root")
    shop.give()
    assert shop.lots()[0]["expires_at"] == calendar.expiry(clock.at, 3, shop.house.settings.zone)


def test_points_given_until_an_instant_lapse_at_that_instant(shop: Shop, clock: Clock) -> None:
    until = clock.at + timedelta(days=2, microseconds=1)
    shop.give(expires_at=until)
    assert shop.lots()[0]["expires_at"] == shop.feed()[0]["expires_at"] == until


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=-1)])
def test_points_that_have_lapsed_already_are_not_given(
    shop: Shop, clock: Clock, owner: Database, ahead: timedelta
) -> None:
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.give(expires_at=clock.at + ahead)) == "invalid_request"
    assert snapshot_of_tables(owner) == before


def test_taking_more_than_is_there_is_refused_and_writes_nothing(shop: Shop, owner: Database) -> None:
    shop.give(points=10)
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.give(points=-11)) == "insufficient_points"
    assert refusal(lambda: shop.give("stranger", -1)) == "insufficient_points"
    assert snapshot_of_tables(owner) == before
    assert shop.available() == 10


def test_points_are_taken_from_pending_lots_too(shop: Shop) -> None:
    shop.house.change_rules(Rule(pending_days=7), None, "root")
    shop.buy()
    shop.give(points=-20)
    assert (shop.points()["pending"], shop.lines()) == (30, [("earn", 50), ("manual", -20)])


def test_the_same_key_adjusts_only_once(shop: Shop, owner: Database) -> None:
    shop.give(points=10, key="k")
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.give(points=10, key="k")) == "try_again"
    assert snapshot_of_tables(owner) == before
    assert shop.available() == 10


def test_the_answer_is_written_with_the_adjustment_or_not_at_all(shop: Shop, owner: Database) -> None:
    assert isinstance(shop.house.receipts.claim(b"claim", b"fingerprint"), Claim)
    _, position = shop.house.adjust_points(
        _adjustment(shop), lambda adjusted: Receipt(b"claim", 201, f'{{"points":{adjusted.points},"id":\x01}}')
    )
    assert owner.rows("SELECT status, body FROM idempotency") == [(201, f'{{"points":7,"id":{position}}}')]
    assert shop.house.receipts.claim(b"claim", b"fingerprint") == Answered(201, f'{{"points":7,"id":{position}}}')


def test_an_adjustment_that_is_refused_leaves_its_claim_unanswered(shop: Shop, owner: Database) -> None:
    assert isinstance(shop.house.receipts.claim(b"claim", b"fingerprint"), Claim)
    taking = dataclasses.replace(_adjustment(shop), points=-1)
    assert refusal(lambda: shop.house.adjust_points(taking, lambda _: Receipt(b"claim", 201, "{}"))) is not None
    assert owner.rows("SELECT status, body FROM idempotency") == [(None, None)]


def test_an_admin_may_adjust_their_own_account(shop: Shop) -> None:
    shop.give("root", 5)
    assert [(line["user"], line["actor"]) for line in shop.feed("root")] == [("root", "root")]


def _adjustment(shop: Shop) -> Adjustment:
    return Adjustment("ann", 7, "welcome", "root", shop.key())
