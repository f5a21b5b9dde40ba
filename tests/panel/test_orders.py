"""Orders in the panel: listed, told, refunded, and up for review."""

from __future__ import annotations

from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.database import Database
from app.usecases.import_orders import PastOrder
from tests.support.books import wrongs
from tests.support.clock import Clock
from tests.support.panel import ADMIN, Panel, Viewer, books, links_of, shown, words
from tests.support.refunds import REFUND_REFUSED, REFUND_TIMEOUT
from tests.support.shop import DAY, DECLINED, TIMEOUT, Shop
from tests.support.statements import counted_statements

MARKUP = "<script>alert('x')</script>"


@pytest.fixture
def shop(panel: Panel) -> Shop:
    """A shop on the panel's house, where ann has 100 points."""
    shop = Shop(panel.house)
    shop.give(points=100)
    return shop


def told(viewer: Viewer, order_id: UUID) -> str:
    """An order's page, as its reader has it."""
    return unescape(words(viewer.page(f"/panel/orders/{order_id}")))


def refund(viewer: Viewer, order_id: UUID, **fields: Any) -> Any:
    """Send the form on an order's page."""
    return viewer.submit(f"/panel/orders/{order_id}", action="/refund", **fields)


def preview(viewer: Viewer, order_id: UUID, amount: str, **fields: Any) -> str:
    """What the page says that a refund would come to."""
    sent = {"amount": amount, "reason": "", "key": "k", **fields}
    return unescape(words(shown(viewer.post(f"/panel/orders/{order_id}/refund/preview", sent))))


def test_a_paid_order_tells_what_was_bought_and_how_it_went(panel: Panel, shop: Shop) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_auditor()
    page = told(viewer, order.order_id)
    assert "paid ann , 2026-01-15 06:30 UTC , in INR, under rule version 1" in page
    assert "Total ₹500.00 By card ₹470.00 Points used 30 Points earned 50" in page
    assert "Kettle 1 ₹500.00 ₹500.00 Total ₹500.00" in page
    assert "Placed for 30 points and ₹470.00 by card." in page
    assert f"The card was charged ₹470.00, as ch_{order.order_id.hex}." in page
    assert "50 points were earned, spendable until the end of 15 January 2027." in page
    links = links_of(viewer.page(f"/panel/orders/{order.order_id}"))
    assert {"/panel/member?user=ann", f"/panel/transactions?order_id={order.order_id}"} <= set(links)


def test_a_declined_order_tells_why_and_cannot_be_refunded(panel: Panel, shop: Shop) -> None:
    page = told(panel.as_admin(), shop.buy(points=30, method=DECLINED).order_id)
    assert "The card was not charged; the gateway says card_declined. 30 points came back." in page
    assert "Only what was paid can be refunded." in page


def test_a_pending_order_tells_what_it_waits_for_and_for_how_long_it_is_up_for_review(
    panel: Panel, shop: Shop, clock: Clock
) -> None:
    order = shop.buy(points=30, method=TIMEOUT)
    viewer = panel.as_admin()
    page = told(viewer, order.order_id)
    assert "2026-01-15 06:30 UTC waits since then Nobody knows yet whether the card was charged." in page
    assert "the 30 points stay taken" in page and "Up for review , because" not in page
    shop.house.recoveries.asked(order.order_id, clock.at, clock.at + 4 * DAY, f"no route to {MARKUP}")
    clock.move(hours=72)
    page = told(panel.as_admin(), order.order_id)
    assert "Up for review , because nobody has known for 72 hours." in page
    assert f"The gateway was asked once in vain; the last time: “no route to {MARKUP}”." in page


def test_an_imported_order_was_paid_elsewhere_and_is_refunded_there(panel: Panel, shop: Shop, clock: Clock) -> None:
    shop.house.import_orders([(1, PastOrder("ann", "S-1", clock.at - 9 * DAY, 50_000))])
    (item,) = shop.house.orders.page(1).items
    page = told(panel.as_admin(), item["order_id"])
    assert "Placed for ₹500.00. “Imported order (reference S-1)”." in page
    assert "₹500.00 was paid elsewhere." in page and "It was imported without its lines." in page
    assert "It was paid elsewhere, and is refunded there." in page


def test_a_page_takes_five_statements_however_much_it_tells(panel: Panel, shop: Shop) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_admin()
    for amount in ("1", "2", "3"):
        refund(viewer, order.order_id, amount=amount, reason="r")
    told(viewer, order.order_id)  # the message of the last one is said
    with counted_statements() as sent:
        told(viewer, order.order_id)
    assert len(sent) <= 5


def test_what_is_no_order_is_not_there(panel: Panel, shop: Shop, owner: Database) -> None:
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    for stranger in (uuid4(), shop.account()):
        shown(viewer.get(f"/panel/orders/{stranger}"), 404)
        for action in ("refund", "refund/preview", "review"):
            shown(viewer.post(f"/panel/orders/{stranger}/{action}", {"reason": "r", "key": "k"}), 404)
    shown(viewer.get("/panel/orders/none"), 404)
    assert books(owner) == before


def test_lists_that_are_empty_say_so(panel: Panel) -> None:
    viewer = panel.as_admin()
    assert "No orders yet." in viewer.page("/panel/orders")
    assert "No orders that fit what you asked for." in viewer.page("/panel/orders?status=paid")
    assert "No order is up for review." in viewer.page("/panel/orders/reviews")


@pytest.mark.parametrize(
    "asked", ["user=%00", "user=a/b", "user=nobody", "status=none", "status=%00", "since=9999-12-31"]
)
def test_what_cannot_be_breaks_no_list(panel: Panel, shop: Shop, asked: str) -> None:
    shop.buy()
    page = panel.as_admin().page(f"/panel/orders?{asked}")
    assert "No orders that fit" in page
    assert ("A year from 1900 to 9000, please." in page) is asked.startswith("since")


# -- refunded


@pytest.mark.parametrize("amount", ["", "250.00", "₹1.01", "500"])
def test_a_refund_comes_to_what_its_preview_said(panel: Panel, shop: Shop, owner: Database, amount: str) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    foretold = preview(viewer, order.order_id, amount)
    assert books(owner) == before
    answer = refund(viewer, order.order_id, amount=amount, reason="The cap was cracked")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/panel/orders/{order.order_id}")
    item = shop.house.orders.find(order.order_id)
    assert item is not None
    whole = amount in ("", "500")
    cash = "".join(foretold.split()[0].removeprefix("₹").split("."))
    assert int(cash) == item["cash_refunded"]
    came = f"{item['points_restored']} points be restored and {item['points_revoked']} revoked."
    assert came in foretold and foretold.endswith(f"the order is {'' if whole else 'partly '}refunded.")
    page = told(viewer, order.order_id)
    assert f"was asked for by {ADMIN}, because “The cap was cracked”." in page
    assert ("Nothing is left to be refunded." in page) is whole
    assert wrongs(shop.house) == []


def test_a_refund_in_part_is_told_and_leaves_a_rest(panel: Panel, shop: Shop) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_admin()
    refund(viewer, order.order_id, amount="250", reason="The cap was cracked")
    page = told(viewer, order.order_id)
    assert "₹235.00 went back, 15 points restored, 25 revoked." in page
    assert "A refund of ₹250.00 was asked for by desk@example.com, because “The cap was cracked”." in page
    assert "15 points were restored and 25 points were revoked. ₹250.00 of the order is left to be refunded." in page
    assert "By card ₹470.00 ₹235.00 refunded Points used 30 15 restored Points earned 50 25 revoked" in page
    assert "up to ₹250.00" in page


def test_a_refund_without_an_answer_waits(panel: Panel, shop: Shop, owner: Database) -> None:
    order = shop.buy(points=30, method=REFUND_TIMEOUT)
    viewer = panel.as_admin()
    refund(viewer, order.order_id, amount="100", reason="late")
    page = told(viewer, order.order_id)
    assert "The payment gateway has not answered." in page
    assert "Nobody knows yet whether the payment gateway gave the ₹94.00 back." in page
    assert "A refund waits for the payment gateway." in page
    before = books(owner)
    fields = {"amount": "1", "reason": "again", "key": "another"}
    refused = words(shown(viewer.post(f"/panel/orders/{order.order_id}/refund", fields), 422))
    assert "Nothing of this order can be refunded now." in refused
    assert books(owner) == before


def test_a_refund_that_the_gateway_refuses_is_said_and_can_be_tried_anew(panel: Panel, shop: Shop) -> None:
    order = shop.buy(method=REFUND_REFUSED)
    viewer = panel.as_admin()
    fields = {"amount": "", "reason": "r", "key": "the-first"}
    asked = viewer.post(f"/panel/orders/{order.order_id}/refund", fields)
    page = shown(viewer.resubmit(asked, "/refund"), 422)
    assert "The payment gateway gives nothing back. No points were moved." in words(page)
    assert "the-first" not in page
    assert "The payment gateway gives nothing back; it says" in told(viewer, order.order_id)


@pytest.mark.parametrize(
    ("fields", "said", "name"),
    [
        ({"amount": "500.01"}, "That is more than is left of the order.", "amount"),
        ({"amount": "0.00"}, "More than nothing, please.", "amount"),
        ({"amount": "-1"}, "More than nothing, please.", "amount"),
        ({"amount": "1,5"}, "It must be an amount such as 50.00, please.", "amount"),
        ({"amount": "1.001"}, "It must be an amount such as 50.00, please.", "amount"),
        ({"amount": "9" * 99}, "It must be an amount such as 50.00, please.", "amount"),
        ({"reason": ""}, "Why? 1 to 500 characters, please.", "reason"),
        ({"reason": " \t"}, "Why? 1 to 500 characters, please.", "reason"),
        ({"reason": "r" * 501}, "Why? 1 to 500 characters, please.", "reason"),
    ],
)
def test_a_refusal_stands_beside_its_field_and_changes_nothing(
    panel: Panel, shop: Shop, owner: Database, fields: dict[str, str], said: str, name: str
) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    page = shown(refund(viewer, order.order_id, **{"amount": "1", "reason": "r", **fields}), 422)
    assert f'<p class="error" id="{name}-error">{said}' in page
    assert books(owner) == before
    if name == "amount":
        assert preview(viewer, order.order_id, fields["amount"]).startswith(said)
        assert books(owner) == before


def test_a_form_that_is_sent_twice_refunds_once(panel: Panel, shop: Shop, owner: Database) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_admin()
    fields = {"amount": "100", "reason": "r", "key": "the-key-of-this-form"}
    path = f"/panel/orders/{order.order_id}/refund"
    asked = viewer.post(path, fields)
    assert viewer.resubmit(asked, "/refund").status_code == 303
    before = books(owner)
    assert viewer.resubmit(asked, "/refund").status_code == 303
    assert "This form was sent before, with other figures." in shown(viewer.post(path, {**fields, "amount": "1"}), 422)
    assert books(owner) == before


def test_an_auditor_reads_it_all_and_refunds_nothing(panel: Panel, shop: Shop, owner: Database) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_auditor()
    page = told(viewer, order.order_id)
    assert "Reason" not in page and "₹500.00 of it can be refunded, by an admin." in page
    viewer.token()
    before = books(owner)
    for action in ("refund", "refund/preview", "review"):
        path = f"/panel/orders/{order.order_id}/{action}"
        shown(viewer.post(path, {"amount": "1", "reason": "r", "key": "k"}), 403)
    assert books(owner) == before


@pytest.mark.parametrize("action", ["refund", "refund/preview", "review"])
def test_a_form_without_its_token_is_refused_and_changes_nothing(
    panel: Panel, shop: Shop, owner: Database, action: str
) -> None:
    order = shop.buy(points=30)
    viewer = panel.as_admin()
    before = books(owner)
    fields = {"amount": "1", "reason": "r", "key": "k"}
    shown(viewer.post(f"/panel/orders/{order.order_id}/{action}", fields, token=None), 403)
    assert books(owner) == before


def test_markup_is_shown_as_text(panel: Panel, shop: Shop) -> None:
    order = shop.buy(user=MARKUP.replace("/", ""))
    viewer = panel.as_admin()
    refund(viewer, order.order_id, amount="1", reason=MARKUP)
    shop.house.recoveries.review(order.order_id, MARKUP)
    for path in (f"/panel/orders/{order.order_id}", "/panel/orders", "/panel/orders/reviews"):
        page = viewer.page(path)
        assert "<script>alert" not in page and "&lt;script&gt;" in page


# -- up for review


def test_what_contradicts_an_order_is_up_for_review_until_an_admin_has_looked(panel: Panel, shop: Shop) -> None:
    order = shop.buy()
    shop.house.recoveries.review(order.order_id, "charged twice")
    viewer = panel.as_admin()
    assert "/panel/orders/reviews" in links_of(viewer.page("/panel/"))
    assert "Up for review , because charged twice." in told(viewer, order.order_id)
    assert "charged twice" in words(viewer.page("/panel/orders/reviews"))
    assert "Clear" not in words(panel.as_auditor().page("/panel/orders/reviews")).split("Why")[1]
    answer = viewer.submit("/panel/orders/reviews", action="/review")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/panel/orders/reviews")
    assert "No order is up for review." in viewer.page("/panel/orders/reviews")
    assert "Up for review , because" not in told(viewer, order.order_id)


def test_what_only_waits_cannot_be_cleared_away(panel: Panel, shop: Shop, clock: Clock, owner: Database) -> None:
    order = shop.buy(method=TIMEOUT)
    clock.move(hours=72)
    viewer = panel.as_admin()
    viewer.token()
    before = books(owner)
    viewer.post(f"/panel/orders/{order.order_id}/review")
    assert books(owner) == before
    page = words(viewer.page("/panel/orders/reviews"))
    assert "There was nothing to clear." in page and "nobody has known for 72 hours" in page
