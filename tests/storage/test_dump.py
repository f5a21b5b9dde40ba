"""A copy of the database names nobody: of all that is written, the directory alone knows a user id."""

from __future__ import annotations

import pytest

from app.database import Database
from app.wiring import House
from tests.support.http import Api
from tests.support.shop import DECLINED, LOST, TIMEOUT, VISA, Shop

MEMBERS = ["member-qzxv-one", "member-qzxv-two@example.test"]
ADMIN = "admin-qzxv"


def tables_that_name(owner: Database, user: str) -> set[str]:
    """Where a user id stands: in any column of any row, as text or as bytes."""
    tables = owner.rows("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
    forms = [user, user.encode().hex(), user.replace("@", "%40")]
    return {
        table
        for (table,) in tables
        for form in forms
        if owner.rows(f'SELECT 1 FROM public."{table}" AS t WHERE strpos(t::text, %s) > 0 LIMIT 1', (form,))
    }


@pytest.fixture
def told(house: House) -> Shop:
    """A story in which everybody did something, over HTTP under idempotency keys, and the jobs ran."""
    api, shop = Api(house), Shop(house)
    admin = api.as_roles(ADMIN, "admin")
    for n, member in enumerate(MEMBERS):
        grant = {"points": 100, "reason": "welcome"}
        assert admin.post(f"/admin/accounts/{member}/adjustments", grant, key=f"grant-{n}").status_code == 201
        for method in (VISA, DECLINED, TIMEOUT, LOST):
            order = {"items": _lines(shop), "points_to_use": 10, "payment_method": method}
            answer = api.as_customer(member).post("/checkout/", order, key=f"order-{method}")
            assert answer.status_code == {VISA: 201, DECLINED: 402}.get(method, 202), answer.text
    house.daily.catch_up()
    house.clock.move(days=800)  # type: ignore[attr-defined]
    house.expire_points()
    return shop


def _lines(shop: Shop) -> list[dict[str, int]]:
    return [{"product_id": product, "quantity": quantity} for product, quantity in shop.items()]


def test_no_table_but_the_directory_knows_a_user_id(told: Shop, owner: Database) -> None:
    for user in (*MEMBERS, ADMIN):
        assert tables_that_name(owner, user) == {"directory"}
    for table in ("events", "snapshots", "idempotency", "orders", "transactions", "reasons", "daily"):
        assert owner.rows(f"SELECT count(*) > 0 FROM {table}") == [(True,)], f"{table} had nothing to tell"


def test_the_search_finds_what_it_looks_for(owner: Database) -> None:
    """The control: a user id planted as text or as bytes is found."""
    owner.execute("INSERT INTO reasons VALUES (gen_random_uuid(), gen_random_uuid(), 'ask member-qzxv-one about it')")
    owner.execute("INSERT INTO secrets VALUES ('x', convert_to(%s, 'UTF8'))", (f"of {MEMBERS[0]}",))
    assert tables_that_name(owner, MEMBERS[0]) == {"reasons", "secrets"}
    assert tables_that_name(owner, MEMBERS[1]) == set()
