"""The stock application behind the house's own Flask and server: POST /checkout/ as the house has it.

Two appends a checkout, the account and the order in each; the order's id is derived from the key, so that a second try
meets the first. Prices come from a table, and the sandbox's charge is a row in its own.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import jwt
from eventsourcing.application import AggregateNotFoundError
from flask import Flask, Response, jsonify, request
from psycopg_pool import ConnectionPool

from benchmarks.peers.stock_shop import LIVES, Account, Order, Shop, environment, points_for

app = Flask(__name__)
_url, _secret, _threads = os.environ["DATABASE_URL"], os.environ["TOKEN_SECRET"], int(os.environ["THREADS"])
_shop = Shop(environment(_url, _threads))
_pool = ConnectionPool(_url, min_size=1, max_size=_threads, kwargs={"autocommit": True}, open=True)

CHARGE = "INSERT INTO sandbox_charges VALUES (%s, %s, %s, %s) ON CONFLICT (order_id) DO NOTHING"


@app.get("/healthz")
def health() -> Response:
    """Alive."""
    return jsonify(status="ok")


@app.post("/checkout/")
def checkout() -> tuple[Response, int]:
    """Buy: place the order and take its points, charge, settle."""
    token = request.headers["Authorization"].partition(" ")[2]
    user_id = jwt.decode(token, _secret, ["HS256"], audience="miles-plus-cash")["sub"]
    account = _account(user_id)
    order_id = uuid5(account.id, request.headers["Idempotency-Key"])
    known = _order(order_id)
    if known:
        return jsonify(_answer(known, account)), 201
    order = _placed(account, order_id, request.get_json())
    _shop.save(account, order)
    charge_id = f"ch_{order_id.hex}"
    with _pool.connection() as connection:
        connection.execute(CHARGE, (order_id, charge_id, order.cash_due, request.get_json()["payment_method"]))
    earned = points_for(order.total)
    order.pay(charge_id, earned)
    account.earn(order_id, earned, datetime.now(UTC) + LIVES)
    _shop.save(account, order)
    return jsonify(_answer(order, account)), 201


def _account(user_id: str) -> Account:
    try:
        found: Account = _shop.repository.get(Account.create_id(user_id))
    except AggregateNotFoundError:
        return Account(user_id)
    return found


def _order(order_id: UUID) -> Order | None:
    try:
        found: Order = _shop.repository.get(order_id)
    except AggregateNotFoundError:
        return None
    return found


def _placed(account: Account, order_id: UUID, body: dict[str, Any]) -> Order:
    wanted = {item["product_id"]: item["quantity"] for item in body["items"]}
    with _pool.connection() as connection:
        found = connection.execute("SELECT id, name, price FROM products WHERE id = ANY(%s)", (list(wanted),))
        lines = [
            {"product_id": product_id, "name": name, "quantity": wanted[product_id], "unit_price_minor": price}
            for product_id, name, price in found
        ]
    total = sum(line["unit_price_minor"] * line["quantity"] for line in lines)
    order = Order(order_id, account.id, lines, total, body["points_to_use"], request.headers["Idempotency-Key"])
    if order.points_used:
        account.redeem(order_id, order.points_used)
    return order


def _answer(order: Order, account: Account) -> dict[str, Any]:
    return {
        "order_id": str(order.id),
        "status": order.status,
        "total": order.total,
        "points_used": order.points_used,
        "cash_due": order.cash_due,
        "points_earned": order.points_earned,
        "available": account.balance,
        "currency": "INR",
        "created_at": order.created_on.isoformat(),
    }
