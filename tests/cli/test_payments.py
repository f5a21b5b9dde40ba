"""miles recover and miles reconcile: what became of charges, and whether the books agree."""

from __future__ import annotations

from app.wiring import House
from tests.cli.conftest import Run
from tests.support.shop import LOST, TIMEOUT, Shop


def test_recover_settles_every_pending_order_now_and_says_what_they_came_to(miles: Run, house: House) -> None:
    shop = Shop(house)
    shop.give(points=100)
    shop.buy(points=30, method=TIMEOUT)
    shop.buy(points=30, method=LOST)
    ran = miles("recover")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == "1 failed\n1 paid\n0 still unknown, 0 up for review\n"
    assert shop.points()["held"] == 0
    assert miles("recover").stdout == "0 still unknown, 0 up for review\n"


def test_reconcile_names_what_differs_and_ends_with_1_until_it_agrees(miles: Run, house: House) -> None:
    shop = Shop(house)
    order = shop.buy(method=TIMEOUT)
    ran = miles("reconcile")
    assert ran.returncode == 1
    assert ran.stdout.splitlines() == [
        f"{order.order_id}: charged 50000 INR as ch_{order.order_id.hex}, but the order is pending",
        "1 charges, 0 orders compared, 1 differ",
    ]
    assert ran.stderr == "miles: our books and the gateway's disagree\n"
    miles("recover")
    ran = miles("reconcile")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "1 charges, 1 orders compared, 0 differ\n", "")
    assert miles("reconcile", "--since", "2099-01-01").stdout == "0 charges, 0 orders compared, 0 differ\n"


def test_a_day_that_is_none_is_refused_in_one_line(miles: Run) -> None:
    ran = miles("reconcile", "--since", "yesterday")
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1


def test_both_have_help(miles: Run) -> None:
    for command in ("recover", "reconcile"):
        assert miles(command, "--help").stdout.startswith(f"Usage: miles {command}")


def test_giving_up_on_an_order_voids_its_charge_and_says_what_it_has_become(miles: Run, house: House) -> None:
    shop = Shop(house)
    shop.give(points=100)
    lost, charged = shop.buy(points=30, method=LOST), shop.buy(points=30, method=TIMEOUT)
    assert miles("recover", "--give-up", str(lost.order_id)).stdout == f"{lost.order_id}: failed\n"
    assert miles("recover", "--give-up", str(charged.order_id)).stdout == f"{charged.order_id}: paid\n"
    again = miles("recover", "--give-up", str(lost.order_id))
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("miles: order_not_pending")
    assert miles("recover", "--give-up", str(shop.account())).stderr.startswith("miles: unknown_order")
