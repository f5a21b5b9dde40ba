"""Amounts as people write them: minor units with the currency's own number of decimals."""

from __future__ import annotations

_OTHER_THAN_TWO = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
"""The currencies whose decimals are not two. Source: ISO 4217, list one ("minor unit"), as SIX Group publishes it."""

_DECIMALS = {code: decimals for decimals, codes in _OTHER_THAN_TWO.items() for code in codes.split()}

_SIGNS = {"EUR": "€", "GBP": "£", "INR": "₹"}
"""A sign stands for one currency here: all others, the dollars and the other pounds among them, go by their code."""


def amount(minor: int, currency: str) -> str:
    """`minor` units of `currency`, such as ₹1,000.00 for 100000 INR, JPY 1,000 for 1000 JPY."""
    decimals = _DECIMALS.get(currency, 2)
    whole, rest = divmod(abs(minor), 10**decimals)
    fraction = f".{rest:0{decimals}}" if decimals else ""
    return f"{'-' if minor < 0 else ''}{_SIGNS.get(currency, currency + ' ')}{whole:,}{fraction}"
