"""Checkpoints as text, as rows, in the file outside; and the keys behind them."""

from __future__ import annotations

import base64
import re
import stat
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from app.audit.checkpoints import Checkpoint, Checkpoints, Malformed, parse
from app.audit.keys import BadKey, Signer, TrustedKeys, Untrusted, key_id, public_pem
from app.audit.merkle import Frontier
from app.audit.outside import OutsideFile
from app.config import PROJECT
from app.database import Database
from tests.support.shop import at_once

VECTOR_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
VECTOR = Checkpoint(
    size=3,
    position=4,
    root=sha256(b"root").digest(),
    sealed_at=datetime(2026, 1, 15, 6, 30, 0, 250_000, UTC),
    key_id="00000000",
    signature=bytes(64),
)


def checkpoint(size: int = 1, **changes: Any) -> Checkpoint:
    """One like the vector, over so many events."""
    return VECTOR._replace(size=size, position=size + 1, **changes)


@pytest.fixture
def signer(tmp_path: Path) -> Signer:
    return Signer(tmp_path)


@pytest.fixture
def trusted(tmp_path: Path) -> TrustedKeys:
    return TrustedKeys(tmp_path / "checkpoint-keys")


@pytest.fixture
def file(tmp_path: Path) -> OutsideFile:
    return OutsideFile(tmp_path / "new" / "checkpoints.log")


def test_a_note_is_a_signed_note_of_c2sp_letter_for_letter(tmp_path: Path) -> None:
    raw = VECTOR_KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    assert key_id(VECTOR_KEY.public_key()) == sha256(b"miles-plus-cash\n\x01" + raw).hexdigest()[:8]
    put_key(tmp_path / "secrets" / "checkpoint.pem", VECTOR_KEY)
    note = Signer(tmp_path).signed(VECTOR).note()
    text, _, signature = note.partition("\n\n")
    assert text.split("\n") == [
        "miles-plus-cash",
        "3",
        "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=",
        "position 4",
        "time 2026-01-15T06:30:00.250000Z",
    ]
    assert signature.startswith("— miles-plus-cash ") and signature.endswith("\n")
    signed = base64.b64decode(signature.split(" ")[2])
    VECTOR_KEY.public_key().verify(signed[4:], f"{text}\n".encode())
    assert signed[:4].hex() == key_id(VECTOR_KEY.public_key())


def test_the_vectors_of_the_documentation_hold() -> None:
    blocks = re.findall(r"\n\n```\n(.*?)```", (PROJECT / "docs" / "formats" / "checkpoint.md").read_text(), re.DOTALL)
    note, leaves, pem = blocks
    frontier = Frontier()
    for line in leaves.split():
        frontier.add(bytes.fromhex(line))
    checkpoint = parse(note)
    assert (checkpoint.size, checkpoint.root) == (frontier.size, frontier.root())
    assert (checkpoint.position, checkpoint.sealed_at, checkpoint.key_id) == (4, VECTOR.sealed_at, "f19678b2")
    assert pem == public_pem(VECTOR_KEY.public_key())
    assert checkpoint.signature == VECTOR_KEY.sign(checkpoint.text().encode())


def test_a_note_read_back_is_the_checkpoint_that_was_written(signer: Signer) -> None:
    for each in (VECTOR, checkpoint(2**62), checkpoint(sealed_at=datetime(2026, 1, 1, tzinfo=UTC))):
        signed = signer.signed(each)
        assert parse(signed.note()) == signed


def test_an_instant_of_another_zone_is_signed_in_utc(signer: Signer) -> None:
    india = VECTOR.sealed_at.astimezone(datetime.strptime("+0530", "%z").tzinfo)
    assert signer.signed(VECTOR._replace(sealed_at=india)).note() == signer.signed(VECTOR).note()


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("miles-plus-cash\n3", "other-log\n3"),
        ("\n3\n", "\n03\n"),
        ("\n3\n", "\n-3\n"),
        ("\n3\n", "\n٣\n"),
        ("\n3\n", f"\n{10**19}\n"),
        ("SBNJ", "SBN!"),
        ("HXN2d7I=", "HXN2d7J="),
        ("position 4", "position four"),
        ("position 4\n", ""),
        ("position 4\n", "position 4\nmore 5\n"),
        (".250000Z", ".25Z"),
        (".250000Z", ".000000Z"),
        (".250000Z", "+00:00"),
        ("01-15T", "13-15T"),
        ("\n\n", "\n"),
        ("— ", "- "),
        ("— miles-plus-cash ", "— other-log "),
        ("— miles-plus-cash ", "— miles-plus-cash A"),
        ("— miles-plus-cash ", "\n— miles-plus-cash "),
    ],
)
def test_what_is_written_in_any_other_way_is_no_checkpoint(signer: Signer, good: str, bad: str) -> None:
    note = signer.signed(VECTOR).note()
    assert good in note
    with pytest.raises(Malformed):
        parse(note.replace(good, bad, 1))


@pytest.mark.parametrize("cut", [0, 1, 20, 100, -1])
def test_part_of_a_note_is_no_checkpoint(signer: Signer, cut: int) -> None:
    with pytest.raises(Malformed):
        parse(signer.signed(VECTOR).note()[:cut])


def test_the_key_is_made_once_and_is_for_its_owner_alone(tmp_path: Path, trusted: TrustedKeys) -> None:
    signed = at_once([lambda: Signer(tmp_path).signed(VECTOR)] * 8)
    assert len({each.signature for each in signed}) == 1
    private, folder = tmp_path / "secrets" / "checkpoint.pem", tmp_path / "secrets"
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["checkpoint.pem"]
    assert [path.name for path in (tmp_path / "checkpoint-keys").iterdir()] == [f"{signed[0].key_id}.pem"]
    assert list(trusted.all()) == [signed[0].key_id]


def test_what_we_signed_is_believed_and_any_change_of_it_is_not(signer: Signer, trusted: TrustedKeys) -> None:
    signed = signer.signed(VECTOR)
    trusted.verify(signed)
    for altered in (
        signed._replace(size=4),
        signed._replace(position=5),
        signed._replace(root=sha256(b"another").digest()),
        signed._replace(sealed_at=VECTOR.sealed_at + timedelta(microseconds=1)),
        signed._replace(signature=bytes(64)),
    ):
        with pytest.raises(Untrusted, match="altered"):
            trusted.verify(altered)


def test_another_key_is_believed_once_its_file_is_there_and_what_it_signed_stays_believed(
    tmp_path: Path, signer: Signer, trusted: TrustedKeys
) -> None:
    ours, theirs = signer.signed(VECTOR), Signer(tmp_path / "other").signed(VECTOR)
    with pytest.raises(Untrusted, match=f"{theirs.key_id}, which is not trusted here \\(trusted: {ours.key_id}\\)"):
        trusted.verify(theirs)
    with pytest.raises(Untrusted, match="trusted: none"):
        TrustedKeys(tmp_path / "nothing").verify(ours)
    public = tmp_path / "other" / "checkpoint-keys" / f"{theirs.key_id}.pem"
    TrustedKeys(public).verify(theirs)
    public.rename(tmp_path / "checkpoint-keys" / "theirs.pem")
    trusted.verify(theirs)
    trusted.verify(ours)


def test_keys_that_are_held_are_those_that_were_there(tmp_path: Path, signer: Signer, trusted: TrustedKeys) -> None:
    held = trusted.held()
    ours = signer.signed(VECTOR)
    with pytest.raises(Untrusted, match="trusted: none"):
        held.verify(ours)
    held = trusted.held()
    (tmp_path / "checkpoint-keys" / f"{ours.key_id}.pem").unlink()
    held.verify(ours)
    held.held().verify(ours)
    with pytest.raises(Untrusted, match="it was altered"):
        held.verify(ours._replace(size=ours.size + 1))
    with pytest.raises(Untrusted, match="trusted: none"):
        trusted.verify(ours)


def test_a_file_that_holds_no_key_of_ours_is_named(tmp_path: Path, signer: Signer, trusted: TrustedKeys) -> None:
    signed = signer.signed(VECTOR)
    private = tmp_path / "secrets" / "checkpoint.pem"
    curve = generate_private_key(SECP256R1())
    pem = curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for content, complaint in ((b"nothing", "holds no private key"), (pem, "is not an Ed25519 key")):
        private.write_bytes(content)
        with pytest.raises(BadKey, match=f"checkpoint.pem {complaint}"):
            signer.signed(VECTOR)
    public = curve.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for content, complaint in ((b"nothing", "holds no public key"), (public, "is not an Ed25519 key")):
        (tmp_path / "checkpoint-keys" / "bad.pem").write_bytes(content)
        with pytest.raises(BadKey, match=f"bad.pem {complaint}"):
            trusted.verify(signed)


def test_a_key_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        TrustedKeys(tmp_path / "absent.pem").verify(VECTOR)


def test_the_file_outside_gives_back_what_was_added_in_its_order(signer: Signer, file: OutsideFile) -> None:
    assert (list(file), file.last()) == ([], None)
    added = [signer.signed(checkpoint(size)) for size in range(1, 60)]
    for number, each in enumerate(added, 1):
        file.append(each)
        assert file.last() == each
        assert list(file) == added[:number]
    assert file.path.read_text() == "".join(each.note() for each in added)


@pytest.mark.parametrize("present", [0, 1, 40])
def test_what_a_crash_left_unfinished_is_passed_over_and_cut_off(
    signer: Signer, file: OutsideFile, present: int
) -> None:
    added = [signer.signed(checkpoint(size)) for size in range(1, present + 1)]
    file.path.parent.mkdir()
    whole, torn = "".join(each.note() for each in added).encode(), signer.signed(checkpoint(99)).note().encode()
    following = signer.signed(checkpoint(100))
    for length in range(len(torn)):
        file.path.write_bytes(whole + torn[:length])
        assert list(file) == added
        assert file.last() == (added[-1] if added else None)
        file.append(following)
        assert list(file) == [*added, following]


def test_a_file_that_was_altered_is_not_read_as_if_it_were_whole(signer: Signer, file: OutsideFile) -> None:
    notes = [signer.signed(checkpoint(size)).note() for size in (1, 2, 3)]
    file.path.parent.mkdir()
    for altered in (
        notes[0] + notes[1].replace("position", "Position") + notes[2],
        notes[0] + notes[1].replace("— ", "- ") + notes[2],
        notes[0][5:] + notes[1],
        "x" * 5000 + "\n",
    ):
        file.path.write_text(altered)
        with pytest.raises(Malformed, match=r"checkpoints\.log"):
            list(file)
    with pytest.raises(Malformed, match="does not end with a note"):
        file.last()
    with pytest.raises(Malformed, match="does not end with a note"):
        file.append(checkpoint())
    assert file.path.read_text() == "x" * 5000 + "\n"
    file.path.write_text(notes[0] + notes[1].replace("position", "Position"))
    with pytest.raises(Malformed, match="its last note is not a checkpoint's"):
        file.last()


def test_the_table_gives_them_by_size_in_pages_and_in_order(database: Database, signer: Signer) -> None:
    table = Checkpoints(database)
    assert (table.latest(), table.find(1), list(table.after()), table.page(2, None)) == (None, None, [], ([], None))
    added = [signer.signed(checkpoint(size)) for size in (2, 5, 7, 11, 20)]
    with database.transaction() as cursor:
        for each in added:
            table.add(each, cursor)
        assert table.latest(cursor) == added[-1]
    assert table.latest() == added[-1]
    assert (table.find(7), table.find(8)) == (added[2], None)
    assert [table.covering(index) for index in (0, 1, 2, 19, 20)] == [added[0], added[0], added[1], added[4], None]
    for batch in (1, 2, 5, 100):
        assert list(table.after(batch=batch)) == added
        assert list(table.after(2, 11, batch=batch)) == added[1:4]
    assert table.page(2, None) == ([added[4], added[3]], 11)
    assert table.page(2, 11) == ([added[2], added[1]], 5)
    assert table.page(2, 5) == ([added[0]], None)


def put_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Lay a key where a house looks for its own."""
    path.parent.mkdir(parents=True)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def test_a_public_key_is_written_as_pem(trusted: TrustedKeys, signer: Signer, tmp_path: Path) -> None:
    signed = signer.signed(VECTOR)
    key = trusted.all()[signed.key_id]
    assert isinstance(key, Ed25519PublicKey)
    assert public_pem(key) == (tmp_path / "checkpoint-keys" / f"{signed.key_id}.pem").read_text()
