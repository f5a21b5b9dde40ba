"""The storefront's own server side: its pages as they are sent, and signing in by name, where that is on at all."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import Client, TestResponse

from app import shop, site
from app.audit.money import OTHER_THAN_TWO
from app.shop import pages
from app.shop.pages import PAGES
from app.web.headers import POLICY
from app.wiring import House

FOLDER = Path(shop.__file__).parent
FILES = sorted((FOLDER / "pages").glob("*.html"))
HERE = {"Host": "127.0.0.1:8000"}


@pytest.fixture
def client(house: House) -> Client:
    """A client of the whole site, where a token is needed."""
    return Client(site.whole(house))


@pytest.fixture
def sign_in(house: House) -> Callable[..., TestResponse]:
    """Posts to a site that is there for trying out."""
    house.settings = replace(house.settings, signs_in_by_name=True)
    client = Client(site.whole(house))

    def post(user: object = "asha.rao", headers: dict[str, str] = HERE, **options: object) -> TestResponse:
        body = options or {"json": {"user": user}}
        return client.post("/shop/sign-in", headers=headers, **body)

    return post


@pytest.mark.parametrize("path", PAGES)
def test_each_page_is_sent_with_the_policy_and_is_not_sent_twice(client: Client, path: str) -> None:
    answer = client.get(f"/shop{path}")
    assert answer.status_code == 200
    assert answer.mimetype == "text/html"
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get(f"/shop{path}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize(
    ("name", "kind"), [("shop.js", "text/javascript"), ("shop.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_what_the_pages_load_is_sent_packed_and_asked_after(client: Client, name: str, kind: str) -> None:
    answer = client.get(f"/shop/static/{name}", headers={"Accept-Encoding": "br"})
    assert (answer.status_code, answer.mimetype) == (200, kind)
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["ETag"]
    assert len(answer.data) < 20_000


def test_the_folder_without_its_slash_leads_into_it(client: Client) -> None:
    answer = client.get("/shop?q=water+bottle")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/shop/?q=water+bottle")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_page_holds_what_the_policy_forbids(file: Path) -> None:
    text = file.read_text()
    assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|data:|https?://", text) == []
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []


def test_the_script_never_makes_html_of_data_and_the_sheet_loads_nothing() -> None:
    script = (FOLDER / "static" / "shop.js").read_text()
    assert re.findall(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|new Function", script) == []
    assert re.findall(r"url\(|@import", (FOLDER / "static" / "shop.css").read_text()) == []


def test_all_pages_have_the_same_frame() -> None:
    def frame(file: Path) -> str:
        text = re.sub(r"<main.*</main>", "", file.read_text(), flags=re.DOTALL)
        return re.sub(r' aria-current="page"|data-page="[\w-]+"|<title>.*</title>', "", text)

    assert len({frame(file) for file in FILES if file.stem != "error"}) == 1


def test_a_page_that_is_not_there_is_said_in_a_page(client: Client) -> None:
    answer = client.get("/shop/no/such<b>page")
    assert answer.status_code == 404
    assert "There is no such page" in answer.text
    assert 'href="/shop/static/shop.css"' in answer.text
    assert answer.headers["Content-Security-Policy"] == POLICY
    for other in ("../pages/error.html", "..%2f__init__.py", "none.js"):
        assert client.get(f"/shop/static/{other}").status_code == 404
    assert client.put("/shop/basket").json["code"] == "method_not_allowed"


def test_a_failure_shows_no_trace(house: House) -> None:
    app = shop.create_app(house)

    @app.get("/fails")
    def fails() -> str:
        raise RuntimeError("what nobody should see")

    answer = app.test_client().get("/fails")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert "nobody should see" not in answer.text


def test_a_name_signs_in_where_the_house_is_for_trying_out(
    house: House, sign_in: Callable[..., TestResponse], client: Client
) -> None:
    answer = sign_in("O'Brien|100%<script>🎉")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    token = {"Authorization": f"Bearer {answer.json['token']}"}
    assert client.get("/user/points", headers=token).json["user"] == "O'Brien|100%<script>🎉"
    assert client.get("/admin/accounts", headers=token).status_code == 403
    assert Client(site.whole(house)).get("/shop/sign-in/options").json == {"by_name": True}


def test_elsewhere_no_name_signs_in(client: Client, tmp_path: Path) -> None:
    assert client.get("/shop/sign-in/options").json == {"by_name": False}
    answer = client.post("/shop/sign-in", json={"user": "asha.rao"}, headers=HERE)
    assert (answer.status_code, answer.mimetype, answer.json["code"]) == (404, "application/problem+json", "not_found")
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000"])
@pytest.mark.parametrize("fetch_site", ["same-origin", "none", None])
def test_the_shops_own_page_signs_in(sign_in: Callable[..., TestResponse], host: str, fetch_site: str | None) -> None:
    headers = {"Host": host, **({"Sec-Fetch-Site": fetch_site} if fetch_site else {})}
    assert sign_in(headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {**HERE, "Sec-Fetch-Site": "cross-site"},
        {**HERE, "Sec-Fetch-Site": "same-site"},
        {"Host": "rebound.example:8000"},
        {"Host": "localhost.rebound.example"},
        {"Host": "127.0.0.1.rebound.example"},
        {"Host": "rebound.example", "Sec-Fetch-Site": "same-origin"},
        {"Host": "[::1"},
        {"Host": ""},
    ],
    ids=str,
)
def test_a_page_of_another_site_does_not(sign_in: Callable[..., TestResponse], headers: dict[str, str]) -> None:
    answer = sign_in(headers=headers)
    assert answer.status_code in (400, 403)
    assert "token" not in answer.text


@pytest.mark.parametrize("user", ["", "a/b", "a\nb", "x" * 129, "\ufffd", 7, None, ["asha.rao"], {"x": 1}])
def test_what_is_no_user_id_signs_nobody_in(
    house: House, sign_in: Callable[..., TestResponse], tmp_path: Path, user: object
) -> None:
    answer = sign_in(user)
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert answer.json["errors"]["user"]
    assert not (tmp_path / "secrets").exists()
    assert house.database.row("SELECT count(*) FROM events") == (0,)


@pytest.mark.parametrize(
    ("options", "status", "code"),
    [
        ({"data": "user=asha.rao", "content_type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"data": '{"user":"asha.rao"}', "content_type": "text/plain"}, 415, "unsupported_media_type"),
        ({"data": "{", "content_type": "application/json"}, 400, "malformed_json"),
        ({"data": b'{"user":"\xff"}', "content_type": "application/json"}, 400, "malformed_json"),
        ({"json": {"user": "asha.rao", "roles": ["admin"]}}, 422, "invalid_request"),
        ({"json": []}, 422, "invalid_request"),
        ({"data": b" " * 5000, "content_type": "application/json"}, 413, "refused"),
    ],
)
def test_a_body_that_is_none_is_refused(
    sign_in: Callable[..., TestResponse], options: dict[str, object], status: int, code: str
) -> None:
    answer = sign_in(**options)
    assert (answer.status_code, answer.json["code"]) == (status, code)


def test_the_shop_counts_in_the_same_minor_units_as_the_house() -> None:
    script = (pages.FOLDER / "static" / "shop.js").read_text()
    assert {
        int(decimals): codes for decimals, codes in re.findall(r'^  (\d): "([A-Z ]+)",$', script, re.MULTILINE)
    } == OTHER_THAN_TWO
