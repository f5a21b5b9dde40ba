"""miles accounts forget: what it says, when it asks, and what it does not do when it is not sure."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from app.config import PROJECT
from app.database import Database
from app.wiring import House
from tests.cli.conftest import Run
from tests.support.postgres import Addresses
from tests.support.shop import TIMEOUT, Shop
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop that knows ann, and in whose words she stands."""
    shop = Shop(house)
    shop.give("ann", 100, reason="hello ann")
    shop.give("bob", 100, reason="as ann has")
    return shop


def names(owner: Database) -> list[str]:
    return [user for (user,) in owner.rows("SELECT user_id FROM directory WHERE user_id IS NOT NULL ORDER BY 1")]


def test_it_says_what_it_did(miles: Run, shop: Shop, owner: Database) -> None:
    ran = miles("accounts", "forget", "ann")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "forgotten; texts about them blanked: 1, other texts changed: 1\n"
    assert names(owner) == ["bob", "root"]
    assert [line["reason"] for line in shop.feed("bob")] == ["as (forgotten) has"]
    assert shop.differences() == []


def test_a_second_time_and_an_unknown_user_are_one_line_and_status_1(miles: Run, shop: Shop, owner: Database) -> None:
    assert miles("accounts", "forget", "ann").returncode == 0
    before = snapshot_of_tables(owner)
    for user in ("ann", "nobody", "a/b", "", "x" * 129, os.fsdecode(b"\xff")):
        ran = miles("accounts", "forget", user)
        assert (ran.returncode, ran.stdout) == (1, ""), user
        (line,) = ran.stderr.splitlines()
        assert line.startswith("miles: ") and line.endswith("is not known here; who was forgotten is not, either")
    assert snapshot_of_tables(owner) == before


def test_whose_order_waits_for_the_gateway_is_one_line_and_status_1_but_for_even_so(
    miles: Run, shop: Shop, owner: Database
) -> None:
    shop.buy("ann", method=TIMEOUT)
    before = snapshot_of_tables(owner)
    ran = miles("accounts", "forget", "ann")
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith("miles: orders of 'ann' that wait for the payment gateway: 1; `miles recover` first")
    assert snapshot_of_tables(owner) == before
    assert miles("accounts", "forget", "ann", "--even-so").returncode == 0
    assert names(owner) == ["bob", "root"]


def test_it_has_help_and_wants_a_user(miles: Run) -> None:
    assert "Nobody can undo it" in " ".join(miles("accounts", "forget", "--help").stdout.split())
    assert miles("accounts", "forget").returncode == 2


@pytest.mark.parametrize(("answer", "status", "left"), [("y", 0, ["bob", "root"]), ("n", 130, ["ann", "bob", "root"])])
def test_where_a_person_watches_it_asks_first(
    addresses: Addresses, tmp_path: Path, shop: Shop, owner: Database, answer: str, status: int, left: list[str]
) -> None:
    assert answered_at_a_terminal(addresses, tmp_path, answer) == (status, True)
    assert names(owner) == left


def test_with_yes_it_does_not_ask(addresses: Addresses, tmp_path: Path, shop: Shop, owner: Database) -> None:
    assert answered_at_a_terminal(addresses, tmp_path, "n", "--yes") == (0, False)
    assert names(owner) == ["bob", "root"]


def answered_at_a_terminal(addresses: Addresses, home: Path, answer: str, *options: str) -> tuple[int, bool]:
    """Forget ann at a terminal where somebody types `answer`: the status, and whether there was a question."""
    mine, terminal = pty.openpty()
    environ = {
        **os.environ,
        "DATABASE_URL": addresses.app,
        "DATABASE_OWNER_URL": addresses.owner,
        "MILES_HOME": str(home),
    }
    os.write(mine, f"{answer}\n".encode())
    ran = subprocess.run(
        [PROJECT / "bin" / "miles", "accounts", "forget", "ann", *options],
        env=environ,
        cwd=home,
        stdin=terminal,
        capture_output=True,
        text=True,
        check=False,
    )
    os.close(terminal)
    os.close(mine)
    return ran.returncode, "Forget 'ann' for good?" in ran.stderr
