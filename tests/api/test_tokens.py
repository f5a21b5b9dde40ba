"""Tokens of the local secret: whose are believed, and every way in which one may be forged or amiss."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest

from app.auth.principals import Principal
from app.auth.tokens import LOCAL_AUDIENCE, LOCAL_ISSUER, BadToken, LocalSecret, Tokens, issue
from app.wiring import now
from tests.api.conftest import CommonShop
from tests.support.http import answered, refused
from tests.support.keys import SigningKey, good_claims


def claims(**changed: Any) -> dict[str, Any]:
    """Claims that the local house believes, but for what was changed; None leaves one out."""
    given = good_claims(**{"iss": LOCAL_ISSUER, "aud": LOCAL_AUDIENCE, **changed})
    return {name: value for name, value in given.items() if value is not None}


def part(value: Any) -> str:
    """A part of a token."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Mint:
    """Signs with the house's own secret."""

    def __init__(self, common: CommonShop) -> None:
        self.secret = LocalSecret(common.house.settings.home).read()

    def __call__(self, algorithm: str = "HS256", **changed: Any) -> str:
        return jwt.encode(claims(**changed), self.secret, algorithm)


@pytest.fixture
def mint(common: CommonShop) -> Mint:
    return Mint(common)


def test_a_good_token_is_believed(common: CommonShop, mint: Mint) -> None:
    assert answered(common.with_token(mint()).get("/user/points"))["user"] == "ann"


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"exp": int(time.time()) - 1},
        {"exp": 0},
        {"exp": "soon"},
        {"exp": []},
        {"exp": float("inf")},
        {"exp": -float("inf")},
        {"nbf": int(time.time()) + 600},
        {"iat": int(time.time()) + 600},
        {"aud": None},
        {"aud": "elsewhere"},
        {"aud": []},
        {"aud": 7},
        {"iss": None},
        {"iss": "elsewhere"},
        {"iss": "miles-plus-cash/"},
        {"sub": None},
        {"sub": ""},
        {"sub": "a/b"},
        {"sub": "x" * 129},
        {"sub": "ann\n"},
        {"sub": "ann\x00"},
        {"sub": "ann\x7f"},
        {"sub": "ann\u202e"},
        {"sub": "\ud800"},
        {"sub": 7},
        {"sub": ["ann"]},
        {"roles": None},
        {"roles": "customer"},
        {"roles": {"customer": True}},
        {"roles": ["customer", "owner"]},
        {"roles": ["Customer"]},
        {"roles": [["customer"]]},
        {"roles": [7]},
    ],
    # Ids without the present time in them: the test processes must agree on the names.
    ids=lambda changed: re.sub(r"\d{10}", "then", f"{next(iter(changed))} {next(iter(changed.values()))!r}")[:60],
)
def test_a_token_with_a_bad_claim_is_refused_though_its_signature_is_good(
    common: CommonShop, mint: Mint, changed: dict[str, Any]
) -> None:
    response = common.with_token(mint(**changed)).get("/user/points")
    refused(response, 401, "unauthenticated")
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("sub", ["x" * 128, "ann bob", "o'brien", "a|b\\c%_", "ann@example.com", "अनु", "👩‍🚀"[:1]])
def test_a_user_id_may_be_any_printable_text_without_a_slash(common: CommonShop, mint: Mint, sub: str) -> None:
    assert answered(common.with_token(mint(sub=sub)).get("/user/points"))["user"] == sub


def test_among_several_audiences_ours_is_enough(common: CommonShop, mint: Mint) -> None:
    answered(common.with_token(mint(aud=["elsewhere", LOCAL_AUDIENCE])).get("/user/points"))


FORGERIES: dict[str, Callable[[Mint], str]] = {
    "none": lambda mint: jwt.encode(claims(), None, "none"),
    "none, with a signature": lambda mint: f"{part({'alg': 'none'})}.{part(claims())}.{mint().split('.')[2]}",
    "nOnE": lambda mint: f"{part({'alg': 'nOnE'})}.{part(claims())}.",
    "no algorithm": lambda mint: f"{part({'typ': 'JWT'})}.{part(claims())}.{part(b'x')}",
    "an algorithm that is no text": lambda mint: f"{part({'alg': ['HS256']})}.{part(claims())}.{part(b'x')}",
    "HS512 with the very secret": lambda mint: mint("HS512"),
    "RS256 with a key of one's own": lambda mint: SigningKey("RS256", "k").sign(iss=LOCAL_ISSUER, aud=LOCAL_AUDIENCE),
    "another secret": lambda mint: jwt.encode(claims(), "s" * 64, "HS256"),
    "an empty secret": lambda mint: _signed_with_nothing(),
    "claims changed after signing": lambda mint: _with_claims(mint(), claims(roles=["admin"])),
    "no signature": lambda mint: mint().rsplit(".", 1)[0] + ".",
    "a cut signature": lambda mint: mint()[:-4],
    "two parts": lambda mint: mint().rsplit(".", 1)[0],
    "four parts": lambda mint: mint() + ".x",
    "no base64": lambda mint: "!!!.!!!.!!!",
    "words": lambda mint: "let me in",
    "other letters": lambda mint: "caf\xe9",
    "dots": lambda mint: "..",
    "a header that is no object": lambda mint: f"{part([])}.{part(claims())}.{part(b'x')}",
    "a header of a thousand lists": lambda mint: f"{part(b'[' * 5000 + b']' * 5000)}.{part(claims())}.{part(b'x')}",
    "a header that is no text": lambda mint: f"{part(bytes([0xFF, 0xFE]))}.{part(claims())}.{part(b'x')}",
    "claims that are no object": lambda mint: jwt.api_jws.encode(b"[1]", mint.secret, "HS256"),
    "claims of a thousand lists": lambda mint: jwt.api_jws.encode(b"[" * 5000 + b"]" * 5000, mint.secret, "HS256"),
    "a critical extension": lambda mint: jwt.encode(claims(), mint.secret, "HS256", headers={"crit": ["x"]}),
    "a critical extension by half a character": lambda mint: (
        f"{part({'alg': 'HS256', 'crit': [chr(0xD800)]})}.{part(claims())}.{part(b'x')}"
    ),
}


def _with_claims(token: str, changed: dict[str, Any]) -> str:
    header, _, signature = token.split(".")
    return f"{header}.{part(changed)}.{signature}"


def _signed_with_nothing() -> str:
    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims())}"
    return f"{signed}.{part(hmac.digest(b'', signed.encode(), hashlib.sha256))}"


@pytest.mark.parametrize("forge", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forged_token_is_refused(common: CommonShop, mint: Mint, forge: Callable[[Mint], str]) -> None:
    refused(common.with_token(forge(mint)).get("/user/points"), 401, "unauthenticated")


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YW5uOmFubg==", "{}", "Token {}", "bearer{}"])
def test_a_header_that_is_no_bearer_token_is_refused(common: CommonShop, mint: Mint, header: str) -> None:
    response = common.nobody.get("/user/points", {"Authorization": header.format(mint())})
    refused(response, 401, "unauthenticated")


def test_the_scheme_is_read_in_any_case(common: CommonShop, mint: Mint) -> None:
    answered(common.nobody.get("/user/points", {"Authorization": f"bEARER {mint()}"}))


def test_a_token_in_the_query_or_in_a_cookie_is_not_looked_at(common: CommonShop, mint: Mint) -> None:
    refused(common.nobody.get(f"/user/points?access_token={mint()}"), 401, "unauthenticated")
    refused(common.nobody.get("/user/points", {"Cookie": f"token={mint()}"}), 401, "unauthenticated")


def test_a_public_route_does_not_mind_a_bad_token(common: CommonShop) -> None:
    answered(common.with_token("rubbish").get("/products/"))


def test_a_remembered_token_still_expires(common: CommonShop, mint: Mint) -> None:
    token = mint(exp=int(time.time()) + 2)
    answered(common.with_token(token).get("/user/points"))
    answered(common.with_token(token).get("/user/points"))
    deadline = time.monotonic() + 10
    while common.with_token(token).get("/user/points").status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    refused(common.with_token(token).get("/user/points"), 401, "unauthenticated")


def test_a_verified_token_is_remembered_and_is_not_verified_again(mint: Mint) -> None:
    class Counted:
        def __init__(self) -> None:
            self.algorithms = ["HS256"]
            self.asked = 0

        def key_for(self, token: str) -> str:
            self.asked += 1
            return mint.secret

    keys = Counted()
    tokens = Tokens(keys, LOCAL_ISSUER, LOCAL_AUDIENCE)
    token = mint()
    assert {tokens.verify(token) for _ in range(5)} == {Principal("ann", frozenset({"customer"}))}
    assert keys.asked == 1
    for _ in range(3):
        with pytest.raises(BadToken):
            tokens.verify(token + "x")
    assert keys.asked == 4, "a bad one is never remembered as good, nor as bad"


def test_what_the_house_issues_lasts_twelve_hours_and_no_longer(mint: Mint, common: CommonShop) -> None:
    fresh = issue(mint.secret, "ann", ["customer"], now() - timedelta(hours=11, minutes=59))
    stale = issue(mint.secret, "ann", ["customer"], now() - timedelta(hours=12, minutes=1))
    answered(common.with_token(fresh).get("/user/points"))
    refused(common.with_token(stale).get("/user/points"), 401, "unauthenticated")
