"""Copies go out of what was signed, all of it and nothing else, whatever somebody writes into the table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from app.audit import shipping
from app.audit.checkpoints import Checkpoint
from app.audit.places import Webhook
from app.audit.sealing import CannotSeal
from app.audit.shipping import Undelivered
from app.cli import audit_checkpoints
from app.config import Settings
from app.database import Database
from app.scheduler.jobs import Failed, seal_log
from app.wiring import House, build
from tests.audit.elsewhere import Elsewhere
from tests.audit.sealed_logs import append, sealed
from tests.support.clock import Clock


@pytest.fixture
def house(hooked: Settings, clock: Clock) -> Iterator[House]:
    """A house that ships to the webhook."""
    built = build(hooked, clock=clock)
    yield built
    built.close()


GARBAGE = (
    "INSERT INTO checkpoints SELECT %s, position, root, {}, key_id, signature FROM checkpoints ORDER BY size LIMIT 1"
)
"""Another row, out of the first one's parts."""


@pytest.mark.parametrize("time", ["sealed_at", "'0044-03-15 BC'", "'20000-01-01'"])
def test_a_row_that_nobody_signed_is_not_sent_and_hides_none_that_was(
    house: House, owner: Database, elsewhere: Elsewhere, time: str
) -> None:
    sizes = [sealed(house, 5).size for _ in range(3)]
    owner.execute(GARBAGE.format(time), (7,))
    copies, (failure,) = house.shipping()
    assert (copies, elsewhere.sizes()) == (3, sizes)
    assert failure.startswith("webhook: the checkpoint over 7 events has a signature that is not of the key ")
    sizes.append(sealed(house).size)
    assert house.shipping() == (1, [])
    assert elsewhere.sizes() == sizes


def test_more_such_rows_than_are_sent_at_a_time_hide_none_either(
    house: House, owner: Database, elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipping, "MOST_AT_A_TIME", 2)
    sizes = [sealed(house, 5).size for _ in range(2)]
    for size in (6, 7, 8, 9):
        owner.execute(GARBAGE.format("sealed_at"), (size,))
    copies, failures = house.shipping()
    assert (copies, len(failures), elsewhere.sizes()) == (2, 1, sizes)


def test_a_row_of_a_giant_size_does_not_make_a_place_believe_that_it_has_all(
    house: House, owner: Database, elsewhere: Elsewhere
) -> None:
    sizes = [sealed(house).size]
    giant = 2**63 - 1
    owner.execute(GARBAGE.format("sealed_at"), (giant,))
    for copies in (1, 0):
        found, (failure,) = house.shipping()
        assert found == copies
        assert failure.startswith(
            f"webhook: the checkpoint over {giant} events has a signature that is not of the key "
        )
    owner.execute("DELETE FROM checkpoints WHERE size = %s", (giant,))
    sizes.append(sealed(house).size)
    assert house.shipping() == (1, [])
    assert elsewhere.sizes() == sizes


@pytest.fixture
def refused(house: House, owner: Database, elsewhere: Elsewhere) -> int:
    """A checkpoint that is not shipped yet, over so many events, in a house that will not seal any longer."""
    elsewhere.answers = [500]
    append(house, 5)
    with pytest.raises(Failed, match="not shipped: webhook: it answered 500"):
        seal_log(house)
    elsewhere.deliveries.clear()
    owner.execute("UPDATE tree SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)")
    append(house)
    return 5


def test_where_a_seal_is_refused_the_job_still_ships_what_was_signed_before(
    house: House, elsewhere: Elsewhere, refused: int
) -> None:
    with pytest.raises(CannotSeal, match="has not the root"):
        seal_log(house)
    assert elsewhere.sizes() == [refused]


def test_where_a_seal_is_refused_the_command_still_ships_what_was_signed_before(
    hooked: Settings, elsewhere: Elsewhere, refused: int
) -> None:
    environment = {
        "DATABASE_URL": hooked.database_url,
        "DATABASE_OWNER_URL": hooked.database_owner_url,
        "MILES_HOME": str(hooked.home),
        "MILES_CHECKPOINT_WEBHOOK": hooked.checkpoint_webhook,
    }
    ended = CliRunner().invoke(audit_checkpoints.seal, env=environment)
    assert isinstance(ended.exception, CannotSeal)
    assert elsewhere.sizes() == [refused]


ADDRESSES: dict[str, Callable[[str], str]] = {
    "a space in its path": lambda port: f"http://127.0.0.1:{port}/hook s3cret",
    "a letter beyond ASCII in its path": lambda port: f"http://127.0.0.1:{port}/é-s3cret",
    "an end of line in its path": lambda port: f"http://127.0.0.1:{port}/hook\r\ns3cret",
    "a name and a password": lambda port: f"http://ann:s3cret@127.0.0.1:{port}/",
    "no number for its port": lambda port: "http://127.0.0.1:s3cret/",
    "no host that there is": lambda port: "http://s3cret.invalid/",
    "nobody who listens": lambda port: "http://127.0.0.1:1/s3cret",
}


@pytest.mark.parametrize("has", ADDRESSES)
def test_no_message_tells_the_address_of_a_webhook(elsewhere: Elsewhere, has: str) -> None:
    webhook = Webhook(ADDRESSES[has](elsewhere.url.rsplit(":", 1)[1]))
    checkpoint = Checkpoint(1, 1, bytes(32), datetime(2026, 1, 15, tzinfo=UTC), "00000000", bytes(64))
    with pytest.raises(Undelivered) as caught:
        webhook.deliver(checkpoint, "")
    said = str(caught.value)
    assert said.startswith("it cannot be reached (")
    assert "s3cret" not in said and "hook" not in said
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert elsewhere.deliveries == []
