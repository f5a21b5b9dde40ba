"""Amounts as people write them: minor units with the currency's own number of decimals."""

from __future__ import annotations

import re

OTHER_THAN_TWO = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""The currencies whose decimals are not two. Source: ISO 4217, list one ("minor unit"), as SIX Group publishes it."""

_DECIMALS = {code: decimals for decimals, codes in OTHER_THAN_TWO.items() for code in codes.split()}

_SIGNS = {"EUR": "€", "GBP": "£", "INR": "₹"}
"""A sign stands for one currency here: all others, the dollars and the other pounds among them, go by their code."""


_IN_LAKHS = {"BDT", "INR", "LKR", "NPR", "PKR"}
"""Currencies of places that group digits by twos above the thousands. Source: Unicode CLDR, the pattern #,##,##0."""


def amount(minor: int, currency: str) -> str:
    """`minor` units of `currency`, such as ₹1,00,000.00 for 10000000 INR, JPY 1,000 for 1000 JPY."""
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    return f"{'-' if minor < 0 else ''}{_SIGNS.get(currency, currency + ' ')}{grouped(whole, currency)}{fraction}"


def plain(minor: int, currency: str) -> str:
    """The same without sign and groups, as one types it: 100000.00 for 10000000 INR."""
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**decimals)
    return f"{'-' if minor < 0 else ''}{whole}" + (f".{rest:0{decimals}}" if decimals else "")


_TYPED = re.compile(r"(-?)(\d+|\d{1,3}(?:,\d{2,3})*,\d{3})(?:\.(\d+))?", re.ASCII)


def minor_of(text: str, currency: str) -> int:
    """Minor units of what somebody typed: 500, 500.00, 1,00,000.00 or ₹500. Raises ValueError: it says what would do.

    A comma groups thousands and is never a decimal point, so that 1,5 is refused and not taken for 15.
    """
    decimals = _DECIMALS.get(currency, 2)
    bare = text.strip().removeprefix(_SIGNS.get(currency, currency)).removeprefix(currency).strip()
    found = _TYPED.fullmatch(bare)
    if found is None or len(found[3] or "") > decimals or len(bare) > _MAX_TYPED:
        raise ValueError(f"must be an amount such as {plain(50 * 10**decimals, currency)}")
    return int(found[1] + found[2].replace(",", "") + (found[3] or "").ljust(decimals, "0"))


_MAX_TYPED = 40
"""Characters: far more than any price has, and few enough that a number can be made of them."""


def grouped(number: int, currency: str) -> str:
    """A whole number as people write it where `currency` is paid in: in lakhs and crores for rupees, else by threes."""
    digits = f"{abs(number):,}"
    if currency in _IN_LAKHS and abs(number) >= 100_000:
        head, tail = divmod(abs(number), 1000)
        digits = f"{_by_twos(head)},{tail:03}"
    return f"{'-' if number < 0 else ''}{digits}"


def _by_twos(number: int) -> str:
    head, tail = divmod(number, 100)
    return f"{_by_twos(head)},{tail:02}" if head else str(tail)
