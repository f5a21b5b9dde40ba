"""miles audit seal, prove and check-proof: proofs on paper, and checked where there is no house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from app.audit import AuditError
from app.audit.keys import Signer
from app.cli import audit_checkpoints as commands
from app.config import Settings
from app.wiring import House
from tests.audit.sealed_logs import got, shop_under_checkpoints, sizes
from tests.support.http import Api


@pytest.fixture
def api(house: House) -> Api:
    """A log under three checkpoints."""
    return shop_under_checkpoints(house)


def run(settings: Settings, *words: str) -> Result:
    """One of the commands, on this house's database."""
    named = {command.name: command for command in commands.COMMANDS}
    environment = {
        "DATABASE_URL": settings.database_url,
        "DATABASE_OWNER_URL": settings.database_owner_url,
        "MILES_HOME": str(settings.home),
    }
    return CliRunner().invoke(named[words[0]], list(words[1:]), env=environment)


def test_on_the_command_line_the_log_is_sealed_and_proven(api: Api, settings: Settings, tmp_path: Path) -> None:
    sealed_before = sizes(api)[-1]
    assert run(settings, "seal").output.startswith(f"sealed {sealed_before + 1} events up to position ")
    assert run(settings, "seal").output == "nothing was appended since the last checkpoint\n"
    key = next((settings.home / "checkpoint-keys").iterdir())
    _, first, second, newest = sizes(api)
    for words, sentence in (
        (("1",), "Opened.v1, version 1 of "),
        (("1", "--size", str(second)), f"is number 1 of the {second} events that {key.stem} signed at "),
        (("--consistency", str(first), str(newest)), f"the log of {newest} events begins with the {first} "),
    ):
        proof = tmp_path / "proof.json"
        proof.write_text(run(settings, "prove", *words).output)
        elsewhere = Settings(home=tmp_path / "elsewhere", database_url="postgresql://nobody@127.0.0.1:1/none")
        checked = run(elsewhere, "check-proof", str(proof), "--public-key", str(key))
        assert checked.exit_code == 0, checked.output
        assert sentence in checked.output
        assert not elsewhere.home.exists(), "it needs no house"


def test_the_proof_of_the_command_line_is_that_of_the_api(api: Api, settings: Settings) -> None:
    assert json.loads(run(settings, "prove", "3").output) == got(api, "/audit/events/3/proof")


def test_a_bad_proof_or_a_strangers_key_ends_with_status_1(api: Api, settings: Settings, tmp_path: Path) -> None:
    proof, key = tmp_path / "proof.json", next((settings.home / "checkpoint-keys").iterdir())
    document = got(api, "/audit/events/2/proof")
    Signer(tmp_path / "stranger").signed(next(api.house.checkpoints.after()))
    for text, trusted in (
        (json.dumps({**document, "index": 0}), key),
        ("{}", key),
        (json.dumps(document), tmp_path / "stranger" / "checkpoint-keys"),
    ):
        proof.write_text(text)
        ended = run(settings, "check-proof", str(proof), "--public-key", str(trusted))
        assert ended.exit_code == 1
        assert isinstance(ended.exception, AuditError)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("0",),
        ("x",),
        ("1", "--consistency", "1", "2"),
        ("--consistency", "1"),
        ("--consistency", "1", "2", "--size", "3"),
        ("--size", "3"),
    ],
)
def test_words_that_make_no_sense_together_are_refused(settings: Settings, words: tuple[str, ...]) -> None:
    assert run(settings, "prove", *words).exit_code == 2
