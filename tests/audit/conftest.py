"""What the tests of the audit share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from app.audit.outside import OutsideFile
from app.config import Settings
from tests.audit.elsewhere import Elsewhere, listening


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """A place that takes what it is sent."""
    with listening() as place:
        yield place


@pytest.fixture
def hooked(settings: Settings, elsewhere: Elsewhere) -> Settings:
    """Settings with a webhook there."""
    return replace(settings, checkpoint_webhook=f"{elsewhere.url}/notes?token=s3cret")


@pytest.fixture
def outside(settings: Settings) -> OutsideFile:
    """The file outside the database."""
    return OutsideFile(settings.home / "checkpoints.log")
