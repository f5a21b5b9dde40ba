"""Amounts of money: how they are written, and read again from what people write."""

from __future__ import annotations

import pytest

from app.audit.money import amount, figures, minor_units


@pytest.mark.parametrize("currency", ["INR", "EUR", "USD", "JPY", "KWD", "CLF"])
@pytest.mark.parametrize("minor", [0, 1, 99, 100, 12_345, 99_999, 10_000_000, 123_456_789_012])
def test_what_is_written_is_read_as_the_same_amount(minor: int, currency: str) -> None:
    assert minor_units(amount(minor, currency), currency) == minor
    assert minor_units(figures(minor, currency), currency) == minor


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("250", "INR", 25_000),
        ("250.5", "INR", 25_050),
        (" 250.00 ", "INR", 25_000),
        ("1,234.50", "INR", 123_450),
        ("1,00,000", "INR", 10_000_000),
        ("100,000", "INR", 10_000_000),
        ("₹10.00", "INR", 1_000),
        ("₹ 10", "INR", 1_000),
        ("JPY 1,000", "JPY", 1_000),
        ("1.234", "KWD", 1_234),
        ("0", "INR", 0),
        ("007", "INR", 700),
    ],
)
def test_an_amount_is_read_as_people_write_it(text: str, currency: str, minor: int) -> None:
    assert minor_units(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-1", "+1", "-0", "₹-1", "1e3", "1.", ".5", "12,50", "1,2,3", ",100", "1,0000", "1.000,00", "1 000",
        "NaN", "inf", "0x10", "١٢", "½", "ten", "1_000", "$5", "JPY 5", "₹₹5", "1" * 16, "1;2", "1.1.1",
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match=r"An amount of money, please, such as 1,234.50\."):
        minor_units(text, "INR")


@pytest.mark.parametrize(
    ("text", "currency", "said"),
    [
        ("1.001", "INR", "INR has 2 decimals."),
        ("1.000", "INR", "INR has 2 decimals."),
        ("1.0", "JPY", "JPY has no decimals."),
        ("1.00000", "CLF", "CLF has 4 decimals."),
    ],
)
def test_more_decimals_than_the_currency_has_are_refused(text: str, currency: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        minor_units(text, currency)
