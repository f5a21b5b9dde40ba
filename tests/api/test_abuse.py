"""The table of abuses, held against the app: each meets its own refusal, and nothing at all is written."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import msgspec
import pytest
from werkzeug.test import TestResponse

from app.auth.tokens import LOCAL_AUDIENCE, LOCAL_ISSUER, LocalSecret
from app.domain.order import order_id
from app.registers.receipts import claim_id
from app.usecases.import_orders import PastOrder
from app.usecases.ports import Claim
from app.wiring import now
from tests.api.abuses import ABUSES, ADJUST, BUY, CHECKOUT, GIVE_BACK, GRANT, REFUND, RULES, Abuse, twice
from tests.api.conftest import CommonShop
from tests.support.http import Api, Caller, answered, refused
from tests.support.tables import snapshot_of_tables


class Scene:
    """Members with points, orders in every state that there is, and everybody who may come by."""

    def __init__(self, common: CommonShop) -> None:
        self.common = common
        self.names = {"product": str(common.product), "dear": str(common.on_sale(10**12, sku="DEAR"))}
        common.grant("ann", 300)
        common.grant("rich", 2_000)
        answered(common.admin.post(ADJUST, GRANT, key="granted"), 201)
        self.callers = {
            "nobody": common.nobody,
            "ann": common.as_customer("ann"),
            "bob": common.as_customer("bob"),
            "rich": common.as_customer("rich"),
            "admin": common.admin,
            "auditor": common.auditor,
            **self._impostors(),
        }
        self.names["token"] = self.callers["ann"].token or ""
        self._orders()
        self._claim("under-way")

    def send(self, abuse: Abuse) -> TestResponse:
        """The abuse's request. A write has a key of its own unless the abuse has its own idea of one."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": "abuse"}
        if abuse.body is None:
            headers = {}
        told = {name: self._filled(value) for name, value in abuse.headers.items()}
        data = abuse.body if isinstance(abuse.body, bytes | None) else self._filled(json.dumps(abuse.body)).encode()
        caller = self.callers[abuse.who]
        return caller.send(abuse.method, self._filled(abuse.path), data=data, headers={**headers, **told})

    def _filled(self, text: str) -> str:
        for name, value in self.names.items():
            text = text.replace(f'"<{name}>"', value if value.isdigit() else f'"{value}"').replace(f"<{name}>", value)
        return text

    def _impostors(self) -> dict[str, Caller]:
        """Whoever says that they are ann or root with a token that is none."""
        claims = {"sub": "ann", "roles": ["customer", "admin"], "iss": LOCAL_ISSUER, "aud": LOCAL_AUDIENCE}
        hour, secret = timedelta(hours=1), LocalSecret(self.common.house.settings.home).read()
        good = {**claims, "exp": now() + hour}
        header, _, signature = jwt.encode({**good, "roles": ["customer"]}, secret).split(".")
        promoted = jwt.encode(good, secret).split(".")[1]
        tokens = {
            "expired": jwt.encode({**claims, "exp": now() - hour}, secret),
            "elsewhere": jwt.encode({**good, "aud": "elsewhere"}, secret),
            "unsigned": jwt.encode(good, "", "none"),
            "forged": jwt.encode(good, "a secret of one's own that is long enough"),
            "promoted": f"{header}.{promoted}.{signature}",
            "no token at all": "root",
        }
        return {name: self.common.with_token(token) for name, token in tokens.items()}

    def _orders(self) -> None:
        for name, method, status in (
            ("paid", "pm_card_visa", 201),
            ("partly", "pm_card_visa", 201),
            ("refunded", "pm_card_visa", 201),
            ("refunding", "pm_sandbox_refund_timeout", 201),
            ("doubted", "pm_card_visa", 201),
            ("pending", "pm_sandbox_timeout", 202),
            ("failed", "pm_card_chargeDeclined", 402),
        ):
            key = "bought" if name == "paid" else name
            bought = self._post("ann", CHECKOUT, {**BUY, "points_to_use": 10, "payment_method": method}, key, status)
            self.names[name] = bought["order_id"]
        for name, amount, key, status in (
            ("partly", 10_000, "refunded-a-part", 201),
            ("refunded", None, "refunded-all", 201),
            ("refunding", 10_000, "refunding", 202),
        ):
            self._post(
                "admin", REFUND.format(name), {**GIVE_BACK, **({"amount": amount} if amount else {})}, key, status
            )
        house = self.common.house
        house.recoveries.review(UUID(self.names["doubted"]), "charged twice")
        house.import_orders([(1, PastOrder("ann", "S-1", house.clock(), 50_000))])
        account_id = house.directory.account_of("ann")
        assert account_id is not None
        self.names |= {
            "account": str(account_id),
            "imported": str(order_id(account_id, "import S-1")),
            "nobody's": str(uuid4()),
        }

    def _post(self, who: str, path: str, body: Any, key: str, status: int) -> Any:
        response = self.send(Abuse("", who, "POST", path, body, status, "", {"Idempotency-Key": key}))
        assert response.status_code == status, response.get_data(as_text=True)
        return response.get_json()

    def _claim(self, key: str) -> None:
        """Ann's good order is under way, by this key."""
        body = json.loads(self._filled(json.dumps(BUY)))
        request = msgspec.json.encode(["POST", CHECKOUT, body], order="sorted")
        claimed = self.common.house.receipts.claim(claim_id("ann", key), hashlib.sha256(request).digest())
        assert isinstance(claimed, Claim)


@pytest.fixture(scope="module")
def scene(common: CommonShop) -> Scene:
    return Scene(common)


@pytest.mark.parametrize("abuse", ABUSES, ids=[abuse.name for abuse in ABUSES])
def test_an_abuse_meets_its_own_refusal_and_writes_nothing(scene: Scene, abuse: Abuse) -> None:
    before = snapshot_of_tables(scene.common.owner)
    refused(scene.send(abuse), abuse.status, abuse.code)
    assert snapshot_of_tables(scene.common.owner) == before


def test_the_table_is_long_and_tells_its_cases_apart() -> None:
    assert len(ABUSES) >= 60
    assert list(twice(ABUSES)) == []


def test_what_the_abuses_are_made_of_is_accepted_where_it_is_meant(api: Api) -> None:
    product = api.on_sale()
    api.grant("ann", 100)
    body = json.loads(json.dumps(BUY).replace('"<product>"', str(product)))
    order = answered(api.as_customer("ann").post(CHECKOUT, body, key="abuse"), 201)["order_id"]
    answered(api.admin.post(ADJUST, GRANT, key="abuse"), 201)
    answered(api.admin.post(f"/admin/orders/{order}/refunds", GIVE_BACK, key="refund"), 201)
    answered(api.admin.post(RULES, {}, key="rules"), 201)
