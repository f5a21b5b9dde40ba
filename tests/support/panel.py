"""The panel as its users see it: a browser without scripts, which keeps cookies and sends the forms that it was shown.

panel.as_admin().submit("/panel/member?user=ann", points="200", reason="Welcome")
"""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from werkzeug.test import Client, TestResponse

from app.database import Database
from app.site import whole
from app.wiring import House
from tests.support.tables import Snapshot, snapshot_of_tables

ADMIN, AUDITOR = "desk@example.com", "iris@example.com"


class Panel:
    """The site, and who uses the panel."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.app = whole(house)

    def nobody(self) -> Viewer:
        """Somebody who is not logged in."""
        return Viewer(Client(self.app))

    def as_admin(self, user: str = ADMIN) -> Viewer:
        return self._logged_in(user, "admin")

    def as_auditor(self, user: str = AUDITOR) -> Viewer:
        return self._logged_in(user, "auditor")

    def _logged_in(self, user: str, role: str) -> Viewer:
        users, at = self.house.panel_users, self.house.clock()
        if users.find(user) is None:
            users.put(user, role, None, at)
        viewer = self.nobody()
        entered = viewer.enter(f"/panel/enter/{users.issue('link', user, at, at + timedelta(hours=1))}")
        assert (entered.status_code, entered.headers["Location"]) == (303, "/panel/")
        return viewer


class Viewer:
    """One browser."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._token: str | None = None

    def get(self, path: str, *, is_part: bool = False) -> TestResponse:
        """A page, or a part of one as its script asks for it."""
        return self._client.get(path, headers={"HX-Request": "true"} if is_part else {})

    def enter(self, link: str) -> TestResponse:
        """Use a link, by the button that it shows."""
        (form,) = forms_of(self.page(link))
        return self._client.post(form.action, data=form.fields)

    def page(self, path: str) -> str:
        """The HTML of a page that is there."""
        return shown(self.get(path))

    def post(self, path: str, fields: dict[str, Any] | None = None, *, token: str | None = "") -> TestResponse:
        """Send fields with a good token, or another one; None sends none."""
        sent = dict(fields or {})
        if token is not None:
            sent["csrf_token"] = token or self.token()
        return self._client.post(path, data=sent)

    def submit(self, path: str, action: str | None = None, **fields: Any) -> TestResponse:
        """Fill in the form on a page, send it, and confirm it where that is asked: hidden fields go with it.

        `action` tells which, where several are there; without it, it is the one after the bar's.
        """
        forms = forms_of(self.page(path))
        (form,) = [form for form in forms if action in form.action][:1] if action else forms[1:2]
        answer = self._client.post(form.action, data={**form.fields, **fields})
        asks_back = answer.status_code == 200 and ">Confirm</button>" in answer.get_data(as_text=True)
        return self.resubmit(answer, form.action) if asks_back else answer

    def resubmit(self, answer: TestResponse, action: str, **fields: Any) -> TestResponse:
        """Send a form again as an answer shows it, but for `fields`."""
        (form,) = [form for form in forms_of(shown(answer)) if action in form.action]
        return self._client.post(form.action, data={**form.fields, **fields})

    def token(self) -> str:
        """The token of this session's forms, as a page shows it."""
        if self._token is None:
            self._token = forms_of(self.get("/panel/members").get_data(as_text=True))[0].fields["csrf_token"]
        return self._token


class Form:
    """What a form on a page would send."""

    def __init__(self, action: str) -> None:
        self.action = action
        self.fields: dict[str, str] = {}


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        had = dict(attrs)
        name = had.get("name")
        if tag == "a":
            self.links.append(had.get("href") or "")
        elif tag == "form":
            self.forms.append(Form(had.get("action") or ""))
        elif tag == "input" and self.forms and name and had.get("type") not in ("submit", "file"):
            if had.get("type") not in ("checkbox", "radio") or "checked" in had:
                self.forms[-1].fields[name] = had.get("value") or ""
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and "selected" in had:
            self.forms[-1].fields[self._select] = had.get("value") or ""


def forms_of(html: str) -> list[Form]:
    """The forms of a page, in order; the first is the bar's, which logs out."""
    parser = _Forms()
    parser.feed(html)
    return parser.forms


def links_of(html: str) -> list[str]:
    """Where a page's links lead, in order."""
    parser = _Forms()
    parser.feed(html)
    return parser.links


def books(owner: Database) -> Snapshot:
    """All that stands in the database but who read what, which even a refused request may add to."""
    return {table: held for table, held in snapshot_of_tables(owner).items() if table != "readings"}


def shown(response: TestResponse, status: int = 200) -> str:
    """The HTML of an answer with this status."""
    text = response.get_data(as_text=True)
    assert response.status_code == status, f"{response.status_code} {response.headers.get('Location')} {words(text)}"
    assert response.content_type == "text/html; charset=utf-8"
    return text


def words(html: str) -> str:
    """What a reader sees of it, roughly: no tags, no runs of white space."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)).strip()
