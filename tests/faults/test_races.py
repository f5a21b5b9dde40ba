"""Many clients at once on one balance, one key, one order: over HTTP, against several server processes.

The clients fire together and come again as long as they are told to. The last test takes the guards away and shows
that the same race then finds more winners than the balance covers.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest

from app.auth.tokens import LocalSecret, issue
from app.config import Settings
from app.database import Database
from app.domain.rules import Rule
from app.wiring import House, build, now
from tests.support.books import wrongs
from tests.support.postgres import Addresses, TestServer
from tests.support.racers import Answer, Shot, race
from tests.support.refunds import given_back, order_row
from tests.support.serving import serving
from tests.support.shop import VISA, Shop

pytestmark = pytest.mark.slow

CLIENTS, ROUNDS, PROCESSES = 64, 100, 4
PRICE = 10_000
"""₹100.00: what a hundred points pay."""


class Track:
    """A server that is raced against, and a house on its database to set the scene and to look at it afterwards."""

    def __init__(self, url: str, house: House, owner: Database) -> None:
        self.url = url
        self.house = house
        self.owner = owner
        self.shop = Shop(house)
        self._secret = LocalSecret(house.settings.home).read()

    def token(self, user: str, role: str = "customer") -> str:
        return issue(self._secret, user, [role], now())

    def purchases(
        self, user: str, count: int, *, points: int = 100, cash: int = 0, method: str = VISA, key: str | None = None
    ) -> list[Shot]:
        """So many orders of `points` and `cash`, each under a key of its own or all under one."""
        ((product, quantity),) = self.shop.items(points * 100 + cash)
        body = {"items": [{"product_id": product, "quantity": quantity}], "points_to_use": points}
        if cash:
            body["payment_method"] = method
        return [Shot("/checkout/", body, key or f"buy-{n}", self.token(user)) for n in range(count)]

    def refunds(self, order_id: UUID, count: int, amount: int | None, key: str | None = None) -> list[Shot]:
        """So many refunds of one order."""
        body = {"reason": "It had a dent.", **({"amount": amount} if amount else {})}
        path, token = f"/admin/orders/{order_id}/refunds", self.token("root", "admin")
        return [Shot(path, body, key or f"refund-{order_id}-{n}", token) for n in range(count)]

    def takings(self, user: str, count: int, points: int) -> list[Shot]:
        """So many adjustments down."""
        body = {"points": -points, "reason": "A correction."}
        path, token = f"/admin/accounts/{user}/adjustments", self.token("root", "admin")
        return [Shot(path, body, f"take-{user}-{n}", token) for n in range(count)]

    def order(self, user: str, points: int, cash: int) -> UUID:
        """An order of `points` and `cash` that is paid for."""
        self.shop.give(user, points, key=f"for {user}")
        method = VISA if cash else None
        order = self.shop.buy(user, points, price=points * 100 + cash, method=method, key=f"order of {user}")
        assert order.status == "paid"
        return order.order_id


@contextmanager
def track(addresses: Addresses, home: Path) -> Iterator[Track]:
    """Several processes at work on one database. What orders earn ripens tomorrow: no race can spend it."""
    with serving(
        home,
        DATABASE_URL=addresses.app,
        DATABASE_OWNER_URL=addresses.owner,
        MILES_SAMPLE_DATA="0",
        MILES_WORKERS=str(PROCESSES),
    ) as server:
        house, owner = build(Settings(home=home, database_url=addresses.app)), Database(addresses.owner, pool_size=2)
        house.change_rules(Rule(pending_days=1), None, "root")
        yield Track(server.url, house, owner)
        owner.close()
        house.close()


@pytest.fixture(scope="module")
def racing(postgres: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Track]:
    with postgres.fresh() as addresses, track(addresses, tmp_path_factory.mktemp("racing") / "home") as started:
        yield started


def codes(answers: list[Answer]) -> Counter[str | int]:
    """How many were refused for which reason, and how many got which success."""
    return Counter(answer.code or answer.status for answer in answers)


def is_pending(answer: Answer) -> bool:
    """The order is placed and not settled yet, or waits for the refund before."""
    return answer.status == 202 or (answer.code == "order_not_refundable" and answer.body["order_status"] != "refunded")


def test_of_64_clients_on_one_balance_exactly_those_win_whom_it_covers(racing: Track) -> None:
    chance = random.Random(64)
    covered = [1, CLIENTS - 1, CLIENTS, *(chance.randrange(1, CLIENTS) for _ in range(ROUNDS - 3))]
    for number, winners in enumerate(covered):
        user, rest, cash = f"racer-{number}", chance.randrange(100), PRICE * (number % 2)
        racing.shop.give(user, winners * 100 + rest, key=f"start {number}")
        answers = race(racing.url, racing.purchases(user, CLIENTS, cash=cash), again=is_pending)
        told = f"round {number}: {winners} of {CLIENTS} are covered"
        assert codes(answers) == +Counter({201: winners, "insufficient_points": CLIENTS - winners}), told
        points = racing.shop.points(user)
        assert (points["available"], points["held"], points["lifetime"]["redeemed"]) == (rest, 0, winners * 100), told
        earned = winners * (100 * 100 + cash) // 1000
        assert sum(points for _, points in racing.shop.lines(user)) == rest + earned, told
        orders = racing.house.orders.page(100, user=user).items
        assert [order["status"] for order in orders] == ["paid"] * winners, told
    assert wrongs(racing.house) == []


@pytest.mark.parametrize(("cash", "method"), [(0, VISA), (PRICE, VISA), (PRICE, "pm_sandbox_slow")])
def test_16_clients_with_one_key_make_one_order_and_all_hear_the_same(racing: Track, cash: int, method: str) -> None:
    for number in range(1 if method != VISA else 5):
        user = f"one-key-{cash}-{method}-{number}"
        racing.shop.give(user, 1_000, key=f"start {user}")
        answers = race(racing.url, racing.purchases(user, 16, cash=cash, method=method, key="k"), again=is_pending)
        assert codes(answers) == {201: 16}
        assert len({answer.text for answer in answers}) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) <= 1
        (order,) = racing.house.orders.page(100, user=user).items
        assert racing.shop.points(user)["lifetime"]["redeemed"] == order["points_used"] == 100
        charges = racing.owner.rows(
            "SELECT amount_minor FROM sandbox_charges WHERE order_id = %s", (order["order_id"],)
        )
        assert charges == ([(cash,)] if cash else [])
    assert wrongs(racing.house) == []


def test_16_clients_of_whom_the_house_never_heard_are_one_member(racing: Track) -> None:
    for number in range(5):
        user = f"stranger-{number}"
        answers = race(racing.url, racing.purchases(user, 16, points=0, cash=PRICE), again=is_pending)
        assert codes(answers) == {201: 16}
        assert len({answer.body["order_id"] for answer in answers}) == 16
        assert racing.shop.points(user)["lifetime"]["earned"] == 16 * 10
    assert wrongs(racing.house) == []


@pytest.mark.parametrize(("amount", "winners"), [(1_250, 16), (1_500, 13), (19_999, 1), (None, 1)])
@pytest.mark.parametrize("cash", [0, PRICE + 7])
def test_16_refunds_of_one_order_give_back_what_it_holds_and_no_more(
    racing: Track, cash: int, amount: int | None, winners: int
) -> None:
    points = 200 if not cash else 100
    total = points * 100 + cash
    user = f"refunded-{cash}-{amount}"
    order_id = racing.order(user, points, cash)
    answers = race(racing.url, racing.refunds(order_id, 16, amount), again=is_pending)
    refusal = "refund_exceeds_order" if amount else "order_not_refundable"
    assert codes(answers) == +Counter({201: winners, refusal: 16 - winners})
    done = [answer.body for answer in answers if answer.status == 201]
    sums = [sum(body[name] for body in done) for name in ("cash_refunded", "points_restored", "points_revoked")]
    row = order_row(racing.shop, order_id)
    assert sums == [row["cash_refunded"], row["points_restored"], row["points_revoked"]]
    refunded = total if amount is None else winners * amount
    assert sums == [whole * refunded // total for whole in (cash, points, total // 1000)]
    assert sum(given_back(racing.owner, order_id)) == sums[0]
    assert row["status"] == ("refunded" if refunded == total else "partially_refunded")
    assert wrongs(racing.house) == []


@pytest.mark.parametrize("cash", [0, PRICE])
def test_16_refunds_with_one_key_are_one(racing: Track, cash: int) -> None:
    for number in range(5):
        order_id = racing.order(f"one-refund-{cash}-{number}", 100, cash)
        answers = race(racing.url, racing.refunds(order_id, 16, 3_000, key=f"one-refund-{order_id}"), again=is_pending)
        assert codes(answers) == {201: 16}
        assert len({answer.text for answer in answers}) == 1
        share = 3_000 * cash // (10_000 + cash)
        assert given_back(racing.owner, order_id) == ([share] if cash else [])
        assert order_row(racing.shop, order_id)["cash_refunded"] == share
    assert wrongs(racing.house) == []


def test_what_admins_take_at_once_never_goes_below_nothing(racing: Track) -> None:
    for number in range(5):
        user = f"taken-{number}"
        racing.shop.give(user, 1_000, key=f"start {user}")
        answers = race(racing.url, racing.takings(user, CLIENTS, 30))
        assert codes(answers) == {201: 33, "insufficient_points": CLIENTS - 33}
        assert sorted(answer.body["available"] for answer in answers if answer.status == 201) == [
            1_000 - 30 * taken for taken in range(33, 0, -1)
        ]
        assert racing.shop.available(user) == 10
    assert wrongs(racing.house) == []


def test_members_who_buy_and_admins_who_take_share_one_balance_between_them(racing: Track) -> None:
    for number in range(5):
        user = f"shared-{number}"
        racing.shop.give(user, 9 * 15 + 4, key=f"start {user}")
        # So few points earn none: an admin may take pending ones, too, and they would blur the sum.
        shots = [*racing.purchases(user, 16, points=9), *racing.takings(user, 16, 9)]
        random.Random(number).shuffle(shots)
        answers = race(racing.url, shots, again=is_pending)
        assert codes(answers) == {201: 15, "insufficient_points": 17}
        assert racing.shop.available(user) == 4
    assert wrongs(racing.house) == []


def test_without_the_guards_the_same_race_finds_more_winners_than_the_balance_covers(
    addresses: Addresses, owner: Database, tmp_path: Path
) -> None:
    with track(addresses, tmp_path / "home") as unguarded:
        owner.execute("ALTER TABLE events DROP CONSTRAINT events_one_version_once")
        owner.execute("CREATE INDEX events_by_version ON events (originator_id, originator_version)")
        owner.execute("ALTER TABLE lots DROP CONSTRAINT lots_check")
        assert any(winners_of(unguarded, f"racer-{number}") > CLIENTS // 2 for number in range(ROUNDS))
        assert wrongs(unguarded.house) != []


def winners_of(racing: Track, user: str) -> int:
    """How many of the clients win where the balance covers half of them; so few points earn no lot, a guard too."""
    racing.shop.give(user, CLIENTS // 2 * 9)
    return codes(race(racing.url, racing.purchases(user, CLIENTS, points=9)))[201]
