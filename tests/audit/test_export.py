"""Exports prove themselves: what was written verifies with the file and a public key, what was changed does not."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent

from app.audit import exported
from app.audit.export import CannotExport
from app.audit.exported import verify_export
from app.audit.keys import Signer, TrustedKeys
from app.audit.manifest import read_manifest, to_line
from app.config import PROJECT
from app.database import Database
from app.wiring import House
from tests.audit.exports import Exported, export, exported_log
from tests.support.postgres import TestServer
from tests.support.shop import Shop


@pytest.fixture(scope="module")
def file(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """One export for all tests."""
    with exported_log(postgres, tmp_path_factory.mktemp("home")) as made:
        yield made


def test_an_export_verifies_with_nothing_but_the_file_and_the_public_keys(file: Exported) -> None:
    report = verify_export(io.BytesIO(b"".join(file.lines)), file.trusted)
    positions = [json.loads(line)["position"] for line in file.lines[1:]]
    assert report.events == len(file.lines) - 1 == file.manifest["count"]
    assert (report.checkpoints, report.position) == (1, positions[-1])
    assert (file.manifest["first_position"], file.manifest["last_position"]) == (positions[0], positions[-1])
    assert report.position > report.events, "there are positions that nobody used"


def test_progress_comes_to_the_last_position(file: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exported, "MAX_BATCH", 30)
    told: list[tuple[int, int]] = []
    verify_export(io.BytesIO(b"".join(file.lines)), file.trusted, lambda *progress: told.append(progress))
    assert len(told) == -(-file.manifest["count"] // 30)
    assert told[-1] == (file.manifest["last_position"],) * 2


def test_the_same_log_under_the_same_checkpoint_is_exported_to_the_same_lines(house: House) -> None:
    shop = Shop(house)
    shop.give()
    first = export(house)
    size = json.loads(first.splitlines()[0])["count"]
    shop.give("bob")
    later = export(house)
    assert export(house, size) == first
    assert later.splitlines()[1 : size + 1] == first.splitlines()[1:]
    assert len(later.splitlines()) == size + 3


# -- whoever writes a file of their own


def forged(file: Exported, tmp_path: Path, lines: list[bytes], **changes: Any) -> list[bytes]:
    """The lines under a manifest with other values, signed by a key of the forger's own."""
    manifest = read_manifest(file.lines[0])
    other = msgspec.structs.replace(manifest, **changes)
    return [to_line(other.signed(Signer(tmp_path))), *lines]


def test_a_manifest_under_another_key_is_not_trusted(file: Exported, tmp_path: Path) -> None:
    lines = forged(file, tmp_path, file.lines[1:])
    assert "the manifest is signed by the key" in (file.wrong(lines) or "")
    assert "which is not trusted here" in (file.wrong(lines) or "")


def test_a_checkpoint_under_another_key_is_not_trusted_either(file: Exported, tmp_path: Path) -> None:
    theirs = Exported(b"".join(forged(file, tmp_path, file.lines[1:])), TrustedKeys(tmp_path / "checkpoint-keys"))
    assert "the checkpoint over" in (theirs.wrong(theirs.lines) or "")
    assert "which is not trusted here" in (theirs.wrong(theirs.lines) or "")


@pytest.mark.parametrize("changes", [{"count": 1}, {"last_position": 1}, {"root": "0" * 64}, {"note": "none"}])
def test_a_manifest_must_say_what_its_checkpoint_says(file: Exported, tmp_path: Path, changes: dict[str, Any]) -> None:
    """Even one whose signature is good."""
    lines = forged(file, tmp_path, file.lines[1:], **changes)
    both = Exported(b"".join(lines), TrustedKeys(tmp_path / "checkpoint-keys", *file.trusted._paths))
    assert (both.wrong(lines) or "").startswith("line 1: ")


# -- what is not exported


def test_an_empty_log_cannot_be_exported(house: House) -> None:
    with pytest.raises(CannotExport, match="there is no checkpoint at all: the log is empty"):
        export(house)


def test_a_checkpoint_that_there_is_not_cannot_be_exported(house: House) -> None:
    Shop(house).give()
    house.seal()
    with pytest.raises(CannotExport, match="there is no checkpoint over 1 events"):
        export(house, 1)


@pytest.mark.parametrize("edit", ["UPDATE events SET hash = sha256(hash) WHERE position = 1", "DELETE FROM events"])
def test_a_log_that_was_changed_is_not_exported(house: House, owner: Database, edit: str) -> None:
    Shop(house).give()
    house.seal()
    owner.execute(f"ALTER TABLE events DISABLE TRIGGER events_append_only; {edit}")
    written = io.BytesIO()
    with pytest.raises(CannotExport, match="the log is not what the checkpoint over 2 events signed"):
        house.export(house.export.checkpoint(2), written)
    assert written.getvalue() == b""


def test_a_log_that_is_changed_meanwhile_is_an_error(
    house: House, owner: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    Shop(house).give()
    house.seal()

    class Meddler(io.BytesIO):
        """Somebody who edits the log as soon as the manifest is written."""

        def write(self, content: Any) -> int:
            if not self.getvalue():
                edit = "UPDATE events SET metadata = '' WHERE position = 1"
                owner.execute(f"ALTER TABLE events DISABLE TRIGGER events_append_only; {edit}")
            return super().write(content)

    with pytest.raises(CannotExport, match="what was written is worthless"):
        house.export(house.export.checkpoint(2), Meddler())


def test_an_event_that_makes_no_sense_is_exported_and_found(house: House) -> None:
    """An export is made of what was sealed, right or wrong: to judge it is the verification's."""
    house.log.insert_events([StoredEvent(uuid4(), 1, "Noted.v1", b"{}")])
    file = Exported(export(house), house.trusted_keys)
    assert (file.wrong(file.lines) or "").startswith("position 1: the event cannot be read: ")


def test_the_documents_few_lines_of_python_find_the_root(file: Exported, tmp_path: Path) -> None:
    text = (PROJECT / "docs" / "formats" / "export.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "log.ndjson").write_bytes(b"".join(file.lines))
    ran = subprocess.run([sys.executable, "-c", script, tmp_path / "log.ndjson"], capture_output=True, check=True)
    assert ran.stdout == b"True\n"
