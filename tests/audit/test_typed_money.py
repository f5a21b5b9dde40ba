"""Amounts as people type them: what is meant beyond doubt is taken, all else refused."""

from __future__ import annotations

import pytest

from app.audit.money import amount, minor_of, plain


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("500", "INR", 50_000),
        ("500.00", "INR", 50_000),
        ("500.5", "INR", 50_050),
        (" ₹500 ", "INR", 50_000),
        ("₹ 1,00,000.00", "INR", 10_000_000),
        ("INR 5", "INR", 500),
        ("100,000.00", "INR", 10_000_000),
        ("0", "INR", 0),
        ("0.01", "INR", 1),
        ("-5", "INR", -500),
        ("007", "INR", 700),
        ("1,000", "JPY", 1_000),
        ("USD 1,000", "USD", 100_000),
        ("1.234", "KWD", 1_234),
        ("1.2", "KWD", 1_200),
    ],
)
def test_an_amount_is_taken_as_it_is_meant(text: str, currency: str, minor: int) -> None:
    assert minor_of(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    ["", " ", "x", "1,5", "1,50", "1.", ".5", "1.005", "1.2.3", "1e3", "1 000", "--1", "+1", "$5", "½",
     "1,00", "\u0661\u0662", "0x10", "1_000", "NaN", "9" * 5000, "1\n2", "₹", "€5", "1,,000", ",100"],
)  # fmt: skip
def test_what_may_mean_something_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an amount such as 50\.00$"):
        minor_of(text, "INR")


def test_no_more_decimals_are_taken_than_the_currency_has() -> None:
    with pytest.raises(ValueError, match=r"^must be an amount such as 50$"):
        minor_of("5.0", "JPY")


@pytest.mark.parametrize("currency", ["INR", "JPY", "KWD", "CLF", "USD", "EUR", "BDT"])
@pytest.mark.parametrize("minor", [0, 1, 99, 100, 123_456_789, 10**12, -1, -100_050])
def test_what_is_written_is_read_back(minor: int, currency: str) -> None:
    assert minor_of(plain(minor, currency), currency) == minor
    if minor >= 0:
        assert minor_of(amount(minor, currency), currency) == minor
