"""The audit in the panel: verified now, what was signed, the log itself, and a copy that proves itself."""

from __future__ import annotations

import io
import json
from pathlib import Path
from urllib.parse import urlencode

import pytest

from app.audit.checkpoints import parse
from app.audit.exported import verify_export
from app.audit.proofs import check
from app.database import LOCK_LONG_READING, Database
from tests.support.panel import Panel, books, forms_of, links_of, shown, words
from tests.support.shop import Shop
from tests.support.statements import counted_statements
from tests.support.tampering import change

PAGES = (
    "/panel/audit", "/panel/audit/checkpoints", "/panel/audit/events", "/panel/audit/events/1", "/panel/audit/readings",
)  # fmt: skip


@pytest.fixture
def shop(panel: Panel) -> Shop:
    """A shop with a sealed history, and one event after it."""
    shop = Shop(panel.house)
    shop.give(points=200)
    shop.buy(points=30)
    panel.house.daily.catch_up()
    assert panel.house.seal()
    shop.give("bob", 5)
    panel.house.daily.catch_up()
    return shop


def tamper(owner: Database, position: int, column: str, value: object) -> None:
    """Change an event, as the owner of the tables can with the triggers off."""
    with owner.transaction() as cursor:
        cursor.execute("ALTER TABLE events DISABLE TRIGGER events_append_only")
        change(cursor, position, column, value)
        cursor.execute("ALTER TABLE events ENABLE TRIGGER events_append_only")


def newest(panel: Panel) -> int:
    """The position of the last event."""
    return panel.house.log.max_notification_id() or 0


def test_an_empty_log_says_so_on_every_page(panel: Panel) -> None:
    viewer = panel.as_admin()
    assert "The log is empty" in viewer.page("/panel/audit")
    assert "Nothing was sealed yet." in viewer.page("/panel/audit")
    assert "No checkpoints yet." in viewer.page("/panel/audit/checkpoints")
    assert "No events yet" in viewer.page("/panel/audit/events")
    assert "Nobody has read anything that fits" in viewer.page("/panel/audit/readings?reader=nobody")
    assert "no checkpoint at all: the log is empty" in words(shown(viewer.get("/panel/audit/export"), 409))
    assert "no event comes after position 0" in words(viewer.page("/panel/audit/verified?since=checkpoint"))


def test_a_log_in_order_is_said_to_be_so_with_what_was_checked(panel: Panel, shop: Shop, owner: Database) -> None:
    viewer, last = panel.as_auditor(), newest(panel)
    assert f"Everything is {last} events, and takes about 1 second" in words(viewer.page("/panel/audit"))
    before = books(owner)
    page = viewer.page("/panel/audit/verified")
    events = len(panel.house.logged_events.page(100, 0).items)
    assert f"All is as it should be: {events} events of 3 streams, up to position {last}, under 1 checkpoint" in words(
        page
    )
    assert "What was checked" in page and page.startswith("<!doctype")
    part = shown(viewer.get("/panel/audit/verified?since=checkpoint", is_part=True))
    assert part.startswith('<div class="note done">')
    assert f"2 events of 1 stream, up to position {last}" in words(part)
    assert "Of older events" in part
    assert {table for table, held in books(owner).items() if held != before[table]} <= {"directory"}


@pytest.mark.parametrize("path", ["/panel/audit/verified", "/panel/audit/verified?since=checkpoint"])
def test_what_was_tampered_with_is_found_where_it_stands(panel: Panel, shop: Shop, owner: Database, path: str) -> None:
    position = newest(panel)
    event = panel.house.logged_events.find(position)
    assert event
    tamper(owner, position, "state", bytes(event["data"]).decode().replace('"points":5', '"points":6'))
    for is_part in (True, False):
        page = words(shown(panel.as_auditor().get(path, is_part=is_part)))
        assert f"Something is wrong at position {position} :" in page
        assert "Traceback" not in page and "All is as it should be" not in page


def test_a_checkpoint_that_is_not_ours_is_no_mishap(panel: Panel, shop: Shop) -> None:
    for key in (panel.house.settings.home / "checkpoint-keys").iterdir():
        key.unlink()
    for path in ("/panel/audit/verified", "/panel/audit/verified?since=checkpoint"):
        page = words(panel.as_auditor().page(path))
        assert "Something is wrong at position" in page or "This cannot be verified" in page


def test_an_event_whose_time_cannot_be_read_is_no_mishap(panel: Panel, shop: Shop, owner: Database) -> None:
    tamper(owner, 2, "recorded_at", "20000-01-01")
    viewer = panel.as_auditor()
    assert "Something is wrong at position 2" in words(viewer.page("/panel/audit/verified"))
    for path in ("/panel/audit/events", "/panel/audit/events/2", "/panel/audit/events/2/proof", "/panel/audit/export"):
        page = words(shown(viewer.get(path), 409))
        assert "This cannot be proven" in page
        assert "Verify the log under Audit" in page


def test_an_export_verifies_with_nothing_but_the_file_and_the_keys(panel: Panel, shop: Shop, owner: Database) -> None:
    viewer = panel.as_auditor()
    before = books(owner)
    with viewer.get("/panel/audit/export") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment; filename=miles-log-2026-01-15-")
        assert answer.content_type == "application/x-ndjson; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        report = verify_export(io.BytesIO(answer.data), panel.house.trusted_keys)
    last = panel.house.checkpoints.latest()
    assert last and report.position == last.position < newest(panel)
    assert {table for table, held in books(owner).items() if held != before[table]} <= {"directory"}, "no seal"


def test_an_export_of_a_log_that_was_changed_is_refused(panel: Panel, shop: Shop, owner: Database) -> None:
    tamper(owner, 2, "hash", b"x" * 32)
    page = words(shown(panel.as_auditor().get("/panel/audit/export"), 409))
    assert "the log is not what the checkpoint over" in page


def test_checkpoints_stand_newest_first_and_each_is_to_be_taken_away(panel: Panel, shop: Shop) -> None:
    house = panel.house
    for _ in range(50):
        shop.give(points=1)
        assert house.seal()
    viewer = panel.as_auditor()
    page = viewer.page("/panel/audit/checkpoints")
    last = house.checkpoints.latest()
    assert last and last.root.hex() in page and last.key_id in page
    (further,) = [link for link in links_of(page) if "after=" in link]
    assert viewer.page(further).count(">JSON</a>") == 1
    answer = viewer.get(f"/panel/audit/checkpoints/{last.size}")
    assert answer.content_type == "application/json"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=checkpoint-{last.size}.json"
    assert json.loads(answer.data) == last.as_data()
    assert parse(json.loads(answer.data)["note"]) == last
    for size in (last.size + 1, 10**30):
        shown(viewer.get(f"/panel/audit/checkpoints/{size}"), 404)


def test_events_stand_newest_first_page_by_page(panel: Panel, shop: Shop) -> None:
    for _ in range(60):
        shop.give(points=1)
    viewer, seen, address = panel.as_auditor(), list[int](), "/panel/audit/events"
    while address:
        links = links_of(viewer.page(address))
        seen += [int(link.rsplit("/", 1)[1]) for link in links if "/audit/events/" in link]
        address = next((link for link in links if "after=" in link), "")
    assert seen == [item["position"] for item in panel.house.logged_events.page(1000, 0).items][::-1]
    assert len(seen) > 60


def test_an_event_is_shown_to_the_letter_with_its_seal_and_a_proof(panel: Panel, shop: Shop, tmp_path: Path) -> None:
    viewer, event = panel.as_auditor(), panel.house.logged_events.find(2)
    assert event
    page = viewer.page("/panel/audit/events/2")
    assert bytes(event["data"]).decode() in page.replace("&#34;", '"')
    assert event["hash"] in page and str(event["stream"]) in page
    for is_part in (True, False):
        said = words(shown(viewer.get("/panel/audit/events/2/included", is_part=is_part)))
        assert "Proven just now: it is number 2 of the 6 events" in said
    answer = viewer.get("/panel/audit/events/2/proof")
    assert "Adjusted" in check(answer.data, panel.house.trusted_keys)
    last = newest(panel)
    assert "No checkpoint covers it." in viewer.page(f"/panel/audit/events/{last}/included")
    assert "No checkpoint covers this event yet." in words(shown(viewer.get(f"/panel/audit/events/{last}/proof"), 409))
    for path in (f"{last + 1}", "0", f"{10**30}", f"{10**30}/proof", f"{last + 1}/included", "x"):
        shown(viewer.get(f"/panel/audit/events/{path}"), 404)


def test_an_event_that_was_changed_or_never_signed_is_not_called_sealed(
    panel: Panel, shop: Shop, owner: Database
) -> None:
    tamper(owner, 2, "state", "{}")
    unsealed = newest(panel)
    tamper(owner, 3, "position", 10**6)
    tamper(owner, unsealed, "position", 3)
    viewer = panel.as_auditor()
    for position, said in ((2, "do not agree about position 2"), (3, "do not agree about position 3")):
        page = words(viewer.page(f"/panel/audit/events/{position}/included"))
        assert "This event is not proven:" in page and said in page
    assert "Was it signed?" in viewer.page("/panel/audit/events/3")


def test_what_an_event_holds_is_text_and_nothing_else(panel: Panel, shop: Shop, owner: Database) -> None:
    tamper(owner, 2, "state", '"<script>alert(1)</script>"')
    tamper(owner, 2, "topic", "<b>x</b>")
    viewer = panel.as_auditor()
    for path in ("/panel/audit/events/2", "/panel/audit/events", "/panel/audit/verified"):
        page = viewer.page(path)
        assert "<script>alert" not in page and "<b>x" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in viewer.page("/panel/audit/events/2")


def test_an_auditor_may_read_all_of_it_and_send_nothing(panel: Panel, shop: Shop, owner: Database) -> None:
    viewer = panel.as_auditor()
    viewer.token()
    before = books(owner)
    for path in PAGES:
        viewer.page(path)
    for path in (*PAGES, "/panel/audit/verified", "/panel/audit/export"):
        assert viewer.post(path).status_code in (403, 405)
    assert books(owner) == before


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_at_most_five_statements_and_one_that_puts_it_on_record(
    panel: Panel, shop: Shop, path: str
) -> None:
    viewer = panel.as_auditor()
    viewer.page(path)
    for query in ("", "?after=99999999999999999999", "?after=-1"):
        with counted_statements() as sent:
            viewer.page(f"{path}{query}")
        assert len([sql for sql in sent if "INTO readings" in sql]) == 1
        assert len(sent) <= 6, "\n".join(sent)


@pytest.mark.parametrize("path", ["/panel/audit/verified", "/panel/audit/export", "/panel/rules/backtest"])
def test_long_readings_take_turns(panel: Panel, shop: Shop, database: Database, path: str) -> None:
    viewer = panel.as_admin()
    form = forms_of(viewer.page("/panel/rules/new"))[1].fields
    asked = f"{path}?{urlencode(form)}" if "backtest" in path else path
    with database.advisory_lock(LOCK_LONG_READING):
        answer = viewer.get(asked, is_part=True)
        assert "Another long reading is under way" in words(shown(answer, 503))
        assert answer.headers["Retry-After"] == "60"
    for _ in ("now", "again, since a turn is given back"):
        with viewer.get(asked) as answer:
            assert answer.status_code == 200
