"""An export that was damaged, by chance or on purpose, is found to be, and is said so in one line."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator

import msgspec
import pytest

from app.audit import exported
from app.audit.manifest import read_manifest, to_line
from tests.audit.exports import Exported, exported_log, in_line
from tests.support.postgres import TestServer

TIMES = 400
"""Random changes of a file."""


@pytest.fixture(scope="module")
def file(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exported]:
    """One export for all tests."""
    with exported_log(postgres, tmp_path_factory.mktemp("home")) as made:
        yield made


Change = Callable[[list[bytes], random.Random], None]


def a_byte(lines: list[bytes], chance: random.Random) -> None:
    """One byte of one line is another."""
    number = chance.randrange(len(lines))
    line = bytearray(lines[number])
    at = chance.randrange(len(line))
    line[at] = chance.choice([byte for byte in range(256) if byte != line[at]])
    lines[number] = bytes(line)


def a_digit(lines: list[bytes], chance: random.Random) -> None:
    """One digit is another, which leaves a line in good form."""
    number = chance.randrange(len(lines))
    line = bytearray(lines[number])
    at = chance.choice([at for at, byte in enumerate(line) if chr(byte).isdigit()])
    line[at] = chance.choice([digit for digit in b"0123456789" if digit != line[at]])
    lines[number] = bytes(line)


def a_byte_less(lines: list[bytes], chance: random.Random) -> None:
    """One byte is gone."""
    number = chance.randrange(len(lines))
    at = chance.randrange(len(lines[number]))
    lines[number] = lines[number][:at] + lines[number][at + 1 :]


def a_byte_more(lines: list[bytes], chance: random.Random) -> None:
    """One byte too many; a blank among others, which JSON does not mind."""
    number = chance.randrange(len(lines))
    at = chance.randrange(len(lines[number]))
    lines[number] = lines[number][:at] + chance.choice([b" ", b"\n", b"\0", b"0", b"\xff"]) + lines[number][at:]


def a_line_less(lines: list[bytes], chance: random.Random) -> None:
    """A line is gone."""
    del lines[chance.randrange(len(lines))]


def a_line_twice(lines: list[bytes], chance: random.Random) -> None:
    """A line stands in some other place, too."""
    lines.insert(chance.randrange(len(lines) + 1), chance.choice(lines))


def two_lines_swapped(lines: list[bytes], chance: random.Random) -> None:
    """Two lines have changed places."""
    first, second = chance.sample(range(len(lines)), 2)
    lines[first], lines[second] = lines[second], lines[first]


def a_cut(lines: list[bytes], chance: random.Random) -> None:
    """The file ends early, at a line's end or within it."""
    content = b"".join(lines)
    end = chance.choice([len(b"".join(lines[: chance.randrange(len(lines))])), chance.randrange(len(content))])
    lines[:] = [content[:end]]


def something_added(lines: list[bytes], chance: random.Random) -> None:
    """There is something after the end."""
    lines.append(chance.choice([b"\n", b" ", b"{}\n", b"\0", lines[-1], lines[0]]))


CHANGES: tuple[Change, ...] = (
    a_byte, a_digit, a_byte_less, a_byte_more, a_line_less, a_line_twice, two_lines_swapped, a_cut, something_added
)  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_any_change_of_a_line_is_found(file: Exported, change: Change) -> None:
    chance = random.Random(change.__name__)
    missed = []
    for number in range(TIMES // len(CHANGES)):
        lines = list(file.lines)
        change(lines, chance)
        if b"".join(lines) != b"".join(file.lines) and file.wrong(lines) is None:
            missed.append(number)
    assert missed == []
    assert file.wrong(file.lines) is None


def test_a_changed_event_is_found_by_its_position_and_a_bad_line_by_its_number(file: Exported) -> None:
    changed = [line.replace(b"miles-plus-cash 0", b"miles-plus-cash 9") for line in file.lines]
    assert (file.wrong([*file.lines[:5], *changed[5:]]) or "").startswith(
        f"position {json.loads(file.lines[5])['position']}: the hash of version "
    )
    assert file.wrong([*file.lines[:5], b"nonsense\n"]) == "line 6: JSON is malformed: invalid character (byte 4)"


def test_a_position_changed_to_one_that_was_free_is_found_by_the_digest_over_the_lines(file: Exported) -> None:
    """No hash of an event holds its position; the signed manifest has one over every byte."""
    positions = [json.loads(line)["position"] for line in file.lines[1:]]
    nth = next(n for n, position in enumerate(positions) if positions[n + 1] > position + 1)
    moved = file.lines[nth + 1].replace(b'"position":%d,' % positions[nth], b'"position":%d,' % (positions[nth] + 1), 1)
    found = file.wrong(in_line(nth + 2, moved)(list(file.lines)))
    assert found == "the lines are not written as those were that the manifest was signed over"


BAD: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "nothing at all": (lambda lines: [], "line 1: "),
    "no manifest": (lambda lines: lines[1:], "line 1: "),
    "no event": (lambda lines: lines[:1], "the log ends after 0 events, and a checkpoint was signed over"),
    "an end without its newline": (lambda lines: [*lines[:-1], lines[-1][:-1]], "it is cut short"),
    "a line too many": (lambda lines: [*lines, lines[-1]], "there are more lines than the manifest says"),
    "an empty line": (in_line(2, b"\n"), "line 2: "),
    "NUL": (in_line(2, b"\0\n"), "line 2: "),
    "a list": (in_line(2, b"[]\n"), "line 2: Expected `object`, got `array`"),
    "a number": (in_line(2, b"1\n"), "line 2: Expected `object`, got `int`"),
    "no fields": (in_line(2, b"{}\n"), "line 2: Object missing required field `position`"),
    "bytes that are no text": (in_line(2, b'{"position":1,"stream":"\xff"}\n'), "line 2: "),
    "brackets without end": (in_line(2, b"[" * 100_000 + b"\n"), "line 2: "),
    "brackets in an unknown field": (in_line(2, b'{"x":' + b"[" * 100_000 + b"\n"), "line 2: "),
    "a line without end": (in_line(2, b" " * (exported.MAX_LINE + 1)), "line 2: it is too long"),
    "a manifest without end": (in_line(1, b" " * (exported.MAX_LINE + 1)), "line 1: it is too long"),
    "another version": (lambda lines: [lines[0].replace(b'":1,', b'":2,', 1), *lines[1:]], "line 1: Invalid enum"),
    "a manifest with blanks": (lambda lines: [lines[0].replace(b",", b", "), *lines[1:]], "not written as a manifest"),
    "a manifest without signature": (
        lambda lines: [to_line(msgspec.structs.replace(read_manifest(lines[0]), signature="")), *lines[1:]],
        "line 1: the manifest is not signed",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_export_is_said_in_one_line(file: Exported, case: str) -> None:
    change, why = BAD[case]
    found = file.wrong(change(list(file.lines)))
    assert found is not None
    assert why in found
    assert len(found.splitlines()) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position", 0),
        ("position", 2**63),
        ("position", 1.5),
        ("position", "1"),
        ("position", None),
        ("stream", "x"),
        ("version", -1),
        ("topic", 1),
        ("state", {}),
        ("recorded_at", "2026-01-15T06:30:00"),
        ("recorded_at", "2026-02-30T06:30:00Z"),
        ("metadata", None),
        ("hash", "00"),
        ("hash", "G" * 64),
        ("more", 1),
    ],
)
def test_a_field_of_another_kind_is_found_in_its_line(file: Exported, field: str, value: object) -> None:
    line = json.dumps({**json.loads(file.lines[3]), field: value}).encode() + b"\n"
    found = file.wrong(in_line(4, line)(list(file.lines)))
    assert found is not None
    assert found.startswith("line 4: ")
