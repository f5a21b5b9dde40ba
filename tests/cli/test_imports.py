"""miles accounts import, miles orders import: files as shops send them, and what is said about each line."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from app.config import PROJECT
from app.database import Database
from app.domain.point_account import MAX_ADJUSTMENT
from app.usecases.importing import MAX_LISTED
from app.wiring import House
from tests.support.imports import BAD_ORDERS, BALANCES, GOOD, ORDERS, bytes_of
from tests.support.postgres import Addresses
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables

Start = Callable[..., "subprocess.Popen[str]"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def start(addresses: Addresses, tmp_path: Path) -> Start:
    """`bin/miles` on the test's own database, on its way."""

    def start(*arguments: str, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        environ = {
            **os.environ,
            "DATABASE_URL": addresses.app,
            "DATABASE_OWNER_URL": addresses.owner,
            "MILES_HOME": str(tmp_path),
        }
        command = [PROJECT / "bin" / "miles", *arguments]
        return subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=stderr, text=True, cwd=tmp_path, encoding="utf-8"
        )

    return start


@pytest.fixture
def miles(start: Start) -> Run:
    """The same, to its end."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        with start(*arguments) as process:
            out, err = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], str]:
    """A file with this content."""

    def write(content: str | bytes) -> str:
        file = tmp_path / "given.csv"
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file.name

    return write


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the house."""
    return Shop(house)


def refused(ran: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command says on standard error."""
    assert ran.returncode in (1, 2)
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert line.startswith("miles: ")
    return line


def test_past_orders_are_imported_once_and_bad_lines_reported_with_their_numbers(
    miles: Run, write: Callable[[str], str], shop: Shop
) -> None:
    lines = "ann,S-1,2025-03-31T10:00:00Z,50000\nbob,S-1,yesterday,50000\nann,S-2,2025-03-31T15:30:00+05:30,999\n"
    ran = miles("orders", "import", write(ORDERS + lines))
    assert ran.returncode == 1
    assert ran.stdout == "2 imported, 0 known, 1 rejected\n"
    assert ran.stderr == "line 3: paid_at: must be an RFC 3339 instant, such as 2025-01-31T18:00:00Z\n"
    assert shop.lines("ann") == [("earn", 50)]
    assert shop.house.directory.account_of("bob") is None
    ran = miles("orders", "import", write(ORDERS + lines.replace("yesterday", "2025-04-01T00:00:00.5Z")))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "1 imported, 2 known, 0 rejected\n", "")
    assert shop.differences() == []


def test_opening_balances_are_imported_once_on_behalf_of_whom_one_says(
    miles: Run, write: Callable[[str], str], shop: Shop
) -> None:
    file = write(BALANCES + "ann,500,2099-12-31T18:30:00Z,L-17\nbob,0,,L-18\ncem,5.0,,L-19\n")
    ran = miles("accounts", "import", file, "--as", "root")
    assert (ran.returncode, ran.stdout) == (1, "2 imported, 0 known, 1 rejected\n")
    assert ran.stderr == f"line 4: points: must be a whole number from 0 to {MAX_ADJUSTMENT}, in digits alone\n"
    (line,) = shop.feed("ann")
    assert (line["points"], line["actor"], line["reason"]) == (
        500, "root", "Opening balance of 500 points until 2099-12-31T18:30:00Z (reference L-17)",
    )  # fmt: skip
    assert (shop.names(shop.account("bob")), shop.house.directory.account_of("cem")) == (["Opened"], None)
    ran = miles("accounts", "import", write(BALANCES + "ann,501,,L-17\nann,500,2099-12-31T18:30:00Z,L-17\n"))
    assert ran.stdout == "0 imported, 1 known, 1 rejected\n"
    assert ran.stderr == "line 2: reference: was imported before with other values\n"
    assert shop.left("ann") == [500]


def test_bad_lines_write_nothing(miles: Run, write: Callable[[bytes], str], house: House, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    content = b"".join(bytes_of(bad) + b"\n" for bad, _ in BAD_ORDERS.values())
    ran = miles("orders", "import", write(ORDERS.encode() + content))
    assert (ran.returncode, ran.stdout) == (1, f"0 imported, 0 known, {len(BAD_ORDERS)} rejected\n")
    assert len(ran.stderr.splitlines()) == len(BAD_ORDERS)
    assert snapshot_of_tables(owner) == before


def test_what_cannot_be_imported_at_all_is_said_in_one_line(
    miles: Run, write: Callable[[str], str], tmp_path: Path, owner: Database
) -> None:
    before = snapshot_of_tables(owner)
    file = write(ORDERS + GOOD)
    assert "user,points,expires_at,reference" in refused(miles("accounts", "import", file))
    assert "nowhere.csv" in refused(miles("orders", "import", "nowhere.csv"))
    assert "directory" in refused(miles("orders", "import", str(tmp_path)))
    assert "--as" in refused(miles("accounts", "import", file, "--as", "a/b"))
    refused(miles("orders", "import"))
    assert snapshot_of_tables(owner) == before


def test_a_header_alone_is_an_import_of_nothing(miles: Run, write: Callable[[str], str]) -> None:
    ran = miles("orders", "import", write(ORDERS))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "0 imported, 0 known, 0 rejected\n", "")


def test_of_many_refused_lines_the_first_are_listed_and_the_rest_counted(
    miles: Run, write: Callable[[str], str]
) -> None:
    ran = miles("orders", "import", write(ORDERS + "no\n" * (MAX_LISTED + 3)))
    assert ran.stdout == f"0 imported, 0 known, {MAX_LISTED + 3} rejected\n"
    lines = ran.stderr.splitlines()
    assert (len(lines), lines[-2:]) == (MAX_LISTED + 1, [f"line {MAX_LISTED + 1}: has 1 fields, not 4", "and 3 more"])


@pytest.mark.parametrize("command", ["accounts", "orders"])
def test_both_commands_tell_what_a_line_is(miles: Run, command: str) -> None:
    assert "import" in miles(command, "--help").stdout
    columns = {"accounts": BALANCES, "orders": ORDERS}[command].strip()
    assert columns in miles(command, "import", "--help").stdout.replace("\n", "").replace(" ", "")


def test_a_person_who_watches_sees_a_bar(start: Start, write: Callable[[str], str]) -> None:
    screen, terminal = pty.openpty()
    with start("orders", "import", write(ORDERS + GOOD), stderr=terminal) as process:
        os.close(terminal)
        out, _ = process.communicate()
    shown = os.read(screen, 65_536).decode()
    os.close(screen)
    assert out == "1 imported, 0 known, 0 rejected\n"
    assert "given.csv" in shown
    assert "100%" in shown


def many(count: int) -> str:
    """So many orders of ₹500 each, by fifty members."""
    return ORDERS + "".join(f"user-{n % 50},S-{n},2025-03-31T10:00:00Z,50000\n" for n in range(count))


def total(owner: Database) -> tuple[int, int]:
    """How many orders there are, and how many points in all."""
    row = owner.row("SELECT (SELECT count(*) FROM orders), (SELECT coalesce(sum(balance), 0)::bigint FROM balances)")
    assert row is not None
    return row


def test_an_import_that_is_killed_is_completed_by_the_next(
    start: Start, miles: Run, write: Callable[[str], str], owner: Database, shop: Shop
) -> None:
    file = write(many(6_000))
    with start("orders", "import", file) as process:
        while total(owner)[0] == 0 and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    ran = miles("orders", "import", file)
    # What the dead process had sent may be written after its death: how many there were only the second run can tell.
    imported, known = (int(word) for word in ran.stdout.split()[:3:2])
    assert ran.stdout == f"{imported} imported, {known} known, 0 rejected\n"
    assert (imported + known, imported > 0, known > 0) == (6_000, True, True)
    assert total(owner) == (6_000, 300_000)
    assert shop.differences() == []


def test_two_processes_at_the_same_file_import_each_line_once(
    start: Start, write: Callable[[str], str], owner: Database, shop: Shop
) -> None:
    file = write(many(3_000))
    with start("orders", "import", file) as one, start("orders", "import", file) as other:
        told = [process.communicate() for process in (one, other)]
    assert [errors for _, errors in told] == ["", ""]
    counts = [[int(word) for word in out.split() if word.isdigit()] for out, _ in told]
    assert [imported + known for imported, known, _ in counts] == [3_000, 3_000]
    assert sum(imported for imported, _, _ in counts) == 3_000
    assert total(owner) == (3_000, 150_000)
    assert shop.differences() == []


def test_the_recipe_says_what_happens(miles: Run, tmp_path: Path) -> None:
    recipe = (PROJECT / "docs" / "recipes" / "moving-in.md").read_text(encoding="utf-8")
    ran = 0
    for kind, file, content in re.findall(r"^```(csv|console) ?(\S*)\n(.*?)^```$", recipe, re.DOTALL | re.MULTILINE):
        if kind == "csv":
            (tmp_path / file).write_text(content, encoding="utf-8")
            continue
        command, told = content.removeprefix("$ bin/miles ").split("\n", 1)
        done = miles(*command.split())
        assert (done.stderr + done.stdout, done.returncode == 1) == (told, "line " in told), command
        ran += 1
    assert ran == 4
