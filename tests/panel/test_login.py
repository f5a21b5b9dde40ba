"""Getting in, and being kept out."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta

import pytest

from app.auth import passwords
from app.auth.passwords import AT_ONCE, hashed
from app.database import Database
from app.panel.sessions import LIVES
from app.registers.panel_failures import MOST, WINDOW
from tests.support.clock import Clock
from tests.support.panel import ADMIN, Panel, Viewer, books, forms_of, shown, words

PASSWORD = "correct horse battery"


@pytest.fixture
def known(panel: Panel) -> Panel:
    """The panel, with an admin who has a password."""
    panel.house.panel_users.put(ADMIN, "admin", hashed(PASSWORD), panel.house.clock())
    return panel


def log_in(viewer: Viewer, email: str = ADMIN, password: str = PASSWORD, there: str = "") -> tuple[int, str | None]:
    """Fill in the form and send it; status, and where it leads."""
    page = f"/panel/login{there}"
    form = forms_of(viewer.page(page))[0]
    answer = viewer.post(page, {"email": email, "password": password}, token=form.fields["csrf_token"])
    return answer.status_code, answer.headers.get("Location")


def test_a_password_lets_in_and_logging_out_ends_the_session_wherever_its_cookie_lies(known: Panel) -> None:
    viewer = known.nobody()
    assert log_in(viewer) == (303, "/panel/")
    assert ADMIN in viewer.page("/panel/")
    stolen = viewer._client.get_cookie("miles_panel", path="/panel")
    assert stolen is not None
    assert viewer.post("/panel/logout").headers["Location"] == "/panel/login"
    thief = known.nobody()
    thief._client.set_cookie("miles_panel", stolen.value, path="/panel")
    assert thief.get("/panel/").status_code == 303


def test_small_and_capital_letters_of_an_address_are_one(known: Panel) -> None:
    assert log_in(known.nobody(), email=f" {ADMIN.upper()} ")[0] == 303


@pytest.mark.parametrize(
    ("email", "password"), [(ADMIN, "wrong horse battery"), ("x@example.com", PASSWORD), ("\0", PASSWORD)]
)
def test_a_wrong_password_and_an_unknown_user_are_refused_in_the_same_words(
    known: Panel, email: str, password: str
) -> None:
    viewer = known.nobody()
    form = forms_of(viewer.page("/panel/login"))[0]
    refused = viewer.post("/panel/login", {"email": email, "password": password}, token=form.fields["csrf_token"])
    assert "This e-mail address and password do not fit." in shown(refused, 401)
    assert viewer.get("/panel/").status_code == 303


def test_who_has_no_password_enters_by_a_link_alone(panel: Panel) -> None:
    panel.house.panel_users.put(ADMIN, "admin", None, panel.house.clock())
    assert log_in(panel.nobody(), password="")[0] == 422
    assert log_in(panel.nobody(), password="a password that nobody has")[0] == 401


def test_after_some_failures_even_the_right_password_waits(known: Panel, clock: Clock) -> None:
    for _ in range(MOST):
        assert log_in(known.nobody(), password="wrong horse battery")[0] == 401
    assert log_in(known.nobody())[0] == 429
    clock.at += WINDOW + timedelta(seconds=1)
    assert log_in(known.nobody())[0] == 303


def test_a_success_forgives_the_failures_before_it(known: Panel) -> None:
    for _ in range(3):
        for _ in range(MOST - 1):
            log_in(known.nobody(), password="wrong horse battery")
        assert log_in(known.nobody())[0] == 303


def test_failures_are_kept_without_the_address_that_was_typed(known: Panel, owner: Database) -> None:
    log_in(known.nobody(), email="priya@example.com", password="wrong horse battery")
    assert owner.rows("SELECT count(*) FROM panel_failures") == [(1,)]
    assert "priya" not in str(owner.rows("SELECT * FROM panel_failures"))


def test_a_session_ends_after_a_working_day(known: Panel, clock: Clock) -> None:
    viewer = known.nobody()
    log_in(viewer)
    clock.at += LIVES - timedelta(seconds=1)
    assert viewer.get("/panel/").status_code == 200
    clock.at += timedelta(seconds=1)
    assert viewer.get("/panel/").headers["Location"] == "/panel/login?next=/panel/"


def test_a_link_works_once_within_its_hour(panel: Panel, clock: Clock) -> None:
    users, at = panel.house.panel_users, clock()
    users.put(ADMIN, "admin", None, at)
    links = [users.issue("link", ADMIN, at, at + timedelta(hours=1)) for _ in range(2)]
    assert panel.nobody().enter(f"/panel/enter/{links[0]}").headers["Location"] == "/panel/"
    late = panel.nobody()
    assert late.enter(f"/panel/enter/{links[0]}").headers["Location"] == "/panel/login"
    assert "This link was used before" in late.page("/panel/login")
    clock.at += timedelta(hours=1)
    assert panel.nobody().enter(f"/panel/enter/{links[1]}").headers["Location"] == "/panel/login"


def test_who_is_removed_is_out_at_once(known: Panel) -> None:
    viewer = known.nobody()
    log_in(viewer)
    assert known.house.panel_users.remove(ADMIN)
    assert viewer.get("/panel/").status_code == 303


def test_another_password_logs_out_everywhere(known: Panel) -> None:
    viewer = known.nobody()
    log_in(viewer)
    assert not known.house.panel_users.put(ADMIN, "auditor", hashed("another horse battery"), known.house.clock())
    assert viewer.get("/panel/").status_code == 303


def test_one_comes_back_to_the_page_that_one_asked_for(known: Panel) -> None:
    viewer = known.nobody()
    asked = viewer.get("/panel/member?user=ann%26co")
    assert asked.headers["Location"] == "/panel/login?next=/panel/member?user%3Dann%2526co"
    assert log_in(viewer, there="?next=/panel/member?user%3Dann%2526co") == (303, "/panel/member?user=ann%26co")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example/panel/", "/panel/\\evil", "/shop/"])
def test_a_login_leads_to_no_other_place(known: Panel, elsewhere: str) -> None:
    assert log_in(known.nobody(), there=f"?next={elsewhere}") == (303, "/panel/")


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(panel: Panel) -> None:
    answer = panel.nobody().get("/panel/transactions/newer", is_part=True)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/panel/login")


def test_the_cookie_is_the_panels_alone_and_no_script_reads_it(known: Panel) -> None:
    for host, is_secure in (("localhost", False), ("127.0.0.1:8000", False), ("miles.example.com", True)):
        cookie = known.nobody()._client.get("/panel/login", base_url=f"https://{host}").headers["Set-Cookie"]
        assert "HttpOnly" in cookie and "Path=/panel" in cookie and "SameSite=Lax" in cookie
        assert ("Secure" in cookie) is is_secure


@pytest.mark.parametrize("token", [None, "made-up"])
def test_a_form_without_its_token_is_refused_and_changes_nothing(
    panel: Panel, owner: Database, token: str | None
) -> None:
    viewer = panel.as_admin()
    before = books(owner)
    refused = viewer.post("/panel/member?user=ann", {"points": "5", "reason": "x", "key": "k"}, token=token)
    assert "This form has run out" in words(shown(refused, 403))
    assert books(owner) == before


@pytest.mark.parametrize("path", ["login", "logout", "member?user=ann", "member/preview?user=ann"])
def test_without_a_token_nobody_posts_anything(panel: Panel, path: str) -> None:
    shown(panel.nobody().post(f"/panel/{path}", {"points": "5"}, token=None), 403)


def test_who_only_looks_at_a_link_does_not_use_it_up(panel: Panel, clock: Clock) -> None:
    users, at = panel.house.panel_users, clock()
    users.put(ADMIN, "admin", None, at)
    link = f"/panel/enter/{users.issue('link', ADMIN, at, at + timedelta(hours=1))}"
    for method in ("HEAD", "GET"):
        assert panel.nobody()._client.open(link, method=method).status_code == 200
    assert panel.nobody().post(link, token=None).status_code == 403
    assert panel.nobody().enter(link).headers["Location"] == "/panel/"


def test_many_tries_at_once_are_no_more_than_so_many_one_after_the_other(known: Panel) -> None:
    failures, at = known.house.panel_users.failures, known.house.clock()
    with ThreadPoolExecutor(16) as pool:
        waits = list(pool.map(lambda _: failures.begin(ADMIN, at), range(40)))
    assert waits.count(0) == MOST


def test_a_process_looks_at_few_passwords_together(known: Panel) -> None:
    with ExitStack() as held:
        for _ in range(AT_ONCE):
            held.enter_context(passwords._at_once)
        assert log_in(known.nobody())[0] == 429
    for _ in range(MOST - 1):
        assert log_in(known.nobody(), password="wrong horse battery")[0] == 401
    assert log_in(known.nobody())[0] == 303


def test_a_new_login_ends_the_session_before_it(known: Panel, owner: Database) -> None:
    viewer = known.as_admin()
    link = known.house.panel_users.issue("link", ADMIN, known.house.clock(), known.house.clock() + timedelta(hours=1))
    viewer.post(f"/panel/enter/{link}")
    assert owner.rows("SELECT count(*) FROM panel_tokens WHERE kind = 'session'") == [(1,)]
