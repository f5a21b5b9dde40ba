"""Stripe is chosen whole or not at all, and its secrets are nobody else's."""

from __future__ import annotations

import sys

import pytest

from app.config import BadSetting, from_environment

CHOSEN = {"PAYMENT_GATEWAY": "stripe", "STRIPE_API_KEY": "sk_test_1", "STRIPE_WEBHOOK_SECRET": "whsec_1"}


def complaint(**changes: str) -> str:
    """What is said of these settings, in one line."""
    with pytest.raises(BadSetting) as refused:
        from_environment({**CHOSEN, **changes})
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_stripe_is_chosen_with_its_key_and_its_secret() -> None:
    settings = from_environment({**CHOSEN, "STRIPE_API_BASE": "https://proxy.example/"})
    assert (settings.payment_gateway, settings.stripe_api_key) == ("stripe", "sk_test_1")
    assert (settings.stripe_webhook_secret, settings.stripe_api_base) == ("whsec_1", "https://proxy.example")


def test_the_sandbox_needs_none_of_it() -> None:
    settings = from_environment({})
    assert (settings.payment_gateway, settings.stripe_api_key, settings.stripe_api_base) == ("sandbox", "", None)


@pytest.mark.parametrize("name", ["STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET"])
def test_half_of_it_is_refused(name: str) -> None:
    assert name in complaint(**{name: " "})


def test_stripe_without_its_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stripe", None)
    assert "miles-plus-cash[stripe]" in complaint()


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:12111", "http://localhost:1", "http://[::1]:1", "https://api.stripe.com"]
)
def test_the_key_goes_to_an_encrypted_line_or_stays_on_this_machine(base: str) -> None:
    assert from_environment({**CHOSEN, "STRIPE_API_BASE": base}).stripe_api_base == base


@pytest.mark.parametrize(
    "base",
    ["http://api.stripe.com", "http://127.0.0.1.example", "ftp://localhost", "localhost", "https://", "https://a/b"],
)
def test_a_base_that_would_show_the_key_is_refused(base: str) -> None:
    assert "STRIPE_API_BASE" in complaint(STRIPE_API_BASE=base)


def test_settings_are_printed_without_their_secrets() -> None:
    printed = repr(from_environment(CHOSEN))
    assert "sk_test_1" not in printed
    assert "whsec_1" not in printed
