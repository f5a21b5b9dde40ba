"""Forgetting a member: no table knows them any more, and nothing else has changed. Also while they are at the till."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any
from uuid import UUID, uuid4

import pytest

from app.database import Database
from app.domain.rules import Rule
from app.eventstore.chain import GENESIS, LogEntry, read_log
from app.registers.mentions import FORGOTTEN
from app.wiring import House
from tests.storage.test_dump import tables_that_name
from tests.support.books import wrongs
from tests.support.http import Api, answered, bought, quoted, refused
from tests.support.imports import bought as past_order
from tests.support.imports import brought, import_orders
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA, Shop, refusal
from tests.support.tables import snapshot_of_tables

WHO = "zoë qzxv.7+x@example.test"
"""A user id with everything in it that a pattern, a path or a query could stumble over."""

OTHER = "bob"


@dataclass
class Story:
    """What WHO left behind: members, admin and auditor in one, so that every table has met them."""

    api: Api
    shop: Shop
    product: int
    order: str
    refunded: str


def log_of(owner: Database) -> list[LogEntry]:
    """The whole log."""
    with owner.transaction() as cursor:
        return [entry for entries in read_log(cursor) for entry in entries]


def totals(house: House) -> dict[str, Any]:
    """What the report says of all time."""
    house.daily.catch_up()
    return house.daily.summary(None, None, 100)


@pytest.fixture
def story(house: House) -> Story:
    """Everything that there is to do, done by WHO, about WHO, and in words that name WHO."""
    api, shop = Api(house), Shop(house)
    who, admin = api.as_customer(WHO), api.as_roles(WHO, "admin")
    account = f"/admin/accounts/{quoted(WHO)}"
    for user, reason in ((WHO, f"welcome, {WHO}!"), (OTHER, f"as {WHO} has, and {WHO}'s sister"), (OTHER, "gift")):
        body = {"points": 100, "reason": reason}
        answered(
            api.admin.post(
                f"/admin/accounts/{quoted(user)}/adjustments", body, key=f"{user}{reason[0]}".encode().hex()
            ),
            201,
        )
    answered(admin.post(f"/admin/accounts/{OTHER}/adjustments", {"points": -5, "reason": "mine"}, key="k"), 201)
    answered(admin.post("/admin/rules", {"expiry_months": 3}, key="k2"), 201)
    product = api.on_sale()
    orders = []
    for method in (VISA, DECLINED, TIMEOUT, LOST, WHO):
        body = bought(product, points=10, payment_method=method)
        answer = who.post("/checkout/", body, key=f"order-{len(orders)}")
        assert answer.status_code == {VISA: 201, DECLINED: 402, WHO: 402}.get(method, 202)
        orders.append(answer.get_json()["order_id"])
    order = answered(who.post("/checkout/", bought(product), key="second"), 201)["order_id"]
    refund = {"amount": 10_000, "reason": f"{WHO} was unhappy"}
    answered(admin.post(f"/admin/orders/{order}/refunds", refund, key="r"), 201)
    answered(admin.put_products({"sku": "NEW", "name": "Cup", "brand": "B", "category": "K", "price": 1}, {"sku": WHO}))
    assert import_orders(house, past_order(WHO, f"of {WHO}"), past_order(OTHER, f"with {WHO}")).imported == 2
    assert house.import_accounts([(1, brought(WHO, reference=f"L {WHO}")), (2, brought(OTHER))], WHO).imported == 2
    house.recoveries.review(UUID(orders[0]), "charged as ch_1, the order is paid")
    slot = datetime(2026, 1, 1, tzinfo=UTC)
    house.job_runs.begin("expire_points", slot)
    failed = f"Failed: 0 points of 0 accounts expired; 1 accounts failed, the first {uuid4()}: KeyError: {WHO!r}"
    house.job_runs.finish("expire_points", slot, "failed", failed)
    auditor = api.as_roles(WHO, "auditor")
    for path in (account, f"/admin/transactions?user={quoted(WHO)}", f"/audit/readings?reader={quoted(WHO)}"):
        answered(auditor.get(path))
        answered(api.auditor.get(path))
    house.clock.move(days=100)  # type: ignore[attr-defined]
    house.expire_points()
    answered(who.post("/checkout/", bought(product), key="third"), 201)
    house.daily.catch_up()
    return Story(api, shop, product, orders[0], order)


def test_afterwards_no_table_knows_the_user_id_in_any_form(story: Story, owner: Database) -> None:
    assert tables_that_name(owner, WHO) == {"directory", "reasons", "job_runs"}
    for table in (
        "recoveries",
        "idempotency",
        "readings",
        "rules",
        "snapshots",
        "sandbox_charges",
        "sandbox_refunds",
        "daily",
    ):
        assert owner.rows(f"SELECT count(*) > 0 FROM {table}") == [(True,)], f"{table} had nothing to tell"
    story.shop.house.forget_member(WHO, even_so=True)
    for form in (WHO, WHO.encode().hex(), quoted(WHO), json.dumps(WHO).strip('"'), "qzxv"):
        assert tables_that_name(owner, form) == set(), form


def test_afterwards_the_log_is_what_it_was_to_the_letter_and_verifies(story: Story, owner: Database) -> None:
    before = log_of(owner)
    assert len(before) > 30
    story.shop.house.forget_member(WHO, even_so=True)
    after = log_of(owner)
    assert after == before
    for _, entries in groupby(sorted(after, key=lambda e: (e.stream, e.version)), key=lambda e: e.stream):
        previous = GENESIS
        for entry in entries:
            assert entry.hash == entry.hash_after(previous)
            previous = entry.hash
    assert story.shop.differences() == []


def test_afterwards_every_total_stands(story: Story) -> None:
    before = totals(story.shop.house)
    assert before["outstanding"]["points"] > 0 and before["expired"] > 0
    story.shop.house.forget_member(WHO, even_so=True)
    assert totals(story.shop.house) == before


def test_only_names_and_texts_change_and_the_account_stays(story: Story, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    account_id = story.shop.account(WHO)
    forgotten = story.shop.house.forget_member(WHO, even_so=True)
    after = snapshot_of_tables(owner)
    assert {name for name in before if before[name] != after[name]} == {"directory", "reasons", "job_runs"}
    assert {name: rows for name, (rows, _) in after.items()} == {name: rows for name, (rows, _) in before.items()}
    assert forgotten.account_id == account_id
    assert owner.rows("SELECT user_id, forgotten_at FROM directory WHERE account_id = %s", (account_id,)) == [
        (None, story.shop.house.clock())
    ]
    blank = owner.rows("SELECT count(*) FROM reasons WHERE account_id = %s AND body = ''", (account_id,))
    assert blank == [(forgotten.texts_blanked,)] == [(4,)]
    assert forgotten.texts_changed == 3  # two of bob's, one of a job


def test_whoever_looks_sees_nobody_where_the_member_was(story: Story) -> None:
    story.shop.house.forget_member(WHO, even_so=True)
    admin, auditor = story.api.admin, story.api.auditor
    feed = admin.items("/admin/transactions?limit=100")
    theirs = [line for line in feed if line["user"] is None]
    assert {line["type"] for line in theirs} == {"earn", "use", "restore", "revoke", "expire", "manual"}
    assert {line["reason"] for line in theirs} == {None}
    assert {line["actor"] for line in feed} >= {None, "root"}
    reasons = {line["reason"] for line in feed if line["user"] == OTHER and line["type"] == "manual"}
    assert {f"as {FORGOTTEN} has, and {FORGOTTEN}'s sister", "gift", "mine"} <= reasons
    assert answered(admin.get(f"/orders/{story.order}"))["user"] is None
    assert {order["user"] for order in admin.items("/admin/orders")} == {None, OTHER}
    assert {item["user"] for item in admin.items("/admin/reviews")} == {None}
    assert [item["created_by"] for item in admin.items("/admin/rules")] == [None, None]
    readings = auditor.items("/audit/readings?until=2026-02-01T00:00:00Z")
    assert {(item["reader"], item["user"]) for item in readings} == {(None, None), ("iris", None)}
    assert [account["user"] for account in admin.items("/admin/accounts")] == [OTHER]
    for path in (f"/admin/accounts/{quoted(WHO)}", f"/audit/readings?user={quoted(WHO)}&limit=1"):
        answer = auditor.get(path)
        assert answer.status_code == 404 or answer.get_json()["items"] == []
    assert len(admin.get("/admin/transactions", {"Accept": "text/csv"}).text.splitlines()) == len(feed) + 1


def test_a_key_of_theirs_goes_on_giving_its_answer(story: Story, owner: Database) -> None:
    """Nobody can tell whose claims they are: a claim holds a digest. Its answer names an order, and no user."""
    story.shop.house.forget_member(WHO, even_so=True)
    before = snapshot_of_tables(owner)
    who = story.api.as_customer(WHO)
    for n, (method, status) in enumerate(((VISA, 201), (DECLINED, 402), (TIMEOUT, 202))):
        again = who.post("/checkout/", bought(story.product, points=10, payment_method=method), key=f"order-{n}")
        assert (again.status_code, again.headers["Idempotent-Replayed"]) == (status, "true")
    assert snapshot_of_tables(owner) == before


def test_who_comes_back_is_somebody_new_with_nothing(story: Story, owner: Database) -> None:
    shop, old = story.shop, story.shop.account(WHO)
    shop.house.forget_member(WHO, even_so=True)
    held = owner.rows("SELECT * FROM balances WHERE account_id = %s", (old,))
    who = story.api.as_customer(WHO)
    points = answered(who.get("/user/points"))
    assert (points["available"], points["lifetime"]["earned"], points["position"]) == (0, 0, 0)
    assert answered(who.get("/user/orders"))["items"] == answered(who.get("/user/transactions"))["items"] == []
    refused(who.get(f"/orders/{story.order}"), 404, "unknown_order")
    assert answered(who.post("/checkout/", bought(story.api.on_sale()), key="new"), 201)["points_earned"] == 50
    assert shop.account(WHO) != old
    assert shop.available(WHO) == 50
    assert owner.rows("SELECT * FROM balances WHERE account_id = %s", (old,)) == held
    assert shop.differences() == []


def test_what_was_under_way_is_brought_to_its_end(story: Story) -> None:
    house = story.shop.house
    house.forget_member(WHO, even_so=True)
    recovery = house.recover_payments(is_all=True)
    assert (recovery.settled, recovery.waiting, recovery.failures) == ({"paid": 1, "failed": 1}, 0, [])
    house.clock.move(days=800)  # type: ignore[attr-defined]
    assert house.expire_points().failures == []
    assert wrongs(house) == []


def test_nothing_is_kept_of_a_later_reason_about_somebody_who_is_forgotten(story: Story, owner: Database) -> None:
    story.shop.house.forget_member(WHO, even_so=True)
    refund = {"reason": "the rest, too"}
    answered(story.api.admin.post(f"/admin/orders/{story.refunded}/refunds", refund, key="rest"), 201)
    assert owner.rows("SELECT count(*) FROM reasons WHERE body = 'the rest, too'") == [(0,)]
    newest = story.api.admin.items("/admin/transactions?type=revoke")[0]
    assert (newest["user"], newest["reason"], newest["order_id"]) == (None, None, story.refunded)


@pytest.mark.parametrize("user", ["nobody", "", "ann\0", "ann%", "_nn"])
def test_an_unknown_user_is_refused_and_nothing_changes(shop: Shop, owner: Database, user: str) -> None:
    shop.give("ann", reason="nobody is ann")
    before = snapshot_of_tables(owner)
    if "\0" in user:
        with pytest.raises(ValueError, match="NUL"):
            shop.house.forget_member(user)
    else:
        assert refusal(lambda: shop.house.forget_member(user)) == "unknown_account"
    assert snapshot_of_tables(owner) == before


def test_a_second_time_is_refused_and_nothing_changes(shop: Shop, owner: Database) -> None:
    shop.give("ann")
    shop.house.forget_member("ann")
    before = snapshot_of_tables(owner)
    assert refusal(lambda: shop.house.forget_member("ann")) == "unknown_account"
    assert snapshot_of_tables(owner) == before


def test_a_rule_that_they_made_goes_on_for_everybody(shop: Shop) -> None:
    shop.house.change_rules(Rule(earn_points=3), None, "boss")
    shop.house.forget_member("boss")
    assert shop.buy("ann").points_earned == 150
