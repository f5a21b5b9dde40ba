"""Files of imports, record by record: what is taken, and why the rest is not. No database."""

from __future__ import annotations

import io
from collections.abc import Iterable

import pytest

from app.catalog.importing import read_lines
from app.catalog.lines import MAX_LINE_BYTES
from app.cli.csv_lines import WrongHeader, rows
from app.cli.import_lines import BALANCE_COLUMNS, ORDER_COLUMNS, opening_balances, past_orders
from app.domain.point_account import MAX_ADJUSTMENT
from app.usecases.importing import Refused
from tests.support.imports import BAD_ORDERS, BALANCES, GOOD, ORDERS, bytes_of


def test_every_bad_line_is_reported_by_number_and_field_and_the_good_ones_between_are_taken() -> None:
    content, expected, number = ORDERS.encode(), {}, 2
    for n, (what, (bad, fields)) in enumerate(BAD_ORDERS.items()):
        content += GOOD.replace("S-1", f"good-{n}").encode() + b"\n" + bytes_of(bad) + b"\n"
        expected[number + 1] = (what, fields)
        number += 2 + bytes_of(bad).count(b"\n")
    found = list(past_orders(rows(read_lines(io.BytesIO(content)), ORDER_COLUMNS)))
    wrong = {at: line.why for at, line in found if isinstance(line, Refused)}
    named = {
        at: (what, [part.split(":")[0] if fields != [""] else "" for part in wrong.get(at, "").split("; ")])
        for at, (what, fields) in expected.items()
    }
    assert named == expected
    assert wrong.keys() == expected.keys()
    good = [line for _, line in found if not isinstance(line, Refused)]
    assert [line.reference for line in good] == [f"good-{n}" for n in range(len(BAD_ORDERS))]


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ("ann,-5,,L-1", "points"),
        (f"ann,{MAX_ADJUSTMENT + 1},,L-1", "points"),
        ("ann,,,L-1", "points"),
        ("ann,true,,L-1", "points"),
        ("ann,5,2099-01-01,L-1", "expires_at"),
        ("ann,5, ,L-1", "expires_at"),
        ("ann,5,,", "reference"),
        (",5,,L-1", "user"),
    ],
)
def test_a_balance_that_cannot_be_is_refused_for_its_field(record: str, field: str) -> None:
    lines = [BALANCES.encode(), record.encode()]
    ((number, line),) = opening_balances(rows(lines, BALANCE_COLUMNS))
    assert number == 2
    assert isinstance(line, Refused)
    assert line.why.startswith(f"{field}: ")


def test_a_forgotten_quote_spoils_its_line_alone() -> None:
    lines = [f"u{n},S,2025-03-31T10:00:00Z,1\n".encode() for n in range(3_000)]
    lines[1] = b'"' + lines[1]
    lines[2_000] = b'"u,""2000""",S,2025-03-31T10:00:00Z,1\r\n'
    lines[2_500] = lines[2_500].replace(b"S", b'"S')
    found = list(past_orders(rows([ORDERS.encode(), *lines], ORDER_COLUMNS)))
    assert [number for number, _ in found] == list(range(2, 3_002))
    assert [number for number, line in found if isinstance(line, Refused)] == [3, 2_502]
    assert found[2_000][1].user_id == 'u,"2000"'  # type: ignore[union-attr]


def test_a_record_over_several_lines_is_one_and_begins_where_it_begins() -> None:
    lines = [ORDERS, '"a\n', "\n", 'b",S,2025-03-31T10:00:00Z,1\n', "\n", GOOD + "\r\n", GOOD.replace("50000", "x")]
    found = list(past_orders(rows([line.encode() for line in lines], ORDER_COLUMNS)))
    assert [(number, isinstance(line, Refused)) for number, line in found] == [(2, True), (6, False), (7, True)]


def test_a_file_is_never_read_further_ahead_than_a_record_may_be_long() -> None:
    read = 0

    def lines() -> Iterable[bytes]:
        nonlocal read
        yield ORDERS.encode()
        yield b'"' + GOOD.encode() + b"\n"
        for _ in range(100_000):
            read += 1
            yield GOOD.encode() + b"\n"

    assert isinstance(next(past_orders(rows(lines(), ORDER_COLUMNS)))[1], Refused)
    assert 0 < read <= MAX_LINE_BYTES // len(GOOD) + 1


@pytest.mark.parametrize(
    "content",
    [
        "amount,user,paid_at,reference\r\n50000,ann,2025-03-31T10:00:00z,S-1\r\n",
        "\ufeffuser,reference,paid_at,amount\nann,S-1,2025-03-31T10:00:00Z,50000",
        '"user","reference","paid_at","amount"\n"ann","S-1","2025-03-31 15:30:00.000+05:30","50000"\n\n',
    ],
)
def test_columns_may_stand_in_any_order_quoted_or_not_with_either_end_of_line(content: str) -> None:
    ((_, found),) = past_orders(rows(read_lines(io.BytesIO(content.encode())), ORDER_COLUMNS))
    ((_, plain),) = past_orders(rows([ORDERS.encode(), GOOD.encode()], ORDER_COLUMNS))
    assert found == plain


@pytest.mark.parametrize(
    "header",
    [
        "",
        "\n",
        GOOD,
        "user,reference,paid_at",
        "user,reference,paid_at,amount,note",
        "user,reference,paid_at,amount,amount",
        "user,user,paid_at,amount",
        "User,Reference,Paid_at,Amount",
        "user, reference, paid_at, amount",
        "user;reference;paid_at;amount",
        '"user,reference,paid_at,amount',
        "\ufeff\ufeffuser,reference,paid_at,amount",
        b"\xff\xfeu\0s\0e\0r\0",
    ],
)
def test_a_header_that_does_not_name_the_columns_is_refused(header: str | bytes) -> None:
    with pytest.raises(WrongHeader):
        rows([bytes_of(header)] if header else [], ORDER_COLUMNS)
