"""miles audit verify and export: what they print, their exit status, and that an export needs no database."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from app.database import Database
from app.wiring import House
from tests.cli.conftest import Run
from tests.support.shop import Shop

UNGUARDED = "ALTER TABLE events DISABLE TRIGGER events_append_only;"

FROM_EXPORT = ("audit", "verify", "--from-export", "log.ndjson")

NOWHERE = {"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "DATABASE_OWNER_URL": ""}


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop with six events, under no checkpoint yet."""
    shop = Shop(house)
    shop.give()
    shop.buy(points=100, price=10_000)
    return shop


def refused(ran: subprocess.CompletedProcess[str]) -> str:
    """The one line that a failed command says on standard error."""
    assert ran.returncode == 1, ran
    assert ran.stdout == ""
    (line,) = ran.stderr.splitlines()
    assert line.startswith("miles: ")
    return line.removeprefix("miles: ")


@pytest.mark.parametrize("command", ["", "verify", "export", "seal", "prove", "check-proof", "explain"])
def test_every_command_has_help(miles: Run, command: str) -> None:
    ran = miles("audit", *command.split(), "--help")
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"Usage: miles audit {command}".rstrip())


def test_the_help_says_what_a_verification_since_a_checkpoint_leaves_out(miles: Run) -> None:
    told = " ".join(miles("audit", "verify", "--help").stdout.split())
    assert "It says nothing of older events" in told
    assert "nor of the daily report" in told


def test_a_log_that_is_right_is_said_in_one_line(miles: Run, shop: Shop) -> None:
    assert miles("audit", "seal").returncode == 0
    ran = miles("audit", "verify")
    assert (ran.returncode, ran.stderr) == (0, "")
    said = re.sub(r"in [\d.]+ s \(\d+/s\)", "in no time", ran.stdout)
    assert said == (
        "verified 6 events of 2 streams up to position 6, under 1 checkpoint, in no time: nothing is wrong\n"
    )
    assert miles("audit", "verify", "--since", "6").stdout == "no event comes after position 6: nothing is wrong\n"


def test_a_log_that_is_wrong_is_said_in_one_line_and_in_the_status(miles: Run, shop: Shop, owner: Database) -> None:
    owner.execute(f"{UNGUARDED} UPDATE events SET metadata = '' WHERE position = 3")
    assert refused(miles("audit", "verify")).startswith("position 3: the hash of version 3 of the stream ")


def test_other_keys_may_be_trusted_in_place_of_the_houses_own(miles: Run, shop: Shop, tmp_path: Path) -> None:
    miles("audit", "seal")
    (key,) = (tmp_path / "checkpoint-keys").glob("*.pem")
    taken = key.rename(tmp_path / "taken.pem")
    assert "which is not trusted here" in refused(miles("audit", "verify"))
    assert miles("audit", "verify", "--public-key", str(taken)).returncode == 0
    taken.write_text("no key")
    assert "holds no public key" in refused(miles("audit", "verify", "--public-key", str(taken)))


def test_an_unknown_checkpoint_is_said_in_one_line(miles: Run, shop: Shop) -> None:
    assert refused(miles("audit", "verify", "--since", "99")) == "there is no checkpoint over 99 events"
    assert refused(miles("audit", "export", "log", "--checkpoint", "99")) == "there is no checkpoint over 99 events"


def test_an_export_is_sealed_written_and_verified_without_a_database(miles: Run, shop: Shop, tmp_path: Path) -> None:
    ran = miles("audit", "export", "log.ndjson")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "exported 6 events, from position 1 to 6\n", "")
    verified = miles(*FROM_EXPORT, **NOWHERE)
    assert verified.stdout.startswith("verified 6 events of 2 streams up to position 6, under 1 checkpoint")
    (key,) = (tmp_path / "checkpoint-keys").glob("*.pem")
    elsewhere = {**NOWHERE, "MILES_HOME": str(tmp_path / "elsewhere")}
    by_key = miles(*FROM_EXPORT, "--public-key", str(key), **elsewhere)
    assert by_key.returncode == 0
    assert not (tmp_path / "elsewhere").exists(), "nothing is made to verify a file"
    assert "not trusted here (trusted: none)" in refused(miles(*FROM_EXPORT, **elsewhere))


def test_an_export_that_was_changed_is_said_in_one_line(miles: Run, shop: Shop, tmp_path: Path) -> None:
    miles("audit", "export", "log.ndjson")
    file = tmp_path / "log.ndjson"
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    assert refused(miles(*FROM_EXPORT, **NOWHERE)).startswith("position 4: version ")
    file.write_bytes(b"\x80\n")
    assert refused(miles(*FROM_EXPORT, **NOWHERE)).startswith("line 1: ")


def test_an_export_goes_to_standard_output_alone(miles: Run, shop: Shop, tmp_path: Path) -> None:
    ran = miles("audit", "export", "-")
    assert ran.returncode == 0
    assert ran.stderr == "exported 6 events, from position 1 to 6\n"
    assert [json.loads(line).get("position") for line in ran.stdout.splitlines()] == [None, 1, 2, 3, 4, 5, 6]
    assert [path.name for path in tmp_path.iterdir() if "export" in path.name or path.name.startswith(".")] == []


def test_an_export_overwrites_nothing(miles: Run, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_text("mine")
    assert refused(miles("audit", "export", "log.ndjson")) == "log.ndjson exists, and an export overwrites nothing"
    assert (tmp_path / "log.ndjson").read_text() == "mine"


def test_an_export_that_fails_leaves_no_file(miles: Run, shop: Shop, owner: Database, tmp_path: Path) -> None:
    miles("audit", "seal")
    owner.execute(f"{UNGUARDED} DELETE FROM events WHERE position = 3")
    before = sorted(tmp_path.iterdir())
    assert "the log is not what the checkpoint over 6 events signed" in refused(miles("audit", "export", "log.ndjson"))
    assert sorted(tmp_path.iterdir()) == before


def test_an_empty_log_has_nothing_to_export(miles: Run, house: House) -> None:
    assert refused(miles("audit", "export", "log.ndjson")) == "there is no checkpoint at all: the log is empty"


def test_an_export_is_verified_whole(miles: Run, tmp_path: Path) -> None:
    (tmp_path / "log.ndjson").write_text("")
    ran = miles(*FROM_EXPORT, "--since", "3")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr == "miles: an export is verified whole: leave --since out\n"
