"""Refusals over HTTP: the one table from a code to its status and title, and every error as problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any

import msgspec
from eventsourcing.persistence import OperationalError
from flask import Flask, Response, g
from werkzeug.exceptions import HTTPException

from app.audit import AuditError
from app.auth.tokens import KeysUnavailable
from app.domain.errors import DomainError
from app.eventstore.chain import Unreadable
from app.telemetry.logging import logger

CONTENT_TYPE = "application/problem+json"

PROBLEMS: dict[str, tuple[int, str]] = {
    "malformed_json": (400, "The body is not JSON as we read it."),
    "bad_request": (400, "The request cannot be understood."),
    "idempotency_key_required": (400, "This request needs an Idempotency-Key."),
    "idempotency_key_invalid": (400, "An Idempotency-Key is 1 to 255 visible ASCII characters."),
    "invalid_signature": (400, "The message is not signed as the payment gateway signs."),
    "unauthenticated": (401, "A valid token is needed."),
    "payment_declined": (402, "The payment was not made. The points are back."),
    "forbidden": (403, "This token's roles do not allow that."),
    "not_found": (404, "There is nothing here."),
    "unknown_account": (404, "There is no such account."),
    "unknown_order": (404, "There is no such order."),
    "unknown_event": (404, "There is no event at this position."),
    "unknown_checkpoint": (404, "There is no checkpoint over so many events."),
    "method_not_allowed": (405, "This method is not allowed here."),
    "try_again": (409, "Others were changing the same account. Send the request again."),
    "in_flight": (409, "A request with this key is under way."),
    "total_changed": (409, "The total is not what was expected."),
    "order_not_pending": (409, "The order is settled."),
    "order_not_refundable": (409, "Nothing of this order can be refunded now."),
    "refund_declined": (409, "The payment gateway gives nothing back. No points were moved."),
    "not_sealed_yet": (409, "The event lies past the checkpoint."),
    "body_too_large": (413, "The body is too large."),
    "unsupported_media_type": (415, "The body is not of a type that is read here."),
    "invalid_request": (422, "The request has fields that cannot be accepted."),
    "invalid_cursor": (422, "This cursor was not issued for this list."),
    "idempotency_key_reused": (422, "This key was used for another request."),
    "insufficient_points": (422, "There are not enough points."),
    "refund_exceeds_order": (422, "That is more than is left of the order."),
    "points_exceed_total": (422, "The points are worth more than the order."),
    "points_above_maximum": (422, "One order may not take so many points."),
    "points_below_minimum": (422, "One order may not take so few points."),
    "unknown_product": (422, "A product is not sold here."),
    "not_provable": (500, "What was sealed cannot be proven now: the sealed tree is not what was signed."),
    "internal_error": (500, "Something went wrong on our side."),
    "unavailable": (503, "The service cannot answer now. Try again shortly."),
    "report_behind": (503, "The report has not caught up with the log yet."),
}

_OF_STATUS = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}

_log = logger("api")


def problem(code: str, detail: str | None = None, **members: Any) -> dict[str, Any]:
    """The body of a refusal: `members` stand beside the fixed ones."""
    status, title = PROBLEMS[code]
    return {
        "type": f"urn:miles-plus-cash:problem:{code}",
        "title": title,
        "status": status,
        "detail": detail or title,
        "code": code,
        "request_id": g.get("request_id", ""),
        **members,
    }


def refusal(code: str, detail: str | None = None, *, retry_after_s: int | None = None, **members: Any) -> Response:
    """A refusal, ready to send."""
    response = Response(
        msgspec.json.encode(problem(code, detail, **members)),
        status=PROBLEMS[code][0],
        content_type=CONTENT_TYPE,
    )
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def install(app: Flask) -> None:
    """Turn whatever is raised in a request into a refusal."""
    app.register_error_handler(DomainError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _unavailable)
    app.register_error_handler(KeysUnavailable, _unavailable)
    app.register_error_handler(Unreadable, _altered)
    app.register_error_handler(AuditError, _not_provable)
    app.register_error_handler(Exception, _crashed)


def _refused(error: DomainError) -> Response:
    facts = dict(error.facts)
    errors = facts.pop("errors", None)
    members = {**facts, **({"errors": errors} if errors else {})}
    return refusal(error.code, retry_after_s=1 if error.retryable else None, **members)


def _http(error: HTTPException) -> Response:
    if error.response is not None:
        return error.response  # type: ignore[return-value]
    code = _OF_STATUS.get(error.code or 500, "bad_request" if (error.code or 500) < 500 else "internal_error")
    response = refusal(code)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def _unavailable(error: Exception) -> Response:
    _log.error("what the request needs is unavailable", error=str(error))
    return refusal("unavailable", retry_after_s=1)


def _altered(error: Unreadable) -> Response:
    _log.error("the log was altered: see miles audit verify", error=str(error))
    return refusal("internal_error", str(error))


def _not_provable(error: Exception) -> Response:
    _log.error("a proof cannot be made", error=str(error))
    return refusal("not_provable")


def _crashed(error: Exception) -> Response:
    _log.exception("request failed", exc_info=error)
    return refusal("internal_error")
