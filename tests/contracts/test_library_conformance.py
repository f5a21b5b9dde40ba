"""The event store against the eventsourcing library's own conformance cases: all of them, none skipped.

Each class below is one of the library's, told only which recorders to test. The last tests see to it that no case of
the library's is left out, in this version or the next, and that its own PostgreSQL module takes no part.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from types import ModuleType
from typing import Any, cast
from unittest import TestCase, defaultTestLoader

import pytest
from eventsourcing.persistence import ApplicationRecorder, InfrastructureFactory
from eventsourcing.tests import application as application_cases
from eventsourcing.tests import persistence as cases
from eventsourcing.tests import projection as projection_cases
from eventsourcing.utils import Environment, get_topic

from app.eventstore.recorder import PostgresAggregateRecorder, PostgresApplicationRecorder
from app.eventstore.tracking import PostgresProcessRecorder, PostgresTrackingRecorder
from tests.support.conformance import CountersView, MigratingFactory
from tests.support.postgres import Addresses

NOT_OURS = {
    "RecorderTestCase": "holds comparisons that the others share, and no test",
    "TranscoderTestCase": "is about the library's transcoder, which our mapper never calls",
    "TaggedDecisionCountersProjectionTestCase": "is about dynamic consistency boundaries, which are another store's",
}
"""The library's classes that do not say anything about a persistence module of this kind, and why."""


@pytest.fixture(autouse=True)
def _environment(addresses: Addresses, monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's applications find their store by the environment; here, as the owner of a fresh database."""
    monkeypatch.setenv("PERSISTENCE_MODULE", MigratingFactory.__module__)
    monkeypatch.setenv("DATABASE_URL", addresses.owner)


def factory() -> MigratingFactory:
    return MigratingFactory(Environment("Conformance", os.environ))


class TestAggregateRecorder(cases.AggregateRecorderTestCase):
    def create_recorder(self) -> PostgresAggregateRecorder:
        return cast(PostgresAggregateRecorder, factory().aggregate_recorder())


class TestApplicationRecorder(cases.ApplicationRecorderTestCase[ApplicationRecorder]):
    def create_recorder(self) -> ApplicationRecorder:
        return factory().application_recorder()

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()


class TestTrackingRecorder(cases.TrackingRecorderTestCase):
    def create_recorder(self) -> PostgresTrackingRecorder:
        return cast(PostgresTrackingRecorder, factory().tracking_recorder())


class TestProcessRecorder(cases.ProcessRecorderTestCase):
    def create_recorder(self) -> PostgresProcessRecorder:
        return cast(PostgresProcessRecorder, factory().process_recorder())


class TestNonInterleavingNotificationIDs(cases.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> ApplicationRecorder:
        return factory().application_recorder()


class OtherTrackingRecorder(PostgresTrackingRecorder):
    """A follower of another class, which the factory is to make when asked."""


class TestInfrastructureFactory(cases.InfrastructureFactoryTestCase[MigratingFactory]):
    def setUp(self) -> None:
        self.env = Environment("TestCase", os.environ)
        super().setUp()

    def expected_factory_class(self) -> type[MigratingFactory]:
        return MigratingFactory

    def expected_aggregate_recorder_class(self) -> type[PostgresAggregateRecorder]:
        return PostgresAggregateRecorder

    def expected_application_recorder_class(self) -> type[PostgresApplicationRecorder]:
        return PostgresApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[PostgresTrackingRecorder]:
        return PostgresTrackingRecorder

    def tracking_recorder_subclass(self) -> type[PostgresTrackingRecorder]:
        return OtherTrackingRecorder

    def expected_process_recorder_class(self) -> type[PostgresProcessRecorder]:
        return PostgresProcessRecorder


# One case looks that the library's own deprecation warning comes, and so it must not be raised as an error.
@pytest.mark.filterwarnings("always::DeprecationWarning")
class TestApplication(application_cases.ApplicationTestCase):
    pass


class TestExampleApplication(application_cases.ExampleApplicationTestCase):
    expected_factory_topic = get_topic(MigratingFactory)


class TestEventCountersView(projection_cases.EventCountersViewTestCase):
    def construct_event_counters_view(self) -> CountersView:
        return cast(CountersView, factory().tracking_recorder(CountersView))


class TestAggregateEventCountersProjection(projection_cases.AggregateEventCountersProjectionTestCase):
    view_class = CountersView


class TestEventSourcedProjection(projection_cases.EventSourcedProjectionTestCase):
    pass


def _test_cases_of(module: ModuleType) -> set[type[TestCase]]:
    return {
        member
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, TestCase) and member.__module__ == module.__name__
    }


OURS = _test_cases_of(sys.modules[__name__])


def test_every_case_of_the_library_is_run() -> None:
    theirs = set().union(*map(_test_cases_of, (cases, application_cases, projection_cases)))
    run = {base for our in OURS for base in our.__mro__} & theirs
    assert {case.__name__ for case in theirs - run} == NOT_OURS.keys() - {"RecorderTestCase"}
    assert len(OURS) == 11


def test_no_test_of_a_case_is_overridden_or_skipped() -> None:
    names = [(our, name) for our in OURS for name in defaultTestLoader.getTestCaseNames(our)]
    assert len(names) == 40, "the library has other cases than when these were counted"
    written_here = {name for our, name in names if name in vars(our)}
    assert written_here == {"test_insert_subscribe"}
    assert not [name for our, name in names if getattr(getattr(our, name), "__unittest_skip__", False)]


def test_a_persistence_module_of_ours_holds_exactly_one_factory() -> None:
    named = {**os.environ, "PERSISTENCE_MODULE": "app.eventstore.factory"}
    made: InfrastructureFactory[Any] = InfrastructureFactory.construct(Environment("", named))
    assert get_topic(type(made)) == "app.eventstore.factory:PostgresFactory"
    made.close()


def test_the_librarys_own_postgresql_module_and_its_driver_take_no_part() -> None:
    assert "eventsourcing" in sys.modules
    assert not {name for name in sys.modules if name.startswith("eventsourcing." + "postgres")}
    assert "psycopg" not in sys.modules
    assert importlib.util.find_spec("psycopg") is None
