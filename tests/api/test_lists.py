"""Lists: every item once and in order, page by page; cursors that nobody can make up or carry elsewhere."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import Any

import pytest

from app.database import Database
from app.wiring import build
from tests.api.conftest import CommonShop
from tests.support.http import Api, Caller, answered, bought, next_of, refused

FEED = "/admin/transactions"

# path, the field by which its items come, and whether that falls
LISTS = [
    ("/products/", "id", False),
    ("/products/?fields=id,name", "id", False),
    ("/products/search", "id", True),
    ("/products/search?q=cup&sort=price", "price", False),
    ("/products/search?sort=-price", "price", True),
    ("/products/search?sort=name&category=Kitchen&category=Garden", "name", False),
    ("/products/search?q=cup&sort=relevance&facets=1", None, True),
    ("/products/search?q=cupp", None, True),
    ("/user/orders", "created_at", True),
    ("/user/transactions", "id", True),
    (FEED, "id", True),
    (f"{FEED}?user=ann&type=use", "id", True),
    ("/admin/accounts", "user", False),
    ("/admin/accounts?sort=available", "available", False),
    ("/admin/accounts?sort=-available&min_available=1", "available", True),
    ("/admin/accounts?user=member", "user", False),
    ("/admin/orders", "created_at", True),
    ("/admin/orders?user=ann&status=paid", "created_at", True),
    ("/admin/rules", "version", True),
]
PATHS = [path for path, _, _ in LISTS]


def fill(api: Api) -> None:
    """Seven and more of everything that is listed; ties among prices, names and balances."""
    products = [
        api.on_sale(name=f"Cup {n % 3}", price=1_000 * (n % 4 + 1), category=["Kitchen", "Garden"][n % 2])
        for n in range(9)
    ]
    for number in range(7):
        api.grant(f"member {number}", 10 + number % 3)
        answered(api.admin.post("/admin/rules", {"max_earn_per_order": number}), 201)
    api.grant("ann", 500)
    ann = api.as_customer("ann")
    for number in range(7):
        answered(ann.post("/checkout/", bought(products[number], points=number), key=f"o{number}"), 201)
    answered(api.as_customer("bob").post("/checkout/", bought(products[0]), key="o"), 201)


@pytest.fixture
def filled(api: Api) -> Api:
    fill(api)
    return api


@pytest.fixture
def reader(filled: Api) -> Caller:
    """Somebody who may read every list, and to whom the orders belong."""
    return filled.as_roles("ann", "customer", "auditor")


def with_query(path: str, **query: Any) -> str:
    added = "&".join(f"{name}={value}" for name, value in query.items())
    return f"{path}{'&' if '?' in path else '?'}{added}"


def test_pages_of_any_size_show_every_item_once_and_in_order(reader: Caller) -> None:
    for path, field, is_falling in LISTS:
        whole = reader.items(with_query(path, limit=100))
        assert len(whole) >= 6, path
        if field:
            values = [item[field] for item in whole]
            assert values == sorted(values, reverse=is_falling), path
        assert len({str(item) for item in whole}) == len(whole)
        for limit in (1, 3):
            pages = reader.pages(with_query(path, limit=limit))
            sizes = [len(answered(page)["items"]) for page in pages]
            assert set(sizes[:-1]) == {limit} and 1 <= sizes[-1] <= limit, path
            assert [item for page in pages for item in answered(page)["items"]] == whole, path


def test_the_last_page_has_no_next_and_no_link_even_when_it_is_just_full(reader: Caller) -> None:
    for path in PATHS:
        count = len(reader.items(with_query(path, limit=100)))
        response = reader.get(with_query(path, limit=count))
        page = answered(response)
        assert (len(page["items"]), page["next"]) == (count, None), path
        assert "Link" not in response.headers
        assert answered(reader.get(with_query(path, limit=count - 1)))["next"] is not None


def test_the_link_header_says_what_next_says(reader: Caller) -> None:
    for path in PATHS:
        response = reader.get(with_query(path, limit=2))
        by_link = answered(reader.get(next_of(response.headers["Link"])))
        by_next = answered(reader.get(with_query(path, limit=2, cursor=answered(response)["next"])))
        assert by_link == by_next, path


def test_twenty_items_are_a_page_where_no_limit_is_given(api: Api) -> None:
    for number in range(21):
        api.grant(f"member {number}", 1)
    assert [len(answered(page)["items"]) for page in api.admin.pages(FEED)] == [20, 1]
    assert len(answered(api.admin.get(f"{FEED}?limit=100"))["items"]) == 21


def test_an_empty_list_is_one_empty_page(api: Api) -> None:
    for path in ("/products/", "/products/search?q=cup", FEED, "/admin/accounts", "/admin/orders"):
        response = api.admin.get(path)
        assert (answered(response)["items"], answered(response)["next"]) == ([], None)
        assert "Link" not in response.headers
    for path in ("/user/orders", "/user/transactions"):
        assert answered(api.as_customer("ann").get(path)) == {"items": [], "next": None}


def test_what_comes_in_between_two_pages_neither_repeats_nor_hides_an_item(filled: Api) -> None:
    first = filled.admin.get(f"{FEED}?limit=5")
    seen = [item["id"] for item in answered(first)["items"]]
    known = [item["id"] for item in filled.admin.items(FEED)]
    filled.grant("zoe", 1)
    seen += [item["id"] for item in filled.admin.items(next_of(first.headers["Link"]))]
    assert seen == known


def cursor_of(caller: Caller, path: str) -> str:
    cursor = answered(caller.get(with_query(path, limit=1)))["next"]
    assert isinstance(cursor, str)
    return cursor


def _flipped(cursor: str) -> list[str]:
    """The cursor with one bit changed, anywhere in it."""
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    changed = [raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :] for at in range(len(raw))]
    return [base64.urlsafe_b64encode(each).decode().rstrip("=") for each in changed]


def test_a_cursor_that_was_forged_or_cut_is_invalid_on_every_list(reader: Caller) -> None:
    for path in PATHS:
        cursor = cursor_of(reader, path)
        forged = base64.urlsafe_b64encode(b"\0" * 16 + b"[1]").decode()
        for bad in ("", "x", "abc", "!!", "%00", "%E2%82%AC", "WzFd", forged, cursor[:-2], cursor[4:], cursor + "AAAA"):
            refused(reader.get(with_query(path, cursor=bad)), 422, "invalid_cursor")


def test_no_bit_of_a_cursor_can_be_changed(reader: Caller) -> None:
    for path in (FEED, "/products/search?sort=name", "/admin/accounts"):
        for bad in _flipped(cursor_of(reader, path)):
            refused(reader.get(with_query(path, cursor=bad)), 422, "invalid_cursor")


def test_a_cursor_is_good_for_its_own_list_and_filters_alone(reader: Caller) -> None:
    cursors = {path: cursor_of(reader, path) for path in PATHS}
    for path in PATHS:
        for other, cursor in cursors.items():
            response = reader.get(with_query(path, cursor=cursor))
            if other == path or {other, path} == {"/products/", "/products/?fields=id,name"}:
                answered(response)  # which fields of an item are shown does not move the list
            else:
                refused(response, 422, "invalid_cursor")


def test_a_cursor_survives_a_change_of_the_page_size(reader: Caller) -> None:
    cursor = cursor_of(reader, FEED)
    whole = reader.items(FEED)
    assert answered(reader.get(f"{FEED}?limit=4&cursor={cursor}"))["items"] == whole[1:5]


def test_a_cursor_is_good_in_every_process_of_the_house_and_in_no_other_house(
    reader: Caller, filled: Api, owner: Database
) -> None:
    whole, path = reader.items(FEED), f"{FEED}?cursor={cursor_of(reader, FEED)}&limit=100"
    with closing(build(filled.house.settings)) as other_process:
        assert answered(Api(other_process).admin.get(path))["items"] == whole[1:]
    owner.execute("UPDATE secrets SET value = sha256('another') WHERE name = 'cursor'")
    with closing(build(filled.house.settings)) as other_house:
        refused(Api(other_house).admin.get(path), 422, "invalid_cursor")


@pytest.mark.parametrize("limit", ["0", "-1", "101", "x", "", "1.0", "1e1", "1_0", "+5", "%205", "%D9%A5", "9" * 5_000])
def test_a_limit_is_a_whole_number_from_1_to_100(common: CommonShop, limit: str) -> None:
    caller = common.as_roles("ann", "customer", "auditor")
    for path in PATHS:
        problem = refused(caller.get(with_query(path, limit=limit)), 422, "invalid_request")
        assert list(problem["errors"]) == ["limit"]


@pytest.mark.parametrize(
    ("path", "field"),
    [
        (f"{FEED}?user=", "user"),
        (f"{FEED}?user=a/b", "user"),
        (f"{FEED}?type=gift", "type"),
        (f"{FEED}?order_id=1", "order_id"),
        ("/admin/accounts?user=" + "x" * 129, "user"),
        ("/admin/accounts?min_available=-1", "min_available"),
        ("/admin/accounts?sort=balance", "sort"),
        ("/admin/orders?status=lost", "status"),
        ("/admin/orders?user=%00", "user"),
        ("/products/search?sort=cheapest", "sort"),
        ("/products/search?min_price=x", "min_price"),
        ("/products/search?max_price=99999999999999999999", "max_price"),
        ("/products/search?q=%00", "q"),
        ("/products/search?q=" + "x" * 1001, "q"),
        ("/products/search?brand=a&brand=%00", "brand.1"),
        ("/products/search?facets=perhaps", "facets"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_by_its_name(common: CommonShop, path: str, field: str) -> None:
    problem = refused(common.admin.get(path), 422, "invalid_request")
    assert list(problem["errors"]) == [field]


def test_filters_of_the_feed_and_of_orders_narrow_together(filled: Api) -> None:
    lines = filled.admin.items(FEED)
    order = next(line["order_id"] for line in lines if line["type"] == "use")
    of_order = filled.admin.items(f"{FEED}?order_id={order}")
    assert of_order == [line for line in lines if line["order_id"] == order] != []
    assert filled.admin.items(f"{FEED}?order_id={order}&type=use") == [x for x in of_order if x["type"] == "use"]
    assert filled.admin.items(f"{FEED}?user=nobody") == []
    assert {order["user"] for order in filled.admin.items("/admin/orders?user=bob")} == {"bob"}
    assert filled.admin.items("/admin/orders?status=failed") == []


def test_since_is_the_first_instant_that_counts_and_until_the_first_that_does_not(api: Api) -> None:
    product, clock = api.on_sale(), api.house.clock
    for number in range(3):
        api.grant("ann", number + 1)
        answered(api.as_customer("ann").post("/checkout/", bought(product), key=f"o{number}"), 201)
        clock.move(hours=1)  # type: ignore[attr-defined]
    instants = [line["created_at"] for line in api.admin.items(f"{FEED}?type=manual")][::-1]
    for path in (f"{FEED}?type=manual", "/admin/orders"):
        within = api.admin.items(f"{path}{'&' if '?' in path else '?'}since={instants[0]}&until={instants[2]}")
        assert [item["created_at"] for item in within] == instants[1::-1]
        assert api.admin.items(with_query(path, since=instants[1], until=instants[1])) == []


def test_a_members_lists_hold_nobody_elses(filled: Api) -> None:
    bob = filled.as_customer("bob")
    assert {line["user"] for line in bob.items("/user/transactions")} == {"bob"}
    assert [order["user"] for order in bob.items("/user/orders")] == ["bob"]
