"""Amounts as people write them, both ways: minor units with the currency's own number of decimals."""

from __future__ import annotations

import re

_OTHER_THAN_TWO = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""The currencies whose decimals are not two. Source: ISO 4217, list one ("minor unit"), as SIX Group publishes it."""

_DECIMALS = {code: decimals for decimals, codes in _OTHER_THAN_TWO.items() for code in codes.split()}

_SIGNS = {"EUR": "€", "GBP": "£", "INR": "₹"}
"""A sign stands for one currency here: all others, the dollars and the other pounds among them, go by their code."""

# Digits in groups of threes, or of twos above the thousands, or in none. 15 are more than all the money in the world.
_WRITTEN = re.compile(r"(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{2,3}){0,4},[0-9]{3})(?:\.(?P<fraction>[0-9]{1,15}))?")

_IN_LAKHS = {"BDT", "INR", "LKR", "NPR", "PKR"}
"""Currencies of places that group digits by twos above the thousands. Source: Unicode CLDR, the pattern #,##,##0."""


def amount(minor: int, currency: str) -> str:
    """`minor` units of `currency`, such as ₹1,00,000.00 for 10000000 INR, JPY 1,000 for 1000 JPY."""
    return f"{'-' if minor < 0 else ''}{_sign(currency)}{figures(abs(minor), currency)}"


def figures(minor: int, currency: str) -> str:
    """The same without the currency, such as 1,00,000.00: what stands in a form's field. Not for less than nothing."""
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(minor, 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    return f"{grouped(whole, currency)}{fraction}"


def minor_units(text: str, currency: str) -> int:
    """What `amount` or `figures` wrote, or a person did, such as 123450 for 1,234.50 INR.

    Raises ValueError, in words for people, for what is no such amount: junk, a plus or minus, more decimals than the
    currency has, and a comma where no thousands end, which may be meant for the decimal point.
    """
    written = text.strip().removeprefix(_sign(currency).strip()).strip()
    found = _WRITTEN.fullmatch(written)
    decimals = _DECIMALS.get(currency, 2)
    if found is None:
        raise ValueError(f"An amount of money, please, such as {figures(123_450, currency)}.")
    whole, fraction = found["whole"].replace(",", ""), found["fraction"] or ""
    if len(fraction) > decimals:
        raise ValueError(f"{currency} has {decimals or 'no'} decimals.")
    return int(whole + fraction.ljust(decimals, "0"))


def grouped(number: int, currency: str) -> str:
    """A whole number as people write it where `currency` is paid in: in lakhs and crores for rupees, else by threes."""
    digits = f"{abs(number):,}"
    if currency in _IN_LAKHS and abs(number) >= 100_000:
        head, tail = divmod(abs(number), 1000)
        digits = f"{_by_twos(head)},{tail:03}"
    return f"{'-' if number < 0 else ''}{digits}"


def _sign(currency: str) -> str:
    return _SIGNS.get(currency, currency + " ")


def _by_twos(number: int) -> str:
    head, tail = divmod(number, 100)
    return f"{_by_twos(head)},{tail:02}" if head else str(tail)
