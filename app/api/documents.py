"""The OpenAPI document: flask-smorest, with our errors and our security scheme in it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, TypeVar, cast

import flask_smorest
from flask import Flask, request
from marshmallow import Schema

from app.api.bodies import read
from app.api.fields import FieldList, Instant, Reason, Text, UserId
from app.api.problems import CONTENT_TYPE as PROBLEM
from app.api.schemas import Problem
from app.auth.policy import POLICY, PUBLIC

F = TypeVar("F", bound=Callable[..., Any])

SECURITY = "bearer"


class NoParameters(Schema):
    """The query of an operation that takes none."""


_NO_PARAMETERS = NoParameters()


class Blueprint(flask_smorest.Blueprint):
    """A resource: its routes, documented.

    The library's decorators write down what they are told, and no more: views read what is sent to them by
    `bodies.read` and answer by themselves.
    """

    def __init__(self, name: str, import_name: str, *, description: str, any_query: bool = False) -> None:
        """With `any_query` parameters that no schema names are passed over: probes and gateways may add their own."""
        super().__init__(name, import_name, description=description)
        self._any_query = any_query

    def route(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Register a view; the document says that it needs a token where the policy does.

        One that declares no query takes no parameters: what it would pass over, a client meant.
        """

        def decorator(view: F) -> F:
            if not (self._any_query or _takes_query(view)):
                view = _without_query(view)
            if POLICY.get(f"{self.name}.{view.__name__}") is not PUBLIC:
                view = self.doc(security=[{SECURITY: []}])(view)
            registered: F = super(Blueprint, self).route(rule, **options)(view)
            return registered

        return decorator

    def arguments(self, schema: type[Schema], *, location: str = "json", **options: Any) -> Callable[[F], F]:
        """Read arguments, which the view gets first; what they cannot be is answered by 422."""
        # One instance for all requests: making one copies every field, which takes longer than to read a request.
        known = schema()
        described = _described(super().arguments(known, location=location, **options))

        def decorator(view: F) -> F:
            @wraps(view)
            def reading(*path: Any, **named: Any) -> Any:
                return view(read(known, location), *path, **named)

            documented: F = described(cast(F, reading))
            return documented

        return decorator

    def response(self, *what: Any, **options: Any) -> Callable[[F], F]:
        """Say in the document what a view answers."""
        return _described(super().response(*what, **options))

    def alt_response(self, *what: Any, **options: Any) -> Callable[[F], F]:
        """Say in the document what a view may answer instead."""
        return _described(super().alt_response(*what, **options))

    def doc(self, **what: Any) -> Callable[[F], F]:
        """Say anything in the document."""
        return _described(super().doc(**what))

    def keyed(self, *, is_required: bool) -> Callable[[F], F]:
        """Say in the document that the operation takes an Idempotency-Key."""
        parameter = {
            "in": "header",
            "name": "Idempotency-Key",
            "required": is_required,
            "schema": {"type": "string", "minLength": 1, "maxLength": 255},
        }
        return self.doc(parameters=[parameter])


def _described(describe: Callable[[F], Any]) -> Callable[[F], F]:
    """What a decorator of the library's writes down about a view, without what it wraps around it."""

    def decorator(view: F) -> F:
        view._apidoc = describe(view)._apidoc  # type: ignore[attr-defined]
        return view

    return decorator


def _without_query(view: F) -> F:
    @wraps(view)
    def refusing(*path: Any, **named: Any) -> Any:
        if request.query_string:
            read(_NO_PARAMETERS, "query")
        return view(*path, **named)

    return cast(F, refusing)


def _takes_query(view: Callable[..., Any]) -> bool:
    """Whether `arguments` gave a view a schema for its query."""
    declared = getattr(view, "_apidoc", {}).get("arguments", {}).get("parameters", ())
    return any(parameter["in"] == "query" for parameter in declared)


class Api(flask_smorest.Api):
    """The document over all blueprints."""

    ERROR_SCHEMA = Problem

    def _register_error_handlers(self) -> None:
        """None: errors are turned into problems in one place, app/api/problems.py."""

    def _register_responses(self) -> None:
        """Every error is a problem; of itself the library would call it application/json."""
        described = {status.name: status.phrase for status in HTTPStatus if status >= 400}
        for name, description in {**described, "DEFAULT_ERROR": "Any other refusal"}.items():
            response = {"description": description, "content": {PROBLEM: {"schema": self.ERROR_SCHEMA}}}
            self.spec.components.response(name, response, lazy=True)


def install(app: Flask) -> Api:
    """Set up /openapi.json and /docs."""
    app.config.update(
        API_TITLE="Miles Plus Cash",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
        OPENAPI_SWAGGER_UI_PATH="docs",
        OPENAPI_SWAGGER_UI_URL="/static/swagger-ui/",
    )
    api = Api(app, spec_kwargs={"info": {"description": "Loyalty points as an event-sourced ledger, and a checkout."}})
    for field, schema_type, schema_format in (
        (Instant, "string", "date-time"),
        (UserId, "string", None),
        (Text, "string", None),
        (Reason, "string", None),
        (FieldList, "string", None),
    ):
        api.register_field(field, schema_type, schema_format)
    api.spec.components.security_scheme(SECURITY, {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"})
    return api
