"""What stops a seal: nothing is signed over a history that was changed, whoever changed it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.audit import AuditError, sealing
from app.audit.keys import Signer, TrustedKeys, Untrusted
from app.audit.outside import OutsideFile
from app.audit.sealing import CannotSeal
from app.config import Settings
from app.database import Database
from app.wiring import House, build
from tests.audit.sealed_logs import append, forget_seals, kept, sealed
from tests.support.clock import Clock
from tests.support.tables import snapshot_of_tables

EVENTS = 600
"""Over more than two tiles."""


def assert_refused(house: House, owner: Database, outside: OutsideFile, match: str) -> None:
    """Nothing is signed, and nothing is written anywhere."""
    append(house)
    tables, notes = snapshot_of_tables(owner), outside.path.read_bytes() if outside.path.exists() else None
    with pytest.raises(AuditError, match=match):
        house.seal()
    assert snapshot_of_tables(owner) == tables
    assert (outside.path.read_bytes() if outside.path.exists() else None) == notes


TAMPERINGS: dict[str, tuple[str, str]] = {
    "a hash of the tree's open row": (
        "UPDATE tree SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE level = 0 AND tile = 2",
        "has not the root",
    ),
    "a hash above": (
        "UPDATE tree SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE level = 1",
        "has not the root",
    ),
    "a row of the tree": ("DELETE FROM tree WHERE level = 1", "lacks hashes"),
    "the last checkpoint's root": ("UPDATE checkpoints SET root = sha256(root) WHERE size = 600", "altered"),
    "the last checkpoint's size": ("UPDATE checkpoints SET size = 601 WHERE size = 600", "altered"),
    "the last checkpoint's key": ("UPDATE checkpoints SET key_id = '00000000' WHERE size = 600", "not trusted here"),
}


@pytest.mark.parametrize("what", TAMPERINGS)
def test_nothing_is_signed_on_top_of_what_its_owner_altered(
    house: House, owner: Database, outside: OutsideFile, what: str
) -> None:
    statement, complaint = TAMPERINGS[what]
    sealed(house, EVENTS)
    assert owner.execute(statement) == 1
    assert_refused(house, owner, outside, complaint)


def without_triggers(owner: Database, *statements: str) -> None:
    """What the table's owner can do to the log."""
    owner.execute("ALTER TABLE events DISABLE TRIGGER ALL")
    for statement in statements:
        owner.execute(statement)
    owner.execute("ALTER TABLE events ENABLE TRIGGER ALL")


@pytest.mark.parametrize(
    ("statement", "complaint"),
    [
        ("UPDATE events SET hash = sha256(hash) WHERE position = 17", "has not the root"),
        ("DELETE FROM events WHERE position = 17", "the log has 599 there: events were removed or inserted"),
        ("DELETE FROM events WHERE position > 590", "the log has 590 there"),
    ],
)
def test_a_database_that_forgot_its_checkpoints_is_held_to_the_file_outside(
    house: House, owner: Database, outside: OutsideFile, statement: str, complaint: str
) -> None:
    sealed(house, EVENTS)
    without_triggers(owner, statement)
    forget_seals(owner)
    with pytest.raises(CannotSeal, match=complaint):
        house.seal()
    assert kept(house) == []
    assert len(list(outside)) == 1


def test_a_note_outside_that_the_log_does_not_have_stops_the_seal(
    house: House, settings: Settings, owner: Database, outside: OutsideFile
) -> None:
    """As after a restore of the database to an earlier day."""
    first = sealed(house, 10)
    signer = Signer(settings.home)
    outside.path.write_text(signer.signed(first._replace(root=bytes(32))).note())
    assert_refused(house, owner, outside, "has not the root")
    outside.append(signer.signed(first._replace(size=99, position=99)))
    assert_refused(house, owner, outside, "a checkpoint over 99 events up to position 99, and the log has")


def test_a_file_outside_that_was_altered_stops_the_seal(house: House, owner: Database, outside: OutsideFile) -> None:
    sealed(house, 10)
    notes = outside.path.read_text()
    outside.path.write_text(notes.replace("position 10", "position 11"))
    assert_refused(house, owner, outside, "altered")
    outside.path.write_text(notes.replace("position 10", "Position 10"))
    assert_refused(house, owner, outside, "the file was altered")


def test_a_house_that_moved_goes_on_once_it_is_given_the_old_public_key(
    house: House, settings: Settings, clock: Clock, tmp_path: Path
) -> None:
    first = sealed(house, 10)
    append(house)
    home = tmp_path / "moved"
    moved = build(Settings(home=home, database_url=settings.database_url), clock=clock)
    with pytest.raises(Untrusted, match="not trusted here"):
        moved.seal()
    (home / "checkpoint-keys").mkdir(parents=True)
    public = f"{first.key_id}.pem"
    (home / "checkpoint-keys" / public).write_bytes((settings.home / "checkpoint-keys" / public).read_bytes())
    second = moved.seal()
    moved.close()
    assert second is not None and second.key_id != first.key_id
    assert list(OutsideFile(home / "checkpoints.log")) == [second]
    TrustedKeys(home / "checkpoint-keys").verify(first)
    with pytest.raises(Untrusted):
        house.seal()


@pytest.mark.parametrize("held", [10, 3])
def test_a_lock_of_somebody_elses_that_holds_the_mark_back_is_told_and_not_taken_for_a_quiet_minute(
    house: House, owner: Database, outside: OutsideFile, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    sealed(house, 10)
    with owner.connection() as other, other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", (held,))
        append(house)
        assert house.seal() is None, "an append may be under way"
        monkeypatch.setattr(sealing, "HELD_S", 0.0)
        assert_refused(house, owner, outside, f"events past position 10 .* holds the advisory lock {held} ")
        cursor.execute("SELECT pg_advisory_unlock_shared(%s)", (held,))
    assert sealed(house).size == 13
    assert house.seal() is None
