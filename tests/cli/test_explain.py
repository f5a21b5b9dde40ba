"""miles audit explain: a table and a statement for people, JSON for programs, and nothing that steers the terminal."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.cli.audit_accounts import explain
from app.domain.errors import DomainError
from app.wiring import House
from tests.support.postgres import Addresses
from tests.support.shop import TIMEOUT, Shop


@pytest.fixture
def shop(house: House) -> Shop:
    return Shop(house)


@pytest.fixture
def environment(addresses: Addresses, tmp_path: Path) -> dict[str, str]:
    return {"DATABASE_URL": addresses.app, "DATABASE_OWNER_URL": addresses.owner, "MILES_HOME": str(tmp_path)}


def explained(environment: dict[str, str], *arguments: str) -> Result:
    """What the command did."""
    return CliRunner().invoke(explain, arguments, env=environment)


def test_people_get_a_table_of_lots_and_the_statement(shop: Shop, environment: dict[str, str]) -> None:
    shop.give(points=100, reason="[bold]welcome[/bold] \x1b[31m")
    order = shop.buy(points=30).order_id
    shop.buy(points=20, method=TIMEOUT)
    ran = explained(environment, "ann")
    assert ran.exit_code == 0, ran.output
    explanation = shop.house.explanations.of("ann")
    assert explanation is not None
    (row,) = [line.split() for line in ran.stdout.splitlines() if f"order {str(order)[:8]}…" in line]
    assert [cell for cell in row if cell in ("2", "50", "available")] == ["2", "50", "50", "available"]
    assert "\n\n".join(explanation.statement[1:]) in ran.stdout
    assert "(“[bold]welcome[/bold] \\x1b[31m”)" in ran.stdout
    assert "\x1b" not in ran.stdout


def test_who_read_about_whom_is_on_record_before_it_is_shown(shop: Shop, environment: dict[str, str]) -> None:
    shop.give()
    assert explained(environment, "ann", "--as", "ravi").exit_code == 0
    assert explained(environment, "ann", "--as", "a/b").exit_code == 2
    (reading,) = shop.house.readings.newest(10)
    assert (reading.reader, reading.action, reading.user) == ("ravi", "miles audit explain", "ann")


def test_what_was_asked_in_vain_is_on_record_too_and_names_nobody(shop: Shop, environment: dict[str, str]) -> None:
    assert explained(environment, "nobody", "--as", "ravi").exit_code == 1
    (reading,) = shop.house.readings.newest(10)
    assert reading[2:] == ("ravi", "miles audit explain", None, "refused: unknown_account")


def test_programs_get_the_explanation_as_ascii(shop: Shop, environment: dict[str, str]) -> None:
    shop.give(points=100, reason="\x9b31m\u202ered 水")
    ran = explained(environment, "ann", "--json")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.isascii()
    found = json.loads(ran.stdout)
    assert found["lots"][0]["trace"][0]["reason"] == "\x9b31m\u202ered 水"
    assert (found["user"], found["balance"]) == ("ann", 100)


def test_a_member_without_lots_gets_a_sentence(shop: Shop, environment: dict[str, str]) -> None:
    shop.buy(price=1)
    ran = explained(environment, "ann")
    assert ran.exit_code == 0, ran.output
    assert ran.stdout.strip().endswith("ann can spend 0 points.")
    assert len(ran.stdout.strip().splitlines()) == 1


def test_who_has_no_account_is_unknown(shop: Shop, environment: dict[str, str]) -> None:
    shop.give(points=1)
    ran = explained(environment, "zed")
    assert isinstance(ran.exception, DomainError)
    assert (ran.exception.code, ran.stdout) == ("unknown_account", "")
