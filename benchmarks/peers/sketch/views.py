"""The sketch's pages: checkout and search, with the paths, tokens and JSON of the house."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jwt
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from benchmarks.peers.sketch.buying import Refused, buy
from benchmarks.peers.sketch.models import Product

FIELDS = ("id", "sku", "name", "brand", "category", "price", "currency", "image_url")
PAGE = 20


def health(request: HttpRequest) -> HttpResponse:
    """Alive."""
    return JsonResponse({"status": "ok"})


def checkout(request: HttpRequest) -> HttpResponse:
    """POST /checkout/."""
    _, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        claims = jwt.decode(token, settings.TOKEN_SECRET, ["HS256"], audience="miles-plus-cash")
    except jwt.PyJWTError:
        return JsonResponse({"code": "unauthenticated"}, status=401)
    body: dict[str, Any] = json.loads(request.body)
    fingerprint = hashlib.sha256(request.body).hexdigest()
    try:
        answer = buy(claims["sub"], request.headers["Idempotency-Key"], fingerprint, body)
    except Refused as refused:
        return JsonResponse({"code": str(refused)}, status=409)
    return JsonResponse(answer, status=201)


def search(request: HttpRequest) -> HttpResponse:
    """GET /products/search by category, brand and price, newest first."""
    asked = request.GET
    found = Product.objects.filter(active=True)
    for name in ("category", "brand"):
        if asked.getlist(name):
            found = found.filter(**{f"{name}__in": asked.getlist(name)})
    if "min_price" in asked:
        found = found.filter(price__gte=int(asked["min_price"]))
    if "max_price" in asked:
        found = found.filter(price__lte=int(asked["max_price"]))
    rows = list(found.order_by("-id").values(*FIELDS)[: PAGE + 1])
    return JsonResponse({"items": rows[:PAGE], "next": rows[PAGE - 1]["id"] if len(rows) > PAGE else None})


urlpatterns = [path("healthz", health), path("checkout/", checkout), path("products/search", search)]
