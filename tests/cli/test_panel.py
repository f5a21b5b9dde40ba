"""miles panel: who may use the panel."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from app.auth.passwords import is_right
from app.config import PROJECT, Settings, from_environment
from app.database import Database
from app.wiring import House
from tests.cli.conftest import Run
from tests.cli.test_commands import refused
from tests.support.panel import Panel
from tests.support.postgres import Addresses
from tests.support.tables import snapshot_of_tables

EMAIL, PASSWORD = "desk@example.com", "correct horse battery"


@pytest.fixture
def add_user(addresses: Addresses, tmp_path: Path) -> Run:
    """`miles panel add-user` with a line on its standard input."""

    def run(*arguments: str, password: str = PASSWORD) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "DATABASE_URL": addresses.app, "MILES_HOME": str(tmp_path)}
        command = [PROJECT / "bin" / "miles", "panel", "add-user", *arguments]
        return subprocess.run(command, env=environ, input=f"{password}\n", capture_output=True, text=True, check=False)

    return run


def test_a_user_is_added_with_a_password_changed_listed_and_removed(miles: Run, add_user: Run, house: House) -> None:
    assert miles("panel", "users").stdout == "nobody yet: miles panel add-user EMAIL\n"
    assert add_user("Desk@Example.com").stdout == f"{EMAIL} may use the panel as admin\n"
    found = house.panel_users.find(EMAIL)
    assert found is not None and is_right(PASSWORD, found.password_hash)
    assert add_user(EMAIL, "--role", "auditor").stdout == f"{EMAIL} is changed, and logged out\n"
    assert miles("panel", "users").stdout == f"{EMAIL}  auditor\n"
    assert miles("panel", "remove-user", EMAIL).stdout == f"{EMAIL} may no longer use the panel\n"
    assert house.panel_users.find(EMAIL) is None
    assert "does not use the panel" in refused(miles("panel", "remove-user", EMAIL))


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        (EMAIL, "short", "a password has 12 to 1024 characters"),
        ("desk", PASSWORD, "is not an e-mail address"),
        ("@example.com", PASSWORD, "is not an e-mail address"),
        ("de sk@example.com", PASSWORD, "is not an e-mail address"),
        ("a/b@example.com", PASSWORD, "is not an e-mail address"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    add_user: Run, owner: Database, email: str, password: str, said: str
) -> None:
    before = snapshot_of_tables(owner)
    assert said in refused(add_user(email, password=password))
    assert snapshot_of_tables(owner) == before


def test_a_link_lets_its_user_in_once(miles: Run, add_user: Run, house: House) -> None:
    assert "does not use the panel" in refused(miles("panel", "link", EMAIL))
    add_user(EMAIL)
    link = miles("panel", "link", EMAIL, PORT="8765").stdout.strip()
    assert link.startswith("http://127.0.0.1:8765/panel/enter/")
    path = link.removeprefix("http://127.0.0.1:8765")
    assert Panel(house).nobody().enter(path).headers["Location"] == "/panel/"
    assert Panel(house).nobody().enter(path).headers["Location"] == "/panel/login"


def test_forgetting_a_person_takes_their_access_to_the_panel(miles: Run, add_user: Run, house: House) -> None:
    add_user(EMAIL)
    Panel(house).as_admin(EMAIL).submit("/panel/member?user=ann", action="member?", points="5", reason="x")
    assert miles("accounts", "forget", EMAIL).returncode == 0
    assert house.panel_users.all() == []


@pytest.mark.parametrize(
    ("environ", "is_open"),
    [
        ({}, True),
        ({"HOST": "localhost"}, True),
        ({"HOST": "0.0.0.0"}, False),
        ({"DATABASE_URL": "postgresql://db/miles"}, False),
        ({"JWT_JWKS": "k", "JWT_ISSUER": "i", "JWT_AUDIENCE": "a"}, False),
    ],
)
def test_one_signs_in_by_name_where_nobody_else_can_reach_the_house(environ: dict[str, str], is_open: bool) -> None:
    settings: Settings = from_environment(environ)
    assert settings.is_for_trying_out is is_open
