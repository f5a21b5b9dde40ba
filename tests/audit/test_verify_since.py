"""Verification of what came since a checkpoint: that alone, and whatever its streams have to do with."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.audit import AuditError
from app.audit.keys import FOLDER
from app.audit.since import UnknownCheckpoint
from app.database import Database
from app.domain.rules import Rule
from app.wiring import House
from tests.audit.verifying import sealed, verified
from tests.support.clock import Clock
from tests.support.refunds import refund
from tests.support.shop import DAY, DECLINED, Shop


@pytest.fixture
def shop(house: House) -> Shop:
    """A shop on the test's own house."""
    return Shop(house)


@pytest.fixture
def two(shop: Shop, clock: Clock) -> tuple[Shop, int]:
    """Ann, Bob and the rules under a checkpoint; Ann went on since."""
    shop.give("ann")
    shop.give("bob", expires_at=clock() + 9_999 * DAY)
    shop.buy("ann", points=10)
    shop.house.change_rules(Rule(pending_days=1), None, "root")
    size = sealed(shop)
    let_ann_go_on(shop, clock)
    return shop, size


def let_ann_go_on(shop: Shop, clock: Clock) -> None:
    """Something of everything, of one member."""
    for order in shop.house.orders.page(5).items:
        refund(shop, order["order_id"], 10_000)
    shop.buy("ann", points=5)
    shop.buy("ann", points=5, method=DECLINED)
    clock.move(days=900)
    shop.house.expire_points()
    shop.give("ann")


def test_only_what_came_since_is_read_and_what_its_streams_were_before(two: tuple[Shop, int]) -> None:
    shop, size = two
    report = verified(shop, size)
    assert report.events == len(shop.events()) - size
    assert report.streams == len({stream for position, stream, _ in shop.events() if position > size})
    sealed(shop)
    assert verified(shop, size).checkpoints == 1
    assert verified(shop, len(shop.events()))._replace(seconds=0) == (0, 0, 0, len(shop.events()), 0)


def test_the_trusted_keys_are_read_once_however_many_checkpoints_there_are(
    two: tuple[Shop, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, size = two
    for _ in range(5):
        shop.give()
        sealed(shop)
    reads: list[Path] = []
    read_bytes = Path.read_bytes

    def counted(path: Path) -> bytes:
        reads.append(path.parent)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", counted)
    folder = shop.house.settings.home / FOLDER
    assert (verified(shop).checkpoints, reads.count(folder)) == (6, 1)
    assert (verified(shop, size).checkpoints, reads.count(folder)) == (5, 2)


def test_since_a_checkpoint_that_there_is_not_is_an_error(two: tuple[Shop, int]) -> None:
    shop, size = two
    with pytest.raises(UnknownCheckpoint, match=f"there is no checkpoint over {size + 1} events"):
        verified(shop, size + 1)


EDIT = "ALTER TABLE events DISABLE TRIGGER events_append_only; {}; ALTER TABLE events ENABLE TRIGGER events_append_only"


@pytest.mark.parametrize(
    ("edit", "is_found"),
    [
        ("UPDATE events SET metadata = '{}' WHERE originator_id = %(ann)s AND originator_version = 2", True),
        ("UPDATE events SET metadata = '{}' WHERE originator_id = %(ann)s AND position > %(end)s", True),
        ("UPDATE snapshots SET originator_version = 1 WHERE originator_id = %(ann)s", True),
        ("UPDATE balances SET balance = 1000 WHERE account_id = %(ann)s", True),
        ("UPDATE lots SET reference = '' WHERE account_id = %(ann)s", True),
        ("DELETE FROM transactions WHERE account_id = %(ann)s AND id > %(end)s", True),
        ("UPDATE tree SET hashes = sha256(hashes) WHERE tile = 0", True),
        ("UPDATE checkpoints SET root = sha256(root)", True),
        ("DELETE FROM events WHERE position = %(end)s", True),
        ("UPDATE events SET metadata = '{}' WHERE originator_id = %(bob)s", False),
        ("UPDATE snapshots SET state = '' WHERE originator_id = %(bob)s", False),
        ("UPDATE balances SET balance = 1000 WHERE account_id = %(bob)s", False),
        ("DELETE FROM rules", False),
    ],
)
def test_since_a_checkpoint_other_streams_are_not_looked_at(
    two: tuple[Shop, int], owner: Database, edit: str, is_found: bool
) -> None:
    shop, size = two
    shop.house.seal()
    names = {"ann": shop.account("ann"), "bob": shop.account("bob"), "end": size}
    owner.execute(EDIT.format(edit), names)
    assert is_found or verified(shop, size).events
    if is_found:
        with pytest.raises(AuditError):
            verified(shop, size)
