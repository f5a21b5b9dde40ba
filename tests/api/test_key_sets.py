"""Tokens of an identity provider, believed by its JWKS: from a file and over HTTP, by algorithm, by key id, rotated."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import jwt
import pytest
from werkzeug.test import TestResponse

from app.auth.tokens import BadToken, KeySet, KeysUnavailable, LocalSecret, Tokens, issue
from app.config import Settings
from app.wiring import build, now
from tests.api.test_tokens import part
from tests.support.http import Api, answered, refused
from tests.support.keys import AUDIENCE, ISSUER, SigningKey, good_claims, jwks, publish

RSA, EC, ED = SigningKey("RS256", "rsa-1"), SigningKey("ES256", "ec-1"), SigningKey("EdDSA", "ed-1")
ROTATED = SigningKey("ES256", "ec-2")


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A JWKS with a key of each kind."""
    path = tmp_path / "jwks.json"
    publish(path, RSA, EC, ED)
    return path


@pytest.fixture
def trusting(settings: Settings, key_file: Path) -> Iterator[Api]:
    """The API of a house that trusts the key file."""
    trusted = replace(settings, jwt_jwks=str(key_file), jwt_issuer=ISSUER, jwt_audience=AUDIENCE)
    house = build(trusted)
    yield Api(house)
    house.close()


def points(api: Api, token: str) -> TestResponse:
    return api.with_token(token).get("/user/points")


def test_a_token_by_any_key_of_the_set_is_believed(trusting: Api) -> None:
    for key in (RSA, EC, ED):
        assert answered(points(trusting, key.sign(sub=f"ann of {key.kid}")))["user"] == f"ann of {key.kid}"


def test_a_token_of_the_local_secret_is_worth_nothing_where_a_key_set_is_trusted(
    trusting: Api, settings: Settings
) -> None:
    secret = LocalSecret(settings.home).read()
    local = issue(secret, "ann", ["customer"], now())
    dressed_up = jwt.encode(good_claims(), secret, "HS256", headers={"kid": RSA.kid})
    for token in (local, dressed_up):
        refused(points(trusting, token), 401, "unauthenticated")


def _confused(key: SigningKey) -> str:
    """HS256 with the public key's own text as its secret, which the library would not sign for us."""
    header = {"alg": "HS256", "typ": "JWT", "kid": key.kid}
    signed = f"{part(header)}.{part(good_claims())}"
    return f"{signed}.{part(hmac.digest(key.public_pem, signed.encode(), hashlib.sha256))}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda: _confused(RSA),
        lambda: _confused(EC),
        lambda: RSA.sign({"kid": EC.kid}),
        lambda: EC.sign({"kid": RSA.kid}),
        lambda: ED.sign({"kid": EC.kid}),
        lambda: EC.sign({"kid": "ec-9"}),
        lambda: EC.sign({"kid": ""}),
        lambda: SigningKey("ES256", EC.kid).sign(),
        lambda: jwt.encode(good_claims(), None, "none", headers={"kid": RSA.kid}),
        lambda: jwt.encode(good_claims(), "x" * 64, "HS256"),
        lambda: SigningKey("ES256", "mine").sign({"jku": "http://127.0.0.1:9/jwks", "jwk": EC.jwk}),
        lambda: EC.sign(exp=None),
        lambda: EC.sign(exp=1),
        lambda: EC.sign(iss="https://elsewhere.example"),
        lambda: EC.sign(aud="elsewhere"),
        lambda: EC.sign(roles=["owner"]),
        lambda: EC.sign(sub="a/b"),
    ],
    ids=[
        "RSA's public key as a secret",
        "EC's public key as a secret",
        "RSA's under EC's id",
        "EC's under RSA's id",
        "Ed25519's under EC's id",
        "an unknown id",
        "an empty id",
        "another key under the same id",
        "none",
        "a secret without an id",
        "a key that the token brings itself",
        "no expiry",
        "expired",
        "another issuer",
        "another audience",
        "an unknown role",
        "a bad user id",
    ],
)
def test_a_token_that_the_key_set_does_not_vouch_for_is_refused(key_file: Path, forge: Callable[[], str]) -> None:
    with pytest.raises(BadToken):
        Tokens(KeySet(str(key_file)), ISSUER, AUDIENCE).verify(forge())


def test_a_token_without_a_key_id_is_believed_only_where_there_is_but_one_key(key_file: Path) -> None:
    token = jwt.encode(good_claims(), EC.private, "ES256")
    tokens = Tokens(KeySet(str(key_file)), ISSUER, AUDIENCE)
    with pytest.raises(BadToken):
        tokens.verify(token)
    publish(key_file, EC)
    assert tokens.verify(token).user_id == "ann"


def test_a_key_that_is_rotated_in_the_file_is_taken_up_at_once_and_the_old_one_is_done_with(
    trusting: Api, key_file: Path
) -> None:
    answered(points(trusting, EC.sign()))
    refused(points(trusting, ROTATED.sign()), 401, "unauthenticated")
    publish(key_file, ROTATED)
    answered(points(trusting, ROTATED.sign()))
    refused(points(trusting, EC.sign(sub="bob")), 401, "unauthenticated")


def test_without_its_keys_the_house_cannot_say_and_does_not_tell_where_they_should_be(
    trusting: Api, key_file: Path
) -> None:
    key_file.unlink()
    response = points(trusting, EC.sign())
    refused(response, 503, "unavailable")
    assert str(key_file) not in response.get_data(as_text=True)
    answered(trusting.nobody.get("/products/"))


class Provider:
    """An identity provider on this machine that serves its JWKS, and counts who asks for it."""

    def __init__(self, *keys: SigningKey) -> None:
        self.body = jwks(*keys)
        self.status = 200
        self.asked = 0
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.asked += 1
                self.send_response(provider.status)
                self.end_headers()
                self.wfile.write(provider.body.encode())

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/jwks.json"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def provider() -> Iterator[Provider]:
    running = Provider(RSA, EC, ED)
    yield running
    running.close()


def test_a_key_set_is_fetched_over_http_once_for_many_tokens(provider: Provider) -> None:
    tokens = Tokens(KeySet(provider.url), ISSUER, AUDIENCE)
    for key in (RSA, EC, ED):
        assert [tokens.verify(key.sign(sub=f"user {n}")).user_id for n in range(3)] == ["user 0", "user 1", "user 2"]
    assert provider.asked == 1


def test_an_unknown_key_makes_the_set_be_fetched_again(provider: Provider) -> None:
    tokens = Tokens(KeySet(provider.url, cooldown_s=0), ISSUER, AUDIENCE)
    tokens.verify(EC.sign())
    provider.body = jwks(ROTATED)
    assert tokens.verify(ROTATED.sign()).user_id == "ann"
    with pytest.raises(BadToken):
        tokens.verify(EC.sign(sub="bob"))


def test_invented_key_ids_do_not_make_the_house_call_the_provider_each_time(provider: Provider) -> None:
    tokens = Tokens(KeySet(provider.url), ISSUER, AUDIENCE)
    for number in range(20):
        with pytest.raises(BadToken):
            tokens.verify(EC.sign({"kid": f"invented-{number}"}))
    assert provider.asked == 1


def test_a_key_id_that_is_half_a_character_is_only_a_bad_token(provider: Provider) -> None:
    with pytest.raises(BadToken) as refusal:
        Tokens(KeySet(provider.url), ISSUER, AUDIENCE).verify(EC.sign({"kid": "\ud800"}))
    assert str(refusal.value).encode("utf-8")


def test_a_provider_that_does_not_answer_leaves_tokens_undecided(provider: Provider) -> None:
    tokens = Tokens(KeySet(provider.url), ISSUER, AUDIENCE)
    provider.status = 500
    with pytest.raises(KeysUnavailable):
        tokens.verify(EC.sign())
    provider.status = 200
    assert tokens.verify(EC.sign()).user_id == "ann"


def test_one_key_over_http_needs_no_id_either(provider: Provider) -> None:
    tokens = Tokens(KeySet(provider.url), ISSUER, AUDIENCE)
    token = jwt.encode(good_claims(), EC.private, "ES256")
    with pytest.raises(BadToken):
        tokens.verify(token)
    provider.body = jwks(EC)
    assert Tokens(KeySet(provider.url), ISSUER, AUDIENCE).verify(token).user_id == "ann"
