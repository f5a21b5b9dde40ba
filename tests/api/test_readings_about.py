"""About whom an auditor's read is recorded: by the path, the query or the order; and what else of a query is kept."""

from __future__ import annotations

from uuid import uuid4

import pytest

from app.auth.policy import POLICY
from app.database import Database
from tests.api.test_readings import told
from tests.support.http import Api, answered, bought, refused
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def order(api: Api) -> str:
    """An order of ann's, beside whom bob has an account."""
    api.grant("ann", 50)
    api.grant("bob", 50)
    placed = answered(api.as_customer("ann").post("/checkout/", bought(api.on_sale()), key="o"), 201)
    return str(placed["order_id"])


def test_no_parameter_hides_whom_the_path_names(api: Api, order: str) -> None:
    for hidden in ("nobody", "bob"):
        refused(api.auditor.get(f"/admin/accounts/ann?user={hidden}"), 422, "invalid_request")
    assert told(api) == [("admin_accounts.one", "ann", "refused: 422")] * 2


def test_an_order_is_its_members_in_a_path_and_in_a_query(api: Api, order: str) -> None:
    answered(api.auditor.get(f"/orders/{order}"))
    answered(api.auditor.get(f"/admin/transactions?order_id={order.upper()}"))
    answered(api.auditor.get(f"/admin/transactions?order_id={order}&user=bob"))
    answered(api.auditor.get(f"/admin/transactions?order_id={uuid4()}&type=earn&limit=3"))
    refused(api.auditor.get("/admin/transactions?order_id=ann"), 422, "invalid_request")
    refused(api.auditor.get("/orders/ann"), 404, "unknown_order")
    found = told(api)
    assert [user for _, user, _ in found] == ["ann", "ann", "bob", None, None, None]
    assert found[0] == ("orders.one", "ann", f"order_id={order}")


def test_an_order_of_somebody_forgotten_is_still_put_down_to_their_account(api: Api, order: str) -> None:
    account_id = api.house.directory.account_of("ann")
    api.house.forget_member("ann")
    answered(api.auditor.get(f"/orders/{order}"))
    (item,) = api.as_roles("otto", "auditor").items(f"/audit/readings?user={account_id}")
    assert (item["action"], item["user"]) == ("orders.one", None)


def test_a_prefix_that_is_somebodys_whole_id_is_about_them_and_any_other_about_nobody(api: Api, order: str) -> None:
    for prefix in ("ann", "an"):
        assert [item["user"] for item in api.auditor.items(f"/admin/accounts?user={prefix}")] == ["ann"]
    assert [user for _, user, _ in told(api)] == ["ann", None]


def test_an_account_id_names_nobody_where_only_user_ids_count(api: Api, order: str) -> None:
    account_id = api.house.directory.account_of("ann")
    for path in ("/admin/transactions", "/admin/orders"):
        assert answered(api.auditor.get(f"{path}?user={account_id}"))["items"] == []
    refused(api.auditor.get(f"/admin/accounts/{account_id}"), 404, "unknown_account")
    answered(api.auditor.get(f"/audit/readings?user={account_id}"))
    assert [(action, user) for action, user, _ in told(api)] == [
        ("admin_transactions.listed", None),
        ("admin_orders.listed", None),
        ("admin_accounts.one", None),
        ("audit_readings.listed", "ann"),
    ]


def test_no_read_that_is_on_record_takes_a_parameter_that_it_does_not_declare(
    api: Api, order: str, owner: Database
) -> None:
    asked = 0
    for rule in api.app.url_map.iter_rules():
        if "auditor" in POLICY[rule.endpoint] and "GET" in (rule.methods or ()):
            path = rule.rule.replace("<user>", "ann").replace("<order_id>", order)
            for query in ("qzxv-member=1", "note=qzxv-member"):
                refused(api.auditor.get(f"{path}?{query}"), 422, "invalid_request")
                asked += 1
    assert {detail for _, _, detail in told(api)} == {"refused: 422"} and len(told(api)) == asked >= 26
    assert owner.rows("SELECT count(*) FROM readings r WHERE strpos(r::text, 'qzxv') > 0") == [(0,)]


def test_an_unknown_parameter_is_refused_everywhere_but_by_probes_and_gateways(
    api: Api, order: str, owner: Database
) -> None:
    everybody = api.as_roles("ann", "customer", "admin", "auditor")
    lenient = set()
    before = snapshot_of_tables(owner)
    for rule in api.app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            path = rule.rule.replace("<user>", "ann").replace("<order_id>", order)
            answer = everybody.send(method, f"{path}?offset=20", json=None if method == "GET" else {})
            if answer.status_code == 422:
                assert refused(answer, 422, "invalid_request")["errors"]["offset"] == ["Unknown field."]
            else:
                lenient.add(rule.endpoint)
    assert {endpoint.partition(".")[0] for endpoint in lenient} == {"operations", "payments", "static", "api-docs"}
    after = snapshot_of_tables(owner)
    assert {name for name in before if before[name] != after[name]} == {"readings"}
