"""Forgetting a member in words: their id goes from what people wrote and errors said, and never from words of ours."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.database import Database
from app.registers.mentions import FORGOTTEN
from tests.support.imports import OTHER_VALUES, bought, brought, import_accounts, import_orders
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables

pytestmark = pytest.mark.slow

OTHER = "bob"


@pytest.mark.parametrize(
    ("user", "text", "then"),
    [
        ("ann", "ann asked", f"{FORGOTTEN} asked"),
        ("ann", "for ann, not for ann.", f"for {FORGOTTEN}, not for {FORGOTTEN}."),
        ("ann", "ann", FORGOTTEN),
        ("ann", "annual planning for joann and ann2 by ann_marie", None),
        ("ann", "Ann and ANN", None),
        ("ann", "joänn and annä", None),
        ("4711", "customer 4711, invoice 14711", f"customer {FORGOTTEN}, invoice 14711"),
        ("a.c", "a.c and abc", f"{FORGOTTEN} and abc"),
        ("x+y@ex.test", "by <x+y@ex.test>; xxy@ex.test", f"by <{FORGOTTEN}>; xxy@ex.test"),
        ("(ann)", "so (ann) said", f"so {FORGOTTEN} said"),
        ("ann\\1", r"say ann\1", f"say {FORGOTTEN}"),
        ("[a-z]+", "the [a-z]+ of it", f"the {FORGOTTEN} of it"),
        ("***=x", "a ***=x b", f"a {FORGOTTEN} b"),
        ("it's 100%", "since it's 100% so", f"since {FORGOTTEN} so"),
        ("Зоя", "для Зоя и Зоял", f"для {FORGOTTEN} и Зоял"),
        ("a b", "a b, ab, a  b", f"{FORGOTTEN}, ab, a  b"),
        ("+491", "tel+491, +4915, 1+491", f"tel{FORGOTTEN}, +4915, 1{FORGOTTEN}"),
        ("@ann", "x@ann said, @anna did not", f"x{FORGOTTEN} said, @anna did not"),
        ("ann.", "joann. and ann.b", f"joann. and {FORGOTTEN}b"),
        ("an", "an apple for an", None),
        ("5", "5 points for 5", None),
    ],
)  # fmt: skip
def test_in_other_texts_the_user_id_is_taken_out_where_it_is_a_word(
    shop: Shop, user: str, text: str, then: str | None
) -> None:
    shop.give(user, 5)
    shop.give(OTHER, 5, reason=text)
    forgotten = shop.house.forget_member(user)
    assert [line["reason"] for line in shop.feed(OTHER)] == [then or text]
    assert forgotten.texts_changed == (0 if then is None else 1)


OURS = ["500", "Opening", "balance", "points", "until", "2026-06-30T18:30:00Z", "reference"]


@pytest.mark.parametrize("user", [*OURS, "L-9", "L-9, 500"])
def test_an_opening_balance_is_known_by_its_values_whoever_was_forgotten(
    shop: Shop, owner: Database, user: str
) -> None:
    line = brought(OTHER, 500, reference="L-9, 500")
    assert import_accounts(shop.house, line).imported == 1
    shop.give(user)
    shop.house.forget_member(user)
    left = {"500": f"L-9, {FORGOTTEN}", "L-9": f"{FORGOTTEN}, 500", "L-9, 500": FORGOTTEN}.get(user, line.reference)
    assert [said["reason"] for said in shop.feed(OTHER)] == [
        f"Opening balance of 500 points until 2026-06-30T18:30:00Z (reference {left})"
    ]
    before = snapshot_of_tables(owner)
    again = import_accounts(shop.house, line)
    assert (again.imported, again.known, again.rejected) == (0, 1, [])
    for other in (line._replace(points=50), line._replace(points=5001), line._replace(expires_at=None)):
        assert import_accounts(shop.house, other).rejected == [(1, OTHER_VALUES)]
    assert snapshot_of_tables(owner) == before


@pytest.mark.parametrize(("user", "left"), [("Imported", "S-1"), ("reference", "S-1"), ("S-1", FORGOTTEN)])
def test_an_imported_order_loses_a_name_from_its_reference_alone(shop: Shop, user: str, left: str) -> None:
    assert import_orders(shop.house, bought(OTHER)).imported == 1
    shop.give(user)
    shop.house.forget_member(user)
    assert [said["reason"] for said in shop.feed(OTHER)] == [f"Imported order (reference {left})"]
    assert import_orders(shop.house, bought(OTHER)).known == 1


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("500 points of 3 accounts expired", None),
        ("Failed: 500 points of 3 accounts expired; 1 accounts failed, the first 500: KeyError: '500'",
         f"Failed: 500 points of 3 accounts expired; 1 accounts failed, the first 500: KeyError: '{FORGOTTEN}'"),
        ("ValueError: no such user: 500", f"ValueError: no such user: {FORGOTTEN}"),
        ("500", None),
    ],
)  # fmt: skip
def test_a_job_keeps_its_own_words_and_numbers_and_loses_a_name_from_what_an_error_said(
    shop: Shop, owner: Database, said: str, then: str | None
) -> None:
    slot = datetime(2026, 1, 1, tzinfo=UTC)
    shop.house.job_runs.begin("expire_points", slot)
    shop.house.job_runs.finish("expire_points", slot, "failed", said)
    shop.give("500")
    shop.house.forget_member("500")
    assert owner.rows("SELECT detail FROM job_runs") == [(then or said,)]


@pytest.mark.parametrize("user", ["50000", "charged", "order"])
def test_what_contradicts_an_order_is_still_written_once_whoever_was_forgotten(
    shop: Shop, owner: Database, user: str
) -> None:
    order_id, reason = shop.buy(user).order_id, "charged 50000 INR, not what the order owes"
    shop.house.recoveries.review(order_id, reason)
    shop.house.forget_member(user)
    shop.house.recoveries.review(order_id, reason)
    assert owner.rows("SELECT review_reason FROM recoveries") == [(reason,)]


def test_a_payment_method_that_an_older_version_kept_as_it_was_sent_is_looked_through(
    shop: Shop, owner: Database
) -> None:
    shop.buy("qzxv")
    shop.buy(OTHER)
    owner.execute(
        "UPDATE sandbox_charges SET payment_method = 'card of qzxv' WHERE order_id = ("
        "SELECT order_id FROM orders ORDER BY position LIMIT 1)"
    )
    shop.house.forget_member("qzxv")
    assert owner.rows("SELECT payment_method FROM sandbox_charges ORDER BY 1") == [
        (f"card of {FORGOTTEN}",),
        ("pm_card_visa",),
    ]
