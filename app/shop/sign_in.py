"""Signing in by choosing a name, where only people at this very machine can: everywhere else a token is brought along.

Whoever may post here speaks for any member. So a page of another site must not: neither by sending a request (a browser
says where it comes from, and JSON may not cross sites unasked) nor by pointing its own name at this machine.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec
from flask import Flask, Response, request

from app.auth.principals import MAX_USER_ID, is_user_id
from app.auth.tokens import LocalSecret, issue
from app.config import LOOPBACK
from app.shop.pages import problem
from app.wiring import House, now


class Choice(msgspec.Struct, forbid_unknown_fields=True):
    """Who one would like to be."""

    user: str


def install(app: Flask, house: House) -> None:
    """Offer it, if the house does."""
    by_name = house.settings.signs_in_by_name
    secret = LocalSecret(house.settings.home)

    def options() -> Response:
        return _answer({"by_name": by_name})

    def signed_in() -> Response:
        if not by_name:
            return problem("not_found", "Here one signs in with a token.", 404)
        if not _is_from_our_own_page():
            return problem("cross_site", "Only the shop's own page, opened at this machine, signs in by name.", 403)
        if request.mimetype != "application/json":
            return problem("unsupported_media_type", "The body is not of a type that is read here.", 415)
        try:
            user = msgspec.json.decode(request.get_data(), type=Choice).user
        except msgspec.ValidationError as error:
            return _unfit(str(error))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return problem("malformed_json", "The body is not JSON as we read it.", 400)
        if not is_user_id(user):
            return _unfit(f"Must be 1 to {MAX_USER_ID} printable characters without a slash.")
        return _answer({"token": issue(secret.read(), user, ["customer"], now())})

    app.add_url_rule("/sign-in/options", "sign_in_options", options)
    app.add_url_rule("/sign-in", "signed_in", signed_in, methods=["POST"])


def _is_from_our_own_page() -> bool:
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    try:
        return urlsplit(f"//{request.headers.get('Host', '')}").hostname in LOOPBACK
    except ValueError:  # no name of any machine
        return False


def _unfit(message: str) -> Response:
    return problem("invalid_request", "This name cannot be used.", 422, errors={"user": [message]})


def _answer(data: object) -> Response:
    return Response(msgspec.json.encode(data), content_type="application/json", headers={"Cache-Control": "no-store"})
