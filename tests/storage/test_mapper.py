"""Between events and their stored form: every name, every shape ever written, and the way from old shapes to new."""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent

import app.domain
from app.domain.account_events import Opened
from app.domain.aggregate import Event, Recorded
from app.domain.programme import RulesChanged
from app.eventstore import upcasts
from app.eventstore.mapper import EventMapper
from app.eventstore.topics import EVENTS, SNAPSHOTS

GOLDEN = Path(__file__).parent.parent / "history" / "golden"

WRITTEN = {
    "Adjusted.v1",
    "Earned.v1",
    "Expired.v1",
    "Opened.v1",
    "OrderPaid.v1",
    "OrderPlaced.v1",
    "OrderPlaced.v2",
    "OrderRefunded.v1",
    "PaymentFailed.v1",
    "PointAccountState.v1",
    "Redeemed.v1",
    "RefundFailed.v1",
    "RefundRequested.v1",
    "Restored.v1",
    "Restored.v2",
    "Revoked.v1",
    "RulesChanged.v1",
}
"""Every name under which something was ever written. Names are added here, none is ever taken away."""


def golden(topic: str) -> bytes:
    """The sample of `topic`, checked by hand when it was first written."""
    return (GOLDEN / f"{topic}.json").read_bytes()


def stored(topic: str, state: bytes) -> StoredEvent:
    return StoredEvent(uuid4(), 7, topic, state)


def events_of_the_domain() -> list[type]:
    """The classes of events of which nothing is derived any more."""
    for module in pkgutil.iter_modules(app.domain.__path__, "app.domain."):
        importlib.import_module(module.name)
    found, left = [], [Event]
    while left:
        derived = [each for each in left.pop().__subclasses__() if each.__module__.startswith("app.domain.")]
        found += [each for each in derived if not each.__subclasses__()]
        left += derived
    return found


def test_every_event_of_the_domain_has_exactly_one_name() -> None:
    assert Counter(events_of_the_domain()) == Counter(EVENTS.values())


def test_no_name_ever_written_is_gone_and_each_has_its_golden_file() -> None:
    assert {path.name.removesuffix(".json") for path in GOLDEN.iterdir()} == WRITTEN
    mapper = EventMapper()
    assert {topic for topic in WRITTEN if not mapper.knows(topic)} == set()
    assert EVENTS.keys() | SNAPSHOTS.keys() <= WRITTEN


def test_names_are_no_python_paths() -> None:
    for topic, kind in (EVENTS | SNAPSHOTS).items():
        name, version = topic.split(".v")
        assert name.isidentifier() and int(version) >= 1
        assert kind.__module__ not in topic


@pytest.mark.parametrize(
    ("topic", "now", "said"),
    [
        ("Restored.v1", "Restored.v2", {"refund_id": None}),
        ("OrderPlaced.v1", "OrderPlaced.v2", {"gateway": "sandbox"}),
    ],
)
def test_an_old_shape_is_read_as_todays_and_says_what_was_true_then(topic: str, now: str, said: dict[str, Any]) -> None:
    mapper = EventMapper()
    again = mapper.to_stored_event(mapper.to_domain_event(stored(topic, golden(topic))))
    assert again.topic == now
    assert json.loads(again.state) == json.loads(golden(topic)) | said


def test_each_name_that_is_no_longer_written_is_upcast() -> None:
    assert WRITTEN - (EVENTS | SNAPSHOTS).keys() == upcasts.UPCASTS.keys()


@pytest.mark.parametrize("topic", sorted(EVENTS | SNAPSHOTS))
def test_a_golden_file_is_read_and_written_again_as_it_was(topic: str) -> None:
    mapper = EventMapper()
    state = golden(topic)
    recorded = mapper.to_domain_event(stored(topic, state))
    again = mapper.to_stored_event(recorded)
    assert json.loads(again.state) == json.loads(state)
    assert again.topic == topic
    assert isinstance(recorded.event, (EVENTS | SNAPSHOTS)[topic])


@pytest.mark.parametrize("topic", sorted(EVENTS | SNAPSHOTS))
def test_every_event_makes_the_round_trip(topic: str) -> None:
    mapper = EventMapper()
    recorded = mapper.to_domain_event(stored(topic, golden(topic)))
    assert mapper.to_domain_event(mapper.to_stored_event(recorded)) == recorded
    assert mapper.topic_of(type(recorded.event)) == topic
    at = getattr(recorded.event, "at", None)
    assert at is None or at.tzinfo is not None


def test_a_record_keeps_its_stream_and_version() -> None:
    mapper = EventMapper()
    recorded = Recorded(uuid4(), 12, Opened(at=datetime(2026, 1, 15, tzinfo=UTC), balance=0))
    written = mapper.to_stored_event(recorded)
    assert (written.originator_id, written.originator_version) == (recorded.originator_id, 12)
    assert mapper.to_domain_event(written) == recorded


@pytest.mark.parametrize(
    ("topic", "state"),
    [
        ("Granted.v1", b"{}"),
        ("Opened", golden("Opened.v1")),
        ("app.domain.point_account:Opened", golden("Opened.v1")),
        ("Opened.v1", b'{"at": "2026-01-15T06:30:00Z"}'),
        ("Opened.v1", b'{"at": "yesterday", "balance": 0}'),
        ("Opened.v1", b'{"at": "2026-01-15T06:30:00Z", "balance": "0"}'),
        ("Opened.v1", b"not json"),
        ("Opened.v1", b""),
    ],
)
def test_what_has_no_known_name_or_shape_is_refused_by_name(topic: str, state: bytes) -> None:
    with pytest.raises(MapperDeserialisationError, match=topic):
        EventMapper().to_domain_event(stored(topic, state))


def test_a_field_that_this_code_does_not_know_yet_is_passed_over() -> None:
    state = golden("Opened.v1").replace(b"{", b'{"since": "tomorrow",', 1)
    opened = EventMapper().to_domain_event(stored("Opened.v1", state)).event
    assert opened == Opened(at=datetime(2026, 1, 15, 6, 30, tzinfo=UTC), balance=0)


def _v0_named_its_actor_otherwise(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "RulesChanged.v0b", {**data, "by": data["admin"]}


def _v0b_had_no_grace(data: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    return "RulesChanged.v1", {**data, "rule": {**data["rule"], "restore_grace_days": 3}}


UPCASTS = {"RulesChanged.v0": _v0_named_its_actor_otherwise, "RulesChanged.v0b": _v0b_had_no_grace}


def old_rules_changed() -> bytes:
    """A change of rules as two versions ago: the actor under another name, no grace."""
    data = json.loads(golden("RulesChanged.v1"))
    data["admin"] = data.pop("by")
    del data["rule"]["restore_grace_days"]
    return json.dumps(data).encode()


def test_an_old_shape_is_read_through_every_step_to_todays() -> None:
    mapper = EventMapper(upcasts=UPCASTS)
    todays = mapper.to_domain_event(stored("RulesChanged.v1", golden("RulesChanged.v1"))).event
    read = mapper.to_domain_event(stored("RulesChanged.v0", old_rules_changed())).event
    assert isinstance(read, RulesChanged)
    assert (read.by, read.at, read.effective_from) == (todays.by, todays.at, todays.effective_from)
    assert read.rule.restore_grace_days == 3
    assert mapper.to_stored_event(Recorded(uuid4(), 1, read)).topic == "RulesChanged.v1"


def test_without_its_upcast_an_old_shape_cannot_be_read() -> None:
    mapper = EventMapper()
    assert not mapper.knows("RulesChanged.v0")
    assert EventMapper(upcasts=UPCASTS).knows("RulesChanged.v0")
    with pytest.raises(MapperDeserialisationError):
        mapper.to_domain_event(stored("RulesChanged.v0", old_rules_changed()))
    with pytest.raises(MapperDeserialisationError):
        mapper.to_domain_event(stored("RulesChanged.v1", old_rules_changed()))


def test_an_upcast_that_does_not_fit_what_is_stored_is_reported_as_such() -> None:
    with pytest.raises(MapperDeserialisationError, match=r"RulesChanged\.v0"):
        EventMapper(upcasts=UPCASTS).to_domain_event(stored("RulesChanged.v0", b"{}"))
