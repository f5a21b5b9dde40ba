"""miles programme backtest: the proposal that it reads, the figures that it prints, and that it leaves no trace."""

from __future__ import annotations

import json
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.database import Database
from app.wiring import House, now
from tests.cli.conftest import Run
from tests.support.clock import Clock
from tests.support.shop import Shop
from tests.support.tables import snapshot_of_tables


@pytest.fixture
def shop(house: House, clock: Clock) -> Shop:
    """Two members: ann has 120 points after an order that took 30, bob 10. It goes by the same clock as the command."""
    clock.at = now()
    shop = Shop(house)
    shop.give("ann", 100)
    shop.buy("ann", 30)
    shop.buy("bob", price=10_000)
    return shop


@pytest.fixture
def proposal(tmp_path: Path) -> Path:
    """Twice the points, of which 20 at most may be spent on an order, at ₹2.00 each."""
    file = tmp_path / "rules.json"
    file.write_text('{"earn_points": 2, "max_redeem_per_order": 20, "point_value": 200}')
    return file


def test_it_prints_real_proposed_and_difference(miles: Run, shop: Shop, proposal: Path) -> None:
    ran = miles("programme", "backtest", str(proposal))
    assert (ran.returncode, ran.stderr) == (0, "")
    lines = [line.split() for line in ran.stdout.splitlines()]
    assert ran.stdout.startswith("2 orders would have gone another way; 2 go by the proposal\n")
    assert ["points", "real", "proposed", "difference"] in lines
    assert ["issued", "160", "220", "+60"] in lines
    assert ["earned", "60", "120", "+60"] in lines
    assert ["redeemed", "30", "20", "-10"] in lines
    assert ["expired", "0", "0", "+0"] in lines
    assert ["outstanding", "130", "200", "+70"] in lines
    assert ["liability", "₹130.00", "₹400.00", "+₹270.00"] in lines
    assert lines[-2:] == [["ann", "120", "180", "+60"], ["bob", "10", "20", "+10"]]


def test_what_would_be_less_is_written_as_less(miles: Run, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "rules.json").write_text('{"earn_points": 0}')
    lines = [line.split() for line in miles("programme", "backtest", "rules.json").stdout.splitlines()]
    assert ["liability", "₹130.00", "₹70.00", "-₹60.00"] in lines
    assert lines[-2:] == [["ann", "120", "70", "-50"], ["bob", "10", "0", "-10"]]


def test_it_says_what_waits_for_the_sweep_and_names_the_forgotten_by_account(
    miles: Run, shop: Shop, tmp_path: Path, clock: Clock
) -> None:
    account_id = shop.house.forget_member("ann").account_id
    clock.move(days=-800)
    shop.give("cem", 40)  # lapsed long ago, by the clock that the command goes by
    (tmp_path / "rules.json").write_text('{"earn_points": 0}')
    told = miles("programme", "backtest", "rules.json").stdout
    assert "expired counts 40 points that lapsed and wait for the next sweep" in told.splitlines()
    assert f"{account_id} " in told and "ann" not in told.replace("balance", "")


def test_as_json_it_gives_all_figures(miles: Run, shop: Shop, proposal: Path) -> None:
    ran = miles("programme", "backtest", str(proposal), "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    told: dict[str, Any] = json.loads(ran.stdout)
    assert told.keys() == {
        "rule", "currency", "at", "since", "orders", "orders_affected", "unswept", "real", "proposed", "difference",
        "members",
    }  # fmt: skip
    assert (told["rule"]["earn_points"], told["rule"]["expiry_months"], told["currency"]) == (2, 12, "INR")
    assert (told["orders"], told["orders_affected"], told["unswept"], told["since"]) == (2, 2, 0, None)
    assert told["at"].endswith("Z")
    assert told["difference"] == {
        "issued": 60, "earned": 60, "redeemed": -10, "restored": 0, "revoked": 0, "expired": 0, "adjusted": 0,
        "debt": 0, "outstanding": 70, "liability": 27_000,
    }  # fmt: skip
    assert told["members"][0] == {
        "account_id": str(shop.account("ann")), "user": "ann", "real": 120, "proposed": 180, "difference": 60,
    }  # fmt: skip


def test_since_is_told_in_utc(miles: Run, house: House, proposal: Path) -> None:
    ran = miles("programme", "backtest", str(proposal), "--json", "--since", "2026-01-02")
    assert json.loads(ran.stdout)["since"] == "2026-01-01T18:30:00Z"


def test_figures_of_any_size_stand_apart(miles: Run, shop: Shop, tmp_path: Path) -> None:
    for _ in range(12):
        shop.give("one whose name is longer than twenty-four", 1_000_000_000)
    (tmp_path / "rules.json").write_text('{"earn_points": 0, "point_value": 1000000000}')
    told = miles("programme", "backtest", "rules.json").stdout.splitlines()
    (liability,) = (line.split() for line in told if line.startswith("liability"))
    assert liability == [
        "liability",
        "₹12,00,00,00,130.00",
        "₹1,20,00,00,01,00,00,00,000.00",
        "+₹1,19,99,99,88,99,99,99,870.00",
    ]
    table = [line for line in told if line.startswith(("points", "liability", "balance", "ann", "bob"))]
    assert len({len(line) for line in table}) == 1, "every column ends where its heading does"


def test_a_user_id_of_many_words_is_quoted(miles: Run, shop: Shop, tmp_path: Path) -> None:
    shop.buy("zed      900       900        +0")
    (tmp_path / "rules.json").write_text('{"earn_points": 0}')
    told = miles("programme", "backtest", "rules.json").stdout.splitlines()
    (zed,) = (line for line in told if "zed" in line)
    assert zed.startswith("“zed      900       900        +0”  ") and zed.split()[-3:] == ["50", "0", "-50"]


def test_since_is_a_day_of_the_programmes(miles: Run, house: House, proposal: Path, clock: Clock) -> None:
    """Two orders of the last instants of a day there, one of the first instant of the next."""
    shop, zone = Shop(house), house.settings.zone
    day = now().astimezone(zone).date() - timedelta(days=5)
    for at in (time(23, 0), time(23, 59, 59)):
        clock.at = datetime.combine(day, at, zone)
        shop.buy("ann")
    clock.at = datetime.combine(day + timedelta(days=1), time.min, zone)
    shop.buy("ann")

    def orders(days: int) -> int:
        since = (day + timedelta(days=days)).isoformat()
        return int(
            json.loads(miles("programme", "backtest", str(proposal), "--json", "--since", since).stdout)["orders"]
        )

    assert [orders(days) for days in range(3)] == [3, 1, 0]
    assert miles("programme", "backtest", str(proposal), "--since", "yesterday").returncode == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is not JSON"),
        (b"{", "is not JSON"),
        (b"\xff{}", "is not JSON"),
        (b'{"earn_points": 1, "earn_points": 2}', "a key stands twice"),
        (b"[" * 100_000, "is too large"),
        (b"[" * 60_000, "is not JSON"),
        (b"[]", "must be a JSON object"),
        (b"3", "must be a JSON object"),
        (b'{"earn_pionts": 2}', "earn_pionts: unknown field"),
        (b'{"effective_from": "2026-01-01T00:00:00Z"}', "effective_from: unknown field"),
        (b'{"earn_points": "2"}', "earn_points"),
        (b'{"earn_points": 2.0}', "earn_points"),
        (b'{"earn_points": true}', "earn_points"),
        (b'{"earn_points": null}', "earn_points"),
        (b'{"earn_points": NaN}', "earn_points"),
        (b'{"earn_points": -1}', "earn_points: Must be from 0"),
        (b'{"earn_points": 99999999999999999999999}', "earn_points"),
        (b'{"earn_per_amount": 0}', "earn_per_amount: Must be from 1"),
        (b'{"earn_on": "points"}', "earn_on"),
        (b'{"min_redeem_per_order": 600}', "min_redeem_per_order: Must not exceed"),
        (b'{"pending_days": 400, "expiry_months": 0}', "expiry_months: Must be from 1"),
    ],
)
def test_a_proposal_that_is_none_is_one_line_and_status_1(
    miles: Run, shop: Shop, owner: Database, tmp_path: Path, content: bytes, why: str
) -> None:
    (tmp_path / "rules.json").write_bytes(content)
    before = snapshot_of_tables(owner)
    ran = miles("programme", "backtest", "rules.json")
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert line.startswith("miles: rules.json: ") and why in line
    assert snapshot_of_tables(owner) == before


def test_it_writes_nothing_but_who_looked(miles: Run, shop: Shop, proposal: Path, owner: Database) -> None:
    before = snapshot_of_tables(owner)
    assert miles("programme", "backtest", str(proposal), "--as", "ravi", "--since", "2026-01-31").returncode == 0
    assert miles("programme", "backtest", str(proposal), "--as", "a/b").returncode == 2
    (reading,) = shop.house.readings.newest(10)
    assert reading[2:] == ("ravi", "miles programme backtest", None, "since=2026-01-31")
    after = snapshot_of_tables(owner)
    assert {name for name in before if before[name] != after[name]} == {"readings", "directory"}


def test_a_file_that_is_not_there_and_no_file_are_told(miles: Run) -> None:
    for arguments in (("missing.json",), (".",), ()):
        assert miles("programme", "backtest", *arguments).returncode == 2
    assert "Nothing is written" in " ".join(miles("programme", "backtest", "--help").stdout.split())
