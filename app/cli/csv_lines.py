"""CSV as RFC 4180 has it, strictly, one record at a time: what is wrong with one never spoils the next.

It knows what a header and a record are, not what any field means, and reads no further ahead than a record may be long.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from app.catalog.lines import MAX_LINE_BYTES
from app.usecases.importing import Refused

Row = dict[str, str]
Numbered = tuple[int, bytes]

_FIELD = rb'(?:[^",\r\n]*|"(?:[^"]|"")*")'
_RECORD = re.compile(_FIELD + rb"(?:," + _FIELD + rb")*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class WrongHeader(ValueError):
    """The first line does not name the columns that are wanted, and only those."""


def rows(lines: Iterable[bytes], columns: Sequence[str]) -> Iterator[tuple[int, Row | Refused]]:
    """Each record by column, with the number of the line that it begins on; or why it is none.

    `lines` end in \\n or \\r\\n; the first is the header, which is read at once: raises WrongHeader. Empty lines are
    passed over.
    """
    numbered = enumerate(lines, 1)
    _, first = next(numbered, (1, b""))
    header = _fields(_bare(first.removeprefix(_BYTE_ORDER_MARK)))
    if isinstance(header, Refused) or sorted(header) != sorted(columns):
        raise WrongHeader(f"the first line must name the columns {','.join(columns)}, in any order")
    return _rows(numbered, header)


def _rows(numbered: Iterator[Numbered], header: list[str]) -> Iterator[tuple[int, Row | Refused]]:
    for number, record in _records(numbered):
        fields = _fields(record)
        if isinstance(fields, list) and len(fields) != len(header):
            fields = Refused(f"has {len(fields)} fields, not {len(header)}")
        yield number, fields if isinstance(fields, Refused) else dict(zip(header, fields, strict=True))


def _records(numbered: Iterator[Numbered]) -> Iterator[Numbered]:
    """Records that are not empty. One whose quotes are open at the end of its line goes on in the next.

    Where that comes to no record either, a quote was forgotten: its line stands alone, and reading goes on after it.
    """
    waiting: deque[Numbered] = deque()
    while line := waiting.popleft() if waiting else next(numbered, None):
        number, record = line[0], _bare(line[1])
        ahead = _ahead(line[1], waiting, numbered)
        if ahead:
            whole = _bare(b"".join([line[1], *(raw for _, raw in ahead)]))
            if _RECORD.fullmatch(whole):
                record = whole
            else:
                waiting.extendleft(reversed(ahead))
        if record:
            yield number, record


def _ahead(raw: bytes, waiting: deque[Numbered], numbered: Iterator[Numbered]) -> list[Numbered]:
    """The lines after `raw` up to where its quotes are closed, as far as a record may go."""
    ahead: list[Numbered] = []
    is_open, size = raw.count(b'"') % 2, len(raw)
    while is_open and size <= MAX_LINE_BYTES:
        more = waiting.popleft() if waiting else next(numbered, None)
        if more is None:
            break
        ahead.append(more)
        is_open, size = (is_open + more[1].count(b'"')) % 2, size + len(more[1])
    return ahead


def _fields(record: bytes) -> list[str] | Refused:
    if len(record) > MAX_LINE_BYTES:
        return Refused(f"is longer than {MAX_LINE_BYTES} bytes")
    if not _RECORD.fullmatch(record):
        return Refused("is not CSV: a quote or a line break stands where none may")
    try:
        text = record.decode()
    except UnicodeDecodeError:
        return Refused("is not UTF-8")
    return text.split(",") if '"' not in text else next(csv.reader([text]))


def _bare(line: bytes) -> bytes:
    """A line without its end."""
    return line.removesuffix(b"\n").removesuffix(b"\r")
