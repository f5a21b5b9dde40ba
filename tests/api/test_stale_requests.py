"""Requests that outlive their claim, answers that race, keys whose request was refused: still one answer a key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from app.config import Settings
from app.database import Database
from app.wiring import build
from tests.support.clock import Clock
from tests.support.http import Api, answered, bought, refused
from tests.support.shop import Shop

LAPSE = "UPDATE idempotency SET leased_until = now() - interval '1 second' WHERE status IS NULL"


class Meanwhile:
    """Something that another request does while the first one is held up, once; and what it was answered."""

    def __init__(self, act: Callable[[], TestResponse]) -> None:
        self._act = act
        self._has_begun = False
        self.answer: TestResponse | None = None

    def __call__(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self.answer = self._act()


@pytest.fixture
def neighbour(settings: Settings, clock: Clock) -> Iterator[Api]:
    """Another process of the same house, which knows nothing of the first one's locks."""
    built = build(settings, clock=clock)
    yield Api(built)
    built.close()


@pytest.mark.parametrize(
    ("path", "body"),
    [("/admin/rules", {"earn_points": 2}), ("/admin/accounts/ann/adjustments", {"points": 5, "reason": "sorry"})],
)
def test_a_request_that_outlived_its_claim_writes_nothing_beside_the_one_that_took_it_over(
    api: Api,
    neighbour: Api,
    owner: Database,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, Any],
) -> None:
    def second() -> TestResponse:
        owner.execute(LAPSE)
        return neighbour.admin.post(path, body, key="k")

    meanwhile, load = Meanwhile(second), api.house.loyalty.load

    def held_up(*wanted: Any) -> Any:
        meanwhile()
        return load(*wanted)

    monkeypatch.setattr(api.house.loyalty, "load", held_up)
    first = api.admin.post(path, body, key="k")
    assert meanwhile.answer
    made = answered(meanwhile.answer, 201)
    refused(first, 409, "try_again")
    assert answered(api.admin.post(path, body, key="k"), 201) == made
    assert owner.rows("SELECT count(*) FROM events WHERE topic IN ('RulesChanged.v1', 'Adjusted.v1')") == [(1,)]


def test_replays_of_a_202_that_race_give_one_and_the_same_final_answer(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.grant("ann", 100)
    ann, body = api.as_customer("ann"), bought(api.on_sale(), payment_method="pm_sandbox_timeout")
    answered(ann.post("/checkout/", body, key="k"), 202)
    api.house.recover_payments(is_all=True)

    def second() -> TestResponse:
        api.grant("ann", 7)  # so that what is available differs
        return ann.post("/checkout/", body, key="k")

    meanwhile, real = Meanwhile(second), api.house.check_out.outcome

    def outcome(placed_id: UUID) -> Any:
        found = real(placed_id)
        meanwhile()
        return found

    monkeypatch.setattr(api.house.check_out, "outcome", outcome)
    first = ann.post("/checkout/", body, key="k")
    assert meanwhile.answer
    later = ann.post("/checkout/", body, key="k")
    assert answered(first, 201) == answered(meanwhile.answer, 201) == answered(later, 201)


def test_the_key_of_a_refund_that_was_declined_is_bound_to_its_amount(api: Api) -> None:
    body = bought(api.on_sale(), payment_method="pm_sandbox_refund_refused")
    order = answered(api.as_customer("ann").post("/checkout/", body, key="k"), 201)["order_id"]
    path = f"/admin/orders/{order}/refunds"
    for _ in range(2):
        refused(api.admin.post(path, {"amount": 100, "reason": "A dent."}, key="r"), 409, "refund_declined")
    refused(api.admin.post(path, {"amount": 200, "reason": "A dent."}, key="r"), 422, "idempotency_key_reused")


def test_the_first_final_answer_to_a_checkout_is_that_it_was_paid_even_after_a_refund(api: Api) -> None:
    ann, body = api.as_customer("ann"), bought(api.on_sale(), payment_method="pm_sandbox_timeout")
    order = answered(ann.post("/checkout/", body, key="k"), 202)["order_id"]
    api.house.recover_payments(is_all=True)
    answered(api.admin.post(f"/admin/orders/{order}/refunds", {"reason": "A dent."}, key="r"), 201)
    assert answered(ann.post("/checkout/", body, key="k"), 201)["status"] == "paid"
    assert answered(ann.get(f"/orders/{order}"))["status"] == "refunded"


def test_a_review_that_was_cleared_before_a_crash_is_cleared_when_asked_again(api: Api, owner: Database) -> None:
    order_id = Shop(api.house).buy().order_id
    path, headers = f"/admin/reviews/{order_id}", {"Idempotency-Key": "d"}
    api.house.recoveries.review(order_id, "charged twice")
    assert api.admin.send("DELETE", path, headers=headers).status_code == 204
    owner.execute("UPDATE idempotency SET status = NULL, body = NULL")  # as if the answer had not been written
    owner.execute(LAPSE)
    assert api.admin.send("DELETE", path, headers=headers).status_code == 204
    replayed = api.admin.send("DELETE", path, headers=headers)
    assert (replayed.status_code, replayed.headers["Idempotent-Replayed"]) == (204, "true")
