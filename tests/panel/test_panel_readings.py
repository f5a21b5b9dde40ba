"""Reads of the panel are on record before they are answered: who, when, what, about whom; and never a user id."""

from __future__ import annotations

from typing import Any

import pytest

from app.auth.policy import ADMIN as ADMINS
from app.auth.policy import PANEL, PUBLIC
from app.database import Database
from app.panel import create_app
from app.registers.readings import Reading
from tests.support.panel import ADMIN, AUDITOR, Panel, shown, words
from tests.support.shop import Shop
from tests.support.statements import counted_statements
from tests.support.tables import snapshot_of_tables


def told(panel: Panel) -> list[tuple[str | None, str, str | None, str]]:
    """Reader, action, user and detail of each, oldest first."""
    return [(r.reader, r.action, r.user, r.detail) for r in reversed(panel.house.readings.newest(1000))]


def test_a_read_of_an_auditor_says_who_when_what_and_about_whom(panel: Panel) -> None:
    Shop(panel.house).give("ann", 50)
    panel.as_auditor().page("/panel/member?user=ann")
    (reading,) = panel.house.readings.newest(10)
    assert reading == Reading(reading.id, panel.house.clock(), AUDITOR, "panel.members.one", "ann", "")


def test_the_other_parameters_stand_in_the_detail_and_what_may_name_people_nowhere(
    panel: Panel, owner: Database
) -> None:
    Shop(panel.house).give("qzxv one", 50)
    viewer = panel.as_auditor()
    for path in (
        "/panel/transactions?user=qzxv+one&type=use&since=2026-01-01&reason=qzxv",
        "/panel/members?user=qzxv&sort=-available&after_user=qzxv&after_available=5",
        "/panel/products?q=qzxv&sold=no",
        "/panel/audit/readings?reader=qzxv+two&user=qzxv+one",
        "/panel/audit/events?after=7",
    ):
        viewer.page(path)
    assert [(action, user, detail) for _, action, user, detail in told(panel)] == [
        ("panel.transactions.listed", "qzxv one", "type=use&since=2026-01-01"),
        ("panel.members.listed", None, "sort=-available&after_available=5"),
        ("panel.products.listed", None, "sold=no"),
        ("panel.audit_readings.listed", "qzxv one", ""),
        ("panel.audit_events.listed", None, "after=7"),
    ]
    assert owner.rows("SELECT count(*) FROM readings r WHERE strpos(r::text, 'qzxv') > 0") == [(0,)]


def test_every_page_that_the_policy_opens_to_auditors_is_on_record(panel: Panel) -> None:
    Shop(panel.house).give("ann", 50)
    Shop(panel.house).buy("ann")
    sealed = panel.house.seal()
    assert sealed
    size = str(sealed.size)
    order = panel.house.orders.page(1, user="ann").items[0]["order_id"]
    viewer, asked = panel.as_auditor(), []
    for rule in create_app(panel.house).url_map.iter_rules():
        if PANEL[rule.endpoint] is PUBLIC or "auditor" not in PANEL[rule.endpoint] or "GET" not in (rule.methods or ()):
            continue
        path = rule.rule.replace("<uuid:order_id>", str(order)).replace("<int:position>", "1")
        with viewer.get(f"/panel{path.replace('<int:size>', size)}?user=ann&sku=K-50000") as answer:
            assert answer.status_code < 300, path
        asked.append((f"panel.{rule.endpoint}", "ann"))
    asked.remove(("panel.rules.previewed", "ann"))  # it shows what one typed
    assert [(action, user) for _, action, user, _ in told(panel)] == asked
    assert len(asked) > 15


def test_an_admin_is_on_record_in_the_audit_with_a_members_statement_and_with_a_backtest_alone(panel: Panel) -> None:
    Shop(panel.house).give("ann", 50)
    viewer = panel.as_admin()
    for path in (
        "",
        "member?user=ann",
        "transactions",
        "products",
        "member/statement?user=ann",
        "audit",
        "audit/events",
        "rules",
        "rules/backtest?since=2026-01-01",
    ):
        viewer.page(f"/panel/{path}")
    assert told(panel) == [
        (ADMIN, "panel.members.statement", "ann", ""),
        (ADMIN, "panel.audit.shown", None, ""),
        (ADMIN, "panel.audit_events.listed", None, ""),
        (ADMIN, "panel.rules.backtested", None, "since=2026-01-01"),
    ]


def test_parts_of_pages_are_reads_and_polls_are_not(panel: Panel) -> None:
    viewer = panel.as_auditor()
    viewer.get("/panel/transactions/newer?seen=0", is_part=True)
    viewer.get("/panel/products?sold=no", is_part=True)
    viewer.get("/panel/audit/verified", is_part=True)
    assert [action for _, action, _, _ in told(panel)] == ["panel.products.listed", "panel.audit.verified"]


def test_what_shows_nothing_leaves_no_trace(panel: Panel, owner: Database) -> None:
    viewer, admin, nobody = panel.as_auditor(), panel.as_admin(), panel.nobody()
    viewer.token()
    taken = len(told(panel))
    before = snapshot_of_tables(owner)
    for who in (viewer, admin, nobody):
        for path in ("static/panel.css", "nonsense", "login"):
            who.get(f"/panel/{path}").close()
    nobody.get("/panel/audit")
    viewer.get("/panel/products/new")
    viewer.post("/panel/products/new", {"sku": "x"})
    viewer.post("/panel/member/preview?user=ann", {"points": "1"})
    assert snapshot_of_tables(owner) == before
    viewer.post("/panel/logout")
    assert len(told(panel)) == taken


def test_what_is_refused_later_is_on_record_with_its_status_and_without_what_was_asked(panel: Panel) -> None:
    viewer = panel.as_auditor()
    shown(viewer.get("/panel/products/edit?sku=ann"), 404)
    shown(viewer.get("/panel/audit/events/77?note=ann"), 404)
    shown(viewer.get("/panel/audit/export?note=ann"), 409)
    assert [detail for *_, detail in told(panel)] == ["refused: 404", "refused: 404", "refused: 409"]


def test_a_long_address_does_not_fill_the_table(panel: Panel) -> None:
    panel.as_auditor().page(f"/panel/products?note={'x' * 5000}")
    ((*_, detail),) = told(panel)
    assert len(detail) == 1000


@pytest.mark.parametrize("user", ["nobody", "", "a/b", "%00", "%ED%A0%80", "x" * 500])
def test_a_user_whom_the_directory_does_not_know_is_nobody(panel: Panel, owner: Database, user: str) -> None:
    panel.as_auditor().get(f"/panel/products?user={user}")
    assert [(user, detail) for *_, user, detail in told(panel)] == [(None, "")]
    assert owner.rows("SELECT user_id FROM directory") == [(AUDITOR,)], "a read opens no account"


@pytest.mark.parametrize("path", ["/panel/member?user=zoe", "/panel/transactions.csv", "/panel/audit/export"])
@pytest.mark.parametrize("is_part", [False, True])
def test_what_cannot_be_recorded_is_not_answered(panel: Panel, owner: Database, path: str, *, is_part: bool) -> None:
    Shop(panel.house).give("zoe", 50)
    assert panel.house.seal()
    viewer = panel.as_auditor()
    owner.execute("ALTER TABLE readings RENAME TO gone")
    answer = viewer.get(path, is_part=is_part)
    page = shown(answer, 503)
    assert "zoe" not in page and "The database does not answer" in words(page)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" in answer.headers
    owner.execute("ALTER TABLE gone RENAME TO readings")
    with viewer.get(path) as answer:
        assert answer.status_code == 200


@pytest.mark.parametrize(("query", "most"), [("", 1), ("user=ann", 2)])
def test_a_reading_costs_a_statement_and_one_more_where_it_is_about_somebody(
    panel: Panel, query: str, most: int
) -> None:
    Shop(panel.house).give("ann", 50)
    counts = []
    for viewer in (panel.as_admin(), panel.as_auditor()):
        viewer.page("/panel/products")
        with counted_statements() as sent:
            viewer.page(f"/panel/products?{query}")
        counts.append(len(sent))
    assert counts[1] - counts[0] == most


def test_the_list_of_readings_is_narrowed_and_goes_on_page_by_page(panel: Panel) -> None:
    Shop(panel.house).give("ann", 50)
    auditor, admin = panel.as_auditor(), panel.as_admin()
    auditor.page("/panel/member?user=ann")
    for _ in range(55):
        auditor.page("/panel/products")

    def actions(query: str) -> list[str]:
        page = admin.page(f"/panel/audit/readings?{query}")
        return [words(row.split("</td>")[2]) for row in page.split("<tr><td>")[1:]]

    assert len(actions("")) == 50
    assert actions("user=ann") == ["panel.members.one"]
    assert len(actions(f"reader={AUDITOR}&since=2026-01-15&until=2026-01-15")) == 50
    for query in ("since=2026-01-16", "reader=nobody", "user=nobody", "reader=%00", "user=%00"):
        assert actions(query) == []
    oldest = panel.house.readings.newest(1000)[-1].id
    assert actions(f"after={oldest + 1}") == ["panel.members.one"]


def test_admins_alone_may_reach_what_writes() -> None:
    writing: dict[str, Any] = {name for name, roles in PANEL.items() if roles is ADMINS}
    assert {"products.changed", "products.added", "products_file.imported"} <= writing


def test_a_look_for_new_lines_is_on_record_where_it_shows_some(panel: Panel) -> None:
    Shop(panel.house).give("ann", 50)
    viewer = panel.as_auditor()
    viewer.get("/panel/transactions/newer?seen=0&user=ann", is_part=True)
    viewer.get("/panel/transactions/newer?seen=2&user=ann", is_part=True)
    assert [(action, user) for _, action, user, _ in told(panel)] == [("panel.transactions.newer", "ann")]


def test_an_order_is_about_its_member(panel: Panel) -> None:
    order_id = Shop(panel.house).buy("ann").order_id
    viewer = panel.as_auditor()
    viewer.page(f"/panel/orders/{order_id}")
    viewer.page(f"/panel/transactions?order_id={order_id}")
    assert [user for _, _, user, _ in told(panel)] == ["ann", "ann"]
