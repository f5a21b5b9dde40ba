"""Proofs over HTTP and on paper: they hold offline, and nothing that was changed in them does."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from app.audit import AuditError, proofs
from app.audit.keys import Signer, TrustedKeys
from app.config import Settings
from app.database import Database
from app.wiring import House
from tests.audit.sealed_logs import got, shop_under_checkpoints, sizes
from tests.support.http import Api

Json = dict[str, Any]


@pytest.fixture
def api(house: House) -> Api:
    """A log under three checkpoints."""
    return shop_under_checkpoints(house)


def refused(api: Api, path: str) -> tuple[int, str]:
    """Status and code with which an auditor is refused."""
    response = api.auditor.get(path)
    assert response.content_type == "application/problem+json"
    return response.status_code, response.get_json()["code"]


def folded_up(index: int, size: int, node: bytes, path: list[bytes]) -> bytes:
    """The root that a path leads to, by section 2.1.3.2 of RFC 9162: an auditor's own few lines."""
    fn, sn = index, size - 1
    for sibling in path:
        assert sn > 0
        if fn & 1 or fn == sn:
            node = sha256(b"\1" + sibling + node).digest()
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            node = sha256(b"\1" + node + sibling).digest()
        fn, sn = fn >> 1, sn >> 1
    assert sn == 0
    return node


def hash_by_hand(event: Json) -> bytes:
    """An event's hash out of its fields: an auditor's own few lines."""
    at = datetime.fromisoformat(event["recorded_at"])
    micros = int((at - datetime.fromisoformat("1970-01-01T00:00:00Z")).total_seconds()) * 10**6 + at.microsecond
    fields = (
        UUID(event["stream"]).bytes,
        event["version"].to_bytes(8, "big"),
        event["topic"].encode(),
        event["state"].encode(),
        micros.to_bytes(8, "big"),
        event["metadata"].encode(),
    )
    return sha256(bytes.fromhex(event["previous"]) + b"".join(len(f).to_bytes(4, "big") + f for f in fields)).digest()


def root_of_note(note: str, keys: Json) -> bytes:
    """The root that a note says, once its signature was seen to be that of a key that the house published."""
    text, _, line = note.partition("\n\n")
    signed = base64.b64decode(line.split(" ")[2])
    key = load_pem_public_key(keys[signed[:4].hex()].encode())
    assert isinstance(key, Ed25519PublicKey)
    key.verify(signed[4:], f"{text}\n".encode())
    return base64.b64decode(text.split("\n")[2])


def test_the_checkpoints_are_listed_newest_first_with_their_notes_and_keys(api: Api) -> None:
    known = [checkpoint.as_data() for checkpoint in api.house.checkpoints.after()]
    page = got(api, "/audit/checkpoints")
    assert page["items"] == known[::-1]
    assert page["next"] is None
    assert page["keys"].keys() == {item["key_id"] for item in known}
    assert api.auditor.items("/audit/checkpoints?limit=1") == known[::-1]
    assert api.auditor.items("/audit/checkpoints?limit=2&fields=size") == [{"size": size} for size in sizes(api)[::-1]]
    for item in known:
        assert root_of_note(item["note"], page["keys"]).hex() == item["root"]


def test_a_house_without_checkpoints_lists_none(house: House) -> None:
    assert got(Api(house), "/audit/checkpoints") == {"items": [], "next": None, "keys": {}}


def test_each_events_proof_is_recomputed_by_hand_up_to_the_signed_root(api: Api) -> None:
    keys = got(api, "/audit/checkpoints")["keys"]
    rows = api.house.database.rows("SELECT position, hash FROM events ORDER BY position")
    for index in (0, 1, 2, 5, 6, 200, 255, 256, 300, len(rows) - 2):
        position, digest = rows[index]
        for size in [None, *(size for size in sizes(api) if size > index)]:
            proof = got(api, f"/audit/events/{position}/proof" + (f"?size={size}" if size else ""))
            assert proof["index"] == index
            assert proof["size"] == (size or min(size for size in sizes(api) if size > index))
            assert proof["leaf"] == bytes(digest).hex() == hash_by_hand(proof["event"]).hex()
            node = sha256(b"\0" + bytes.fromhex(proof["leaf"])).digest()
            path = [bytes.fromhex(each) for each in proof["path"]]
            assert folded_up(index, proof["size"], node, path) == root_of_note(proof["checkpoint"], keys)


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/audit/events/999999/proof", (404, "unknown_event")),
        ("/audit/events/0/proof", (404, "unknown_event")),
        ("/audit/events/one/proof", (404, "unknown_event")),
        ("/audit/events/-1/proof", (404, "unknown_event")),
        ("/audit/events/99999999999999999999/proof", (404, "unknown_event")),
        ("/audit/events/9223372036854775808/proof", (404, "unknown_event")),
        ("/audit/events/1/proof?size=99999", (404, "unknown_checkpoint")),
        ("/audit/events/{last}/proof", (409, "not_sealed_yet")),
        ("/audit/events/{last}/proof?size={newest}", (409, "not_sealed_yet")),
        ("/audit/events/{sealed}/proof?size={oldest}", (409, "not_sealed_yet")),
        ("/audit/events/1/proof?size=0", (422, "invalid_request")),
        ("/audit/events/1/proof?size=x", (422, "invalid_request")),
        ("/audit/events/1/proof?height=3", (422, "invalid_request")),
        ("/audit/checkpoints/99999/consistency?from={oldest}", (404, "unknown_checkpoint")),
        ("/audit/checkpoints/{newest}/consistency?from=99999", (404, "unknown_checkpoint")),
        ("/audit/checkpoints/x/consistency?from={oldest}", (404, "unknown_checkpoint")),
        ("/audit/checkpoints/0/consistency?from={oldest}", (404, "unknown_checkpoint")),
        ("/audit/checkpoints/{newest}/consistency", (422, "invalid_request")),
        ("/audit/checkpoints/{newest}/consistency?from=0", (422, "invalid_request")),
        ("/audit/checkpoints/{oldest}/consistency?from={newest}", (422, "invalid_request")),
        ("/audit/checkpoints?cursor=x", (422, "invalid_cursor")),
        ("/audit/checkpoints?limit=101", (422, "invalid_request")),
        ("/audit/checkpoints?fields=colour", (422, "invalid_request")),
    ],
)
def test_what_cannot_be_proven_is_refused_with_its_reason(api: Api, path: str, refusal: tuple[int, str]) -> None:
    oldest, _, newest = sizes(api)
    ((last,),) = api.house.database.rows("SELECT max(position) FROM events")
    named = {"oldest": oldest, "newest": newest, "last": last, "sealed": last - 1}
    assert refused(api, path.format(**named)) == refusal


def test_an_unsealed_event_has_a_proof_a_seal_later(api: Api) -> None:
    ((last,),) = api.house.database.rows("SELECT max(position) FROM events")
    assert refused(api, f"/audit/events/{last}/proof") == (409, "not_sealed_yet")
    sealed = api.house.seal()
    assert sealed is not None
    assert got(api, f"/audit/events/{last}/proof")["size"] == sealed.size


def test_every_pair_of_checkpoints_is_shown_to_be_of_one_history(api: Api) -> None:
    trusted = api.house.trusted_keys
    for first in sizes(api):
        for second in sizes(api):
            if first <= second:
                proof = got(api, f"/audit/checkpoints/{second}/consistency?from={first}")
                assert (proof["first"], proof["second"]) == (first, second)
                sentence = proofs.check(json.dumps(proof).encode(), trusted)
                assert sentence.startswith(f"the log of {second} events begins with the {first} that were signed")


def test_an_altered_event_has_no_proof(api: Api, owner: Database) -> None:
    for change in ("state = replace(state, '100', '900')", "state = replace(state, '100', '900'), hash = sha256(hash)"):
        owner.execute("ALTER TABLE events DISABLE TRIGGER ALL")
        assert owner.execute(f"UPDATE events SET {change} WHERE position = 2") == 1
        assert refused(api, "/audit/events/2/proof") == (500, "not_provable")


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every plain value of a document."""
    if isinstance(value, dict | list):
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        return [leaf for key, inner in pairs for leaf in leaves_of(inner, (*path, key))]
    return [path]


def altered(document: Json, path: tuple[Any, ...], position: int) -> Json:
    """The document with one character, or one number, changed."""
    copy: Any = json.loads(json.dumps(document))
    inner = copy
    for key in path[:-1]:
        inner = inner[key]
    value = inner[path[-1]]
    if isinstance(value, str):
        at = position % len(value)
        inner[path[-1]] = value[:at] + ("1" if value[at] != "1" else "0") + value[at + 1 :]
    else:
        inner[path[-1]] = value + 1
    assert copy != document
    found: Json = copy
    return found


def test_a_proof_with_any_one_character_changed_proves_nothing(api: Api) -> None:
    _, first, second = sizes(api)
    trusted = api.house.trusted_keys
    for path in ("/audit/events/2/proof", f"/audit/checkpoints/{second}/consistency?from={first}"):
        document = got(api, path)
        assert proofs.check(json.dumps(document).encode(), trusted)
        for leaf in leaves_of(document):
            for position in range(0, 200, 7):
                with pytest.raises(AuditError):
                    proofs.check(json.dumps(altered(document, leaf, position)).encode(), trusted)
        for name in document:
            with pytest.raises(AuditError, match="not a proof"):
                proofs.check(json.dumps({n: v for n, v in document.items() if n != name}).encode(), trusted)
        for maimed in (document["path"][:-1], [*document["path"], document["path"][0]], document["path"][::-1]):
            with pytest.raises(AuditError):
                proofs.check(json.dumps({**document, "path": maimed}).encode(), trusted)


@pytest.mark.parametrize("text", [b"", b"{}", b"[]", b"null", b"\xff", b'{"index": 1}', b"not json"])
def test_what_is_no_proof_is_called_so(tmp_path: Path, text: bytes) -> None:
    with pytest.raises(AuditError, match="this is not a proof"):
        proofs.check(text, TrustedKeys(tmp_path))


def test_two_checkpoints_of_a_rewritten_history_are_not_consistent(api: Api, settings: Settings) -> None:
    """What a house would have to sign to hide a change; ours refuses to, so it is made by hand."""
    _, first, second = sizes(api)
    document = got(api, f"/audit/checkpoints/{second}/consistency?from={first}")
    newest = api.house.checkpoints.find(second)
    assert newest is not None
    forked = Signer(settings.home).signed(newest._replace(root=sha256(b"another history").digest()))
    with pytest.raises(AuditError, match="history was rewritten"):
        proofs.check(json.dumps({**document, "second_checkpoint": forked.note()}).encode(), api.house.trusted_keys)
