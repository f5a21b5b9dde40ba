"""The command line: what it prints, its exit status, its one line of error."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jwt
import pytest

from app.catalog.importing import MAX_LISTED
from app.config import Settings
from app.database import Database
from app.projections.cloning import BESIDE
from app.projections.rebuild import MARK
from app.usecases.adjust_points import Adjustment
from app.wiring import House
from tests.cli.conftest import Run
from tests.support.clock import Clock
from tests.support.postgres import Addresses
from tests.support.tables import snapshot_of_tables


def refused(ran: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command says on standard error."""
    assert ran.returncode != 0
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert line.startswith("miles: ")
    return line


def test_every_command_has_help(miles: Run) -> None:
    commands = ["", "serve", "token", "expire", "scheduler", "projections", "catalog", "panel", "db"]
    nested = [
        "projections rebuild",
        "projections verify",
        "projections status",
        "catalog import",
        "panel add-user",
        "panel remove-user",
        "panel users",
        "panel link",
        "db migrate",
        "db url",
    ]
    for command in [*commands, *nested]:
        ran = miles(*command.split(), "--help")
        assert ran.returncode == 0, command
        assert ran.stdout.startswith("Usage: "), command


def test_the_version_is_printed_alone(miles: Run) -> None:
    assert miles("--version").stdout == "0.1.0\n"


@pytest.mark.parametrize("command", ["", "db", "projections"])
def test_a_command_left_unfinished_shows_what_there_is(miles: Run, command: str) -> None:
    ran = miles(*command.split())
    assert ran.returncode == 2
    assert ran.stdout.startswith(f"Usage: miles {command}".rstrip())
    assert len(ran.stdout.splitlines()) > 3


@pytest.mark.parametrize("content", [None, "not json", "[]", '{"keys": []}'])
def test_serving_with_a_key_set_that_is_none_is_refused_at_once(
    miles: Run, tmp_path: Path, content: str | None
) -> None:
    keys = tmp_path / "keys.json"
    if content is not None:
        keys.write_text(content)
    trust = {"JWT_JWKS": str(keys), "JWT_ISSUER": "us", "JWT_AUDIENCE": "shop"}
    assert "JWT_JWKS" in refused(miles("serve", **trust))


def test_a_role_that_may_not_migrate_is_told_who_may(miles: Run, owner: Database) -> None:
    owner.execute("DELETE FROM schema_migrations WHERE version = '0005'")
    assert "DATABASE_OWNER_URL" in refused(miles("expire", DATABASE_OWNER_URL=""))


def test_a_token_is_printed_alone_and_carries_user_and_roles(miles: Run) -> None:
    ran = miles("token", "ann", "--role", "customer", "--role", "admin")
    (token,) = ran.stdout.splitlines()
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["sub"], claims["roles"]) == ("ann", ["customer", "admin"])
    assert claims["exp"] > claims["iat"]


@pytest.mark.parametrize(
    "arguments",
    [("token", "a/b", "--role", "admin"), ("token", "ann"), ("token", "ann", "--role", "king"), ("nonsense",)],
)
def test_what_cannot_be_is_refused_in_one_line(miles: Run, arguments: tuple[str, ...]) -> None:
    refused(miles(*arguments))


def test_no_token_is_made_where_others_sign_them(miles: Run) -> None:
    trust = {"JWT_JWKS": "/nowhere.json", "JWT_ISSUER": "us", "JWT_AUDIENCE": "shop"}
    assert "JWT_JWKS" in refused(miles("token", "ann", "--role", "customer", **trust))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("MILES_WORKERS", "0"),
        ("MILES_SAMPLE_DATA", "yes"),
        ("MILES_TIMEZONE", "Mars/Olympus"),
        ("MILES_CURRENCY", "rupees"),
        ("PAYMENT_GATEWAY", "gold"),
        ("DATABASE_URL", "mysql://x"),
        ("JWT_JWKS", "keys.json"),
    ],
)
def test_a_setting_that_cannot_work_is_named(miles: Run, name: str, value: str) -> None:
    assert name in refused(miles("token", "ann", "--role", "customer", **{name: value}))


def test_a_database_that_is_not_there_is_said_in_one_line(miles: Run) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/none"
    refused(miles("expire", DATABASE_URL=nowhere, DATABASE_OWNER_URL=nowhere))


def test_addresses_are_printed_alone(miles: Run, addresses: Addresses) -> None:
    assert miles("db", "url").stdout == addresses.app + "\n"
    assert miles("db", "url", "--owner").stdout == addresses.owner + "\n"


def test_an_address_that_was_never_made_is_an_error(miles: Run, tmp_path: Path) -> None:
    refused(miles("db", "url", DATABASE_URL="", MILES_HOME=str(tmp_path / "empty")))


def test_migrating_again_finds_nothing_to_do(miles: Run) -> None:
    ran = miles("db", "migrate")
    assert (ran.returncode, ran.stdout) == (0, "the schema is current\n")


def test_the_sweep_by_hand_takes_what_lapsed_once(miles: Run, house: House, clock: Clock) -> None:
    clock.move(days=-400)
    house.adjust_points(Adjustment("ann", 200, "gift", "root", "k"))
    assert miles("expire").stdout == "200 points of 1 accounts expired\n"
    assert miles("expire").stdout == "0 points of 0 accounts expired\n"


def test_products_are_imported_and_bad_lines_reported_with_their_numbers(
    miles: Run, house: House, tmp_path: Path
) -> None:
    good = {"sku": "A", "name": "Bottle", "brand": "Bhoomi", "category": "Kitchen", "price": 50000}
    file = tmp_path / "products.ndjson"
    file.write_text(f"{json.dumps(good)}\n{json.dumps({**good, 'sku': 'B', 'price': -1})}\n")
    ran = miles("catalog", "import", file.name)
    assert ran.returncode == 1
    assert ran.stdout == "1 created, 0 updated, 1 rejected\n"
    assert ran.stderr.startswith("line 2: price")
    assert house.database.rows("SELECT sku FROM products") == [("A",)]
    file.write_text(json.dumps(good) + "\n")
    assert miles("catalog", "import", str(file)).stdout == "0 created, 1 updated, 0 rejected\n"


def test_bad_products_past_those_that_are_listed_are_told_in_number(miles: Run, tmp_path: Path) -> None:
    file = tmp_path / "products.ndjson"
    file.write_text("no product\n" * (MAX_LISTED + 7))
    ran = miles("catalog", "import", file.name)
    assert ran.returncode == 1
    assert ran.stdout == f"0 created, 0 updated, {MAX_LISTED + 7} rejected\n"
    listed = ran.stderr.splitlines()
    assert len(listed) == MAX_LISTED + 1
    assert listed[-2].startswith(f"line {MAX_LISTED}: ")
    assert listed[-1] == "… and 7 more"


def test_verify_passes_on_an_honest_log_and_fails_on_a_changed_row(
    miles: Run, house: House, settings: Settings
) -> None:
    house.adjust_points(Adjustment("ann", 200, "gift", "root", "k"))
    ran = miles("projections", "verify")
    assert (ran.returncode, ran.stderr) == (0, "")
    house.database.execute("UPDATE balances SET balance = 201")
    ran = miles("projections", "verify")
    assert ran.returncode == 1
    assert "balances" in ran.stdout


def test_status_shows_how_far_each_read_model_is(miles: Run, house: House) -> None:
    house.adjust_points(Adjustment("ann", 200, "gift", "root", "k"))
    house.daily.catch_up()
    lines = miles("projections", "status").stdout.splitlines()
    assert lines[0].split() == ["log", "2"]
    assert [line.split()[:2] for line in lines[1:]] == [
        [name, "2"] for name in ("balances", "lots", "orders", "transactions", "rules", "daily")
    ]


def test_a_rebuild_heals_what_somebody_changed_and_says_what_it_did(miles: Run, house: House) -> None:
    house.adjust_points(Adjustment("ann", 200, "gift", "root", "k"))
    house.database.execute("UPDATE balances SET balance = 201")
    ran = miles("projections", "rebuild")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.fullmatch(
        r"2 events folded into 6 read models up to position 2 in \d+\.\d s \(\d+ a second\);"
        r" appends waited \d+ ms at most\n",
        ran.stdout,
    )
    assert miles("projections", "verify").returncode == 0


def test_a_rebuild_that_cannot_be_is_refused_in_one_line(miles: Run, house: House, owner: Database) -> None:
    house.adjust_points(Adjustment("ann", 200, "gift", "root", "k"))
    before = snapshot_of_tables(owner)
    assert "DATABASE_OWNER_URL" in refused(miles("projections", "rebuild", DATABASE_OWNER_URL=""))
    owner.execute("CREATE VIEW report AS SELECT balance FROM balances")
    assert "view report" in refused(miles("projections", "rebuild"))
    assert snapshot_of_tables(owner) == before


def test_status_tells_of_a_rebuild_that_died(miles: Run, owner: Database) -> None:
    owner.execute(f"CREATE SCHEMA {BESIDE}; COMMENT ON SCHEMA {BESIDE} IS '{MARK}'")
    assert miles("projections", "status").stdout.splitlines()[-1].split()[:3] == ["rebuild", "left", "over"]
    assert miles("projections", "rebuild").returncode == 0
    assert miles("projections", "status").stdout.splitlines()[-1].split()[0] == "daily"


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[Path]:
    """A folder with an `app` of its own, which is not ours to run."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "__init__.py").write_text("raise SystemExit('the wrong app')\n")
    yield tmp_path


def test_an_app_folder_where_one_stands_is_not_taken_for_ours(miles: Run, stranger: Path) -> None:
    assert miles("token", "ann", "--role", "customer").returncode == 0
